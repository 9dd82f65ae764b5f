/**
 * The sizes that a U-Net such as SDXL's is told of a training picture, as kohya's trainer takes them (sd-scripts
 * `library/train_util.py`, `get_crop_ltrb`). The crop is not where the picture was really cut: it is the margin that the
 * whole picture would leave, fitted inside its bucket.
 */
import type { Size } from '../../formats/dataset/buckets';
import type { PictureSizes } from '../../models/family';

/** `size` is the picture's, upright, before it was made smaller; [width, height] both. Mirrored, the right margin counts. */
export function pictureSizes(
  { image, bucket }: { image: { size: Size }; bucket: Size },
  mirrored: boolean,
): PictureSizes {
  const [width, height] = image.size;
  const [bucketWidth, bucketHeight] = bucket;
  const wide = bucketWidth / bucketHeight > width / height;
  const fitted = wide
    ? [bucketHeight * (width / height), bucketHeight]
    : [bucketWidth, bucketWidth / (width / height)];
  const [left, top] = [Math.floor((bucketWidth - fitted[0]) / 2), Math.floor((bucketHeight - fitted[1]) / 2)];
  return {
    original: [height, width],
    crop: [top, mirrored ? Math.trunc(bucketWidth - (left + fitted[0])) : left],
    target: [bucketHeight, bucketWidth],
  };
}

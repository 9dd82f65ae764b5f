/**
 * What becomes of pictures of their size with these settings, in the page's words: much is cut away, they are enlarged,
 * or no bucket can take them, which leaves them out instead of ending the run.
 */
import {
  bucketConfig,
  bucketResolutions,
  placeInBucket,
  UnusableImageSizeError,
  type Size,
} from '../src/formats/dataset/buckets';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { noteWords, type DatasetNote } from '../src/formats/dataset/notes';

/** A crop that takes more than this part of the area is worth a look; the page's own bound. */
const MUCH = 0.1;

/** @throws InvalidBucketConfigError */
export function fitting<T extends { name: string; size: Size }>(
  images: readonly T[],
  config: TrainConfig,
): { images: T[]; notes: string[] } {
  const cropped: string[] = [];
  const enlarged: string[] = [];
  const unusable: string[] = [];
  const buckets = bucketConfig(config);
  const resolutions = bucketResolutions(buckets);
  const usable = images.filter(({ name, size }) => {
    try {
      const { bucket, resized } = placeInBucket(size, buckets, resolutions);
      if ((bucket[0] * bucket[1]) / (resized[0] * resized[1]) < 1 - MUCH) cropped.push(name);
      if (resized[0] > size[0] || resized[1] > size[1]) enlarged.push(name);
      return true;
    } catch (error) {
      if (!(error instanceof UnusableImageSizeError)) throw error;
      unusable.push(name);
      return false;
    }
  });
  const notes: DatasetNote[] = [];
  if (unusable.length > 0) notes.push({ kind: 'left-out', reason: 'too-narrow', pictures: unusable });
  if (cropped.length > 0) notes.push({ kind: 'cropped', pictures: cropped });
  if (enlarged.length > 0) notes.push({ kind: 'enlarged', pictures: enlarged });
  return { images: usable, notes: notes.map((note) => noteWords(note).en) };
}

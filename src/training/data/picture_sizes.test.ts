/** Sizes of pictures as sd-scripts' `get_crop_ltrb` gives them: (left, top, right) by its formula, worked out by hand. */
import { expect, test } from 'vitest';
import type { Size } from '../../formats/dataset/buckets';
import { pictureSizes } from './picture_sizes';

test.each<[what: string, size: Size, bucket: Size, crop: [number, number], mirrored: [number, number]]>([
  // 1000 / 1500 of 1216 is 810.67: margins of 10.67 to the left and to the right.
  ['a bucket that is wider', [1000, 1500], [832, 1216], [0, 10], [0, 11]],
  // 832 / (1000 / 1000) is 832: 192 above and below.
  ['a bucket that is taller', [1000, 1000], [832, 1216], [192, 0], [192, 0]],
  ['a bucket of the picture’s shape', [2048, 2048], [1024, 1024], [0, 0], [0, 0]],
])('%s', (_, size, bucket, crop, mirrored) => {
  const item = { image: { size }, bucket };
  const [width, height] = size;
  const rest = { original: [height, width], target: [bucket[1], bucket[0]] };
  expect(pictureSizes(item, false)).toEqual({ ...rest, crop });
  expect(pictureSizes(item, true)).toEqual({ ...rest, crop: mirrored });
});

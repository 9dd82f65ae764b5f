/** The size of a thumbnail; that it is a JPEG in the file is the journey's. */
import { expect, test } from 'vitest';
import { thumbnailSize } from './thumbnail';

test.each([
  [512, 512, 256, 256],
  [768, 512, 256, 171],
  [64, 128, 64, 128],
  [4096, 3, 256, 1],
])('%d x %d is shown at %d x %d', (width, height, w, h) =>
  expect(thumbnailSize({ width, height })).toEqual({ width: w, height: h }),
);

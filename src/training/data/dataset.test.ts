/** What keeps a picture out of a run is said with the picture's name. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { placeImages } from './dataset';

test('the picture that fills no bucket is named', () => {
  const config = { ...defaultConfig(), bucket_no_upscale: true };
  const images = [
    { name: 'fine.png', size: [512, 512] as const, repeats: 1 },
    { name: 'strip.png', size: [300, 40] as const, repeats: 1 },
  ];
  expect(() => placeImages(images, config)).toThrow(
    /^strip\.png of 300 x 40 pixels is too small or too thin/,
  );
});

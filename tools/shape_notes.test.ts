import { expect, test } from 'vitest';
import { defaultConfig } from '../src/formats/config/config';
import { fitting } from './shape_notes';

const image = (name: string, width: number, height: number) => ({ name, size: [width, height] as const });

test('Pictures that lose much, and those that are enlarged, are named', () => {
  const images = [image('fits.png', 1024, 1024), image('small.png', 200, 200), image('strip.png', 4000, 600)];
  const config = { ...defaultConfig(), resolution: 512, enable_bucket: false };
  expect(fitting(images, config)).toEqual({
    images,
    notes: [
      '1 picture loses more than 10 % in the crop: strip.png.',
      '1 picture is smaller than the training size and will be enlarged, which blurs: small.png.',
    ],
  });
  expect(fitting(images.slice(0, 1), config).notes).toEqual([]);
});

test('A picture that no bucket can take is left out, and the others stay', () => {
  const images = [image('fits.png', 512, 512), image('thin.png', 1000, 70)];
  const config = {
    ...defaultConfig(),
    resolution: 512,
    enable_bucket: true,
    bucket_no_upscale: true,
    bucket_reso_steps: 128,
  };
  const fit = fitting(images, config);
  expect(fit.images.map(({ name }) => name)).toEqual(['fits.png']);
  expect(fit.notes).toEqual(['1 picture is left out, too long and thin (crop it): thin.png.']);
});

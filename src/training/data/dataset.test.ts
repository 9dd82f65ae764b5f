/** What keeps a picture out of a run is said with the picture's name; latents are made bucket after bucket. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { familyFacts } from '../../formats/families/families';
import type { VaeConfig } from '../../models/config';
import { cacheLatents, checkBucketStep, placeImages, posteriorNoise } from './dataset';

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

test('pictures are encoded bucket after bucket, and each keeps the noise of its place in the list', async () => {
  const config = { ...defaultConfig(), resolution: 64, min_bucket_reso: 64, flip_aug: true };
  const sizes = [
    [128, 64],
    [64, 64],
    [128, 64],
    [64, 128],
    [64, 64],
  ] as const;
  const images = sizes.map((size, i) => ({
    ...{ name: `${i}.png`, caption: '', repeats: 1, size },
    pixels: () => Promise.reject(new Error('not asked for')),
  }));
  const placed = placeImages(images, config).map((one, i) => ({ ...one, bucket: sizes[i] }));
  const asked: string[] = [];
  const mean = (index: number, side: number) => index + side / 2;
  // A mean that tells the picture, and a variance of 1.
  const moments = (index: number, side: number) => {
    asked.push(`${index}/${side}`);
    const latents = (sizes[index][0] / 8) * (sizes[index][1] / 8);
    return Promise.resolve(
      Float32Array.from({ length: latents * 8 }, (_, i) => (i % 8 < 4 ? mean(index, side) : 0)),
    );
  };
  const made: [number, Float32Array[]][] = [];
  const vae = { latentChannels: 4, scaling: 2 } as VaeConfig;
  for await (const [index, { latents }] of cacheLatents(vae, placed, config, moments))
    made.push([index, latents]);
  expect(asked).toEqual(['1/0', '1/1', '4/0', '4/1', '3/0', '3/1', '0/0', '0/1', '2/0', '2/1']);
  expect(made.map(([index]) => index)).toEqual([1, 4, 3, 0, 2]);
  for (const [index, latents] of made)
    for (const [side, values] of latents.entries()) {
      const eps = posteriorNoise(config, sizes[index], 4, [index, side]);
      expect(values).toEqual(Float32Array.from(eps, (e) => 2 * (mean(index, side) + e)));
    }
});

test('buckets in steps of 32 are SDXL’s alone', () => {
  const fine = { ...defaultConfig(), bucket_reso_steps: 32 };
  expect(() => checkBucketStep(fine, familyFacts.sd1)).toThrow(
    /32 is too fine for Stable Diffusion 1\.x.* multiple of 64/,
  );
  checkBucketStep({ ...fine, enable_bucket: false }, familyFacts.sd1);
  for (const bucket_reso_steps of [32, 64, 96])
    checkBucketStep({ ...fine, bucket_reso_steps }, familyFacts.sdxl);
});

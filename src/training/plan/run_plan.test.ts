/** A moved crop is another picture: it changes where is cut, and a state from before it does not fit any more. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { placeImages, type TrainingImage } from '../data/dataset';
import { fingerprintOf } from './run_plan';

const picture = (focus?: readonly [number, number]): TrainingImage => ({
  name: 'a.png',
  caption: 'a',
  repeats: 1,
  size: [1000, 600],
  ...(focus ? { focus } : {}),
  pixels: () => Promise.reject(new Error('not asked for')),
});
const config = { ...defaultConfig(), enable_bucket: false };
const placed = (focus?: readonly [number, number]) => placeImages([picture(focus)], config);
const print = (focus?: readonly [number, number]) => fingerprintOf(config, placed(focus), 'base');

test('the focus moves the crop within what is cut off; the middle is the centre to the pixel', () => {
  const [centre] = placed();
  expect(placed([0.5, 0.5])[0]?.placement).toEqual(centre?.placement);
  const spare = (centre?.placement.resized[0] ?? 0) - 512;
  expect(spare).toBeGreaterThan(0);
  expect([0, 1].map((x) => placed([x, 0.5])[0]?.placement.crop.x)).toEqual([0, spare]);
});

test('the fingerprint knows what changes the result, and only where it is used', async () => {
  const of = (changes: Partial<typeof config>) => fingerprintOf({ ...config, ...changes }, placed(), 'base');
  const plain = await of({});
  const prints = await Promise.all([
    of({ caption_prefix: 'zk,' }),
    of({ caption_suffix: 'zk,' }),
    of({ caption_tag_dropout_rate: 0.1 }),
    of({ caption_dropout_every_n_epochs: 2 }),
    of({ keep_tokens_separator: '|||' }),
    of({ adaptive_noise_scale: 0.01 }),
    of({ debiased_estimation_loss: true }),
  ]);
  expect(new Set([plain, ...prints]).size).toBe(prints.length + 1);
  expect(await of({ save_every_n_epochs: 1, sample_every_n_epochs: 2, keep_last_n: 3 })).toBe(plain);
});

test('the fingerprint knows a moved crop, and takes a missing focus for the centre', async () => {
  expect(await print([0.5, 0.5])).toBe(await print());
  expect(await print([0.25, 0.5])).not.toBe(await print());
  expect(await print([0.25, 0.5])).not.toBe(await print([0.5, 0.25]));
});

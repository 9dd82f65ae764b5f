/** A moved crop is another picture: it changes where is cut, and a state from before it does not fit any more. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { placeImages, type TrainingImage } from '../data/dataset';
import { multiplier } from '../step/schedule';
import { fingerprintOf, scheduleOf } from './run_plan';

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

test("polynomial's floor is relative to the common rate whatever a part's own is, as sd-scripts has it", () => {
  const rates = { learning_rate: 1.5e-3, unet_lr: 1e-3, text_encoder_lr: 4e-4, train_text_encoder: true };
  const polynomial = { ...config, ...rates, lr_scheduler: 'polynomial' as const, lr_scheduler_power: 2 };
  const at = (changes: Partial<typeof config>, step: number) =>
    multiplier(scheduleOf({ ...polynomial, ...changes }, 10), step);
  // The rates of the U-Net that sd-scripts 48d368fa logged for this run.
  for (const [step, rate] of [
    [1, 8.100126666666667e-4],
    [5, 2.5005e-4],
    [9, 1.0066e-5],
  ] as const)
    expect(at({}, step) * 1e-3).toBeCloseTo(rate, 12);
  // A common rate that no part uses may be anything.
  expect(at({ learning_rate: 0 }, 9)).toBeCloseTo(0.01 * (1 - 1e-4) + 1e-4, 12);
});

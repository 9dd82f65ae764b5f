/**
 * A run on SDXL from pictures to the file: both text encoders, shuffled captions, mirrored pictures of two shapes, samples;
 * resumed, it gives the same bytes, and it takes the memory that was predicted.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { parseLora } from '../../formats/lora/kohya_lora';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { describedModel } from '../described.testing';
import { hashedCheckpoint } from '../hashed_weights.testing';
import { bytesOf, collect, of, QUICK, shortRun } from '../run.testing';

const { tensors, lora } = describedModel('sdxl');
const base = { name: 'tiny-sdxl.safetensors', files: [hashedCheckpoint(tensors)] };
const usual = { ...QUICK, shuffle_caption: true, max_train_steps: 3, save_steps: 2, learning_rate: 1e-3 };

/** One bucket of 96 pixels: its latents are halved to 3. */
const FINE = {
  ...{ enable_bucket: true, resolution: 96, bucket_reso_steps: 32, min_bucket_reso: 96, max_bucket_reso: 96 },
};

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

test('trained with its U-Net, drawn with, saved by kohya’s names, resumed to the same bytes', async () => {
  const settings = { ...usual, sample_prompts: ['red --w 64 --h 64 --s 2'], sample_steps: 3 };
  const whole = await collect(shortRun(settings, { base }));
  expect(of(whole, 'sample-failed')).toEqual([]);
  expect(of(whole, 'sample').length).toBeGreaterThan(0);
  expect(of(whole, 'step').every(({ loss }) => Number.isFinite(loss))).toBe(true);
  const [middle, end] = of(whole, 'saved');
  const file = await bytesOf(end?.lora);
  const { modules } = await parseLora(fromBytes(file));
  const names = Object.keys(lora).filter((name) => name.startsWith('lora_unet_'));
  expect(modules.map(({ name }) => name).sort()).toEqual(names.sort());
  expect(modules.every(({ up }) => up.some((value) => value !== 0))).toBe(true);

  const state = fromBytes(await bytesOf(middle?.state));
  const rest = await collect(shortRun(settings, { base, state }));
  expect(of(rest, 'plan')[0]?.plan.from).toBe(2);
  expect(await bytesOf(of(rest, 'saved').at(-1)?.lora)).toEqual(file);
});

test('with its text encoders: their rate is their own, the first one’s last layer stays as it began', async () => {
  const events = await collect(
    shortRun({ ...usual, ...FINE, save_steps: 0, train_text_encoder: true, text_encoder_lr: 1e-4 }, { base }),
  );
  expect(of(events, 'step').every(({ loss }) => Number.isFinite(loss))).toBe(true);
  const { modules } = await parseLora(fromBytes(await bytesOf(of(events, 'saved').at(-1)?.lora)));
  expect(modules.map(({ name }) => name).sort()).toEqual(Object.keys(lora).sort());
  const moved = (pattern: RegExp) =>
    modules
      .filter(({ name }) => pattern.test(name))
      .map(({ up }) => up.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
  expect(Math.max(...moved(/^lora_te1_\w+_layers_2_/))).toBe(0);
  // Two updates of AdamW whose rate is not zero: about twice the rate, ten times less than the U-Net's.
  for (const pattern of [/^lora_te1_\w+_layers_[01]_/, /^lora_te2_/]) {
    expect(Math.min(...moved(pattern))).toBeGreaterThan(1e-5);
    expect(Math.max(...moved(pattern))).toBeLessThan(4e-4);
  }
  expect(Math.max(...moved(/^lora_unet_/))).toBeGreaterThan(5e-4);
});

/**
 * A run on SD 2.x that predicts v, from pictures to the file: its text encoder trained too, samples, resumed to the same
 * bytes; the LoRA in kohya's notation and in diffusers' holds the same.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLora } from '../../formats/lora/kohya_lora';
import { writeAs } from '../../formats/merging/written_as';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { describedModel } from '../described.testing';
import { hashedCheckpoint } from '../hashed_weights.testing';
import { bytesOf, collect, of, QUICK, shortRun } from '../run.testing';

const { tensors, lora } = describedModel('sd2');
const base = { name: 'tiny-sd2.safetensors', files: [hashedCheckpoint(tensors)] };
const SETTINGS = {
  ...QUICK,
  ...{ v_parameterization: true, train_text_encoder: true, max_train_steps: 3, save_steps: 2 },
  ...{ learning_rate: 1e-3, text_encoder_lr: 1e-3, lora_dropout: 0, save_precision: 'float' as const },
  ...{ sample_prompts: ['red --w 64 --h 64 --s 2'], sample_steps: 3 },
};

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

test('trained, drawn with, saved as sd-scripts has it, resumed, converted', async () => {
  const whole = await collect(shortRun(SETTINGS, { base }));
  expect(of(whole, 'sample-failed')).toEqual([]);
  expect(of(whole, 'sample').length).toBeGreaterThan(0);
  expect(of(whole, 'step').every(({ loss }) => Number.isFinite(loss))).toBe(true);
  const [middle, end] = of(whole, 'saved');
  const file = await bytesOf(end?.lora);
  const { family, modules, metadata } = await parseLora(fromBytes(file));
  expect(family).toBe('sd2');
  expect(modules.map(({ name }) => name).sort()).toEqual(Object.keys(lora).sort());
  // At 64 px the lowest level is one pixel, which attends to itself whatever it asks.
  const still = modules.filter(({ up }) => up.every((value) => value === 0)).map(({ name }) => name);
  expect(still.sort()).toEqual(
    ['to_k', 'to_q'].map((to) => `lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_${to}`),
  );
  expect(modules.filter(({ downShape }) => downShape.length === 4)).toHaveLength(32);
  expect(metadata).toMatchObject({ ss_v2: 'True', 'modelspec.prediction_type': 'v' });

  const state = fromBytes(await bytesOf(middle?.state));
  const rest = await collect(shortRun(SETTINGS, { base, state }));
  expect(of(rest, 'plan')[0]?.plan.from).toBe(2);
  expect(await bytesOf(of(rest, 'saved').at(-1)?.lora)).toEqual(file);

  const [written] = await writeAs('diffusers', { family, modules, precision: 'float', metadata });
  const again = new Map((await parseLora(fromBytes(written.bytes))).modules.map((each) => [each.name, each]));
  expect(again.size).toBe(modules.length);
  for (const { name, down, up, alpha } of modules)
    expect(again.get(name), name).toMatchObject({ down, up, alpha });
});

/** Stable Diffusion 1.5 starts with every default on any tier: what is predicted for it, without a byte of it. */
import { afterEach, expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import type { TrainConfig } from '../../formats/config/config_fields';
import { closeDevice, gpu, openDevice, openGpu, type Tier } from '../../kernels/device';
import { BufferTooLargeError } from '../../kernels/buffers';
import { unetBlocks } from '../../models/unet';
import type { BaseModelPlan } from '../step/base_model';
import { placeImages } from '../data/dataset';
import { fitMemory, MemoryBudgetError } from './fit_memory';
import { stream } from '../step/random';
import { budgetOf, outlineOf } from './run_plan';
import { sd1 } from '../../models/sd1/family';
import { sd15 } from '../../models/sd1/sd15.testing';
import { sdxl } from '../../models/sdxl/family';
import { sdxlBase } from '../../models/sdxl/sdxl.testing';
import { predictions } from './memory';

/** What `planBaseModel` reads off a checkpoint of it. */
const SD15: BaseModelPlan = {
  ...sd15,
  tensors: { unet: new Map(), vae: new Map(), text1: new Map(), text2: new Map() },
  family: sd1,
  schedule: sd1.schedule(),
};
const BLOCKS = unetBlocks(SD15.unet).length;

/** What the presets of the page set that takes memory. */
const STYLE = { lora_rank: 16, caption_dropout_rate: 0.05, shuffle_caption: true };
const CHARACTER = { lora_rank: 16, train_text_encoder: true, shuffle_caption: true };

const SETS: Record<string, [number, number][]> = {
  'one picture': [[4000, 3000]],
  'twenty, upright and lying': Array.from({ length: 20 }, (_, i) => (i % 3 ? [1080, 1920] : [1600, 1200])),
  'five hundred of any shape': Array.from({ length: 500 }, (_, i) => {
    const random = stream(3, 'shapes', i);
    return [256 + random.int(2000), 256 + random.int(2000)];
  }),
};

afterEach(() => {
  expect(openGpu()?.errors ?? []).toEqual([]);
  closeDevice();
});

async function open(tier: Tier, limits: 'its own' | 'large' = 'its own'): Promise<void> {
  const { device } = await openDevice({ tier });
  if (limits === 'its own') return;
  // As most cards have: the whole of a picture can be decoded at once.
  const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } = device.limits;
  const large = { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 32 - 4 };
  Object.defineProperty(device, 'limits', {
    value: { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, ...large },
  });
}

function fit(settings: Partial<TrainConfig>, sizes: readonly [number, number][], cardGb?: number) {
  const config = { ...defaultConfig(), sample_prompts: ['a', 'b'], ...settings };
  const placed = placeImages(
    sizes.map((size) => ({ size, repeats: 1 })),
    config,
  );
  const { request, budgetBytes, auto } = outlineOf(SD15, config, placed, cardGb);
  return fitMemory(request, BLOCKS, budgetBytes, undefined, { anyway: auto });
}

test.each([
  // The tier changes next to nothing; limits decide what is bound.
  ['f32', 'its own'],
  ['f16-subgroups', 'large'],
] as const)('%s, %s limits: at most 3.5 GB, samples included', async (tier, limits) => {
  await open(tier, limits);
  const peak = (settings: Partial<TrainConfig>, set: string) => fit(settings, SETS[set] ?? []).peakBytes;
  for (const preset of [STYLE, CHARACTER])
    expect(peak({ ...preset, batch_size: 2 }, 'twenty, upright and lying')).toBeLessThanOrEqual(3.5e9);
  expect(peak({ ...CHARACTER, batch_size: 4 }, 'one picture')).toBeLessThanOrEqual(3.5e9);
  expect(peak({ ...CHARACTER, batch_size: 1 }, 'five hundred of any shape')).toBeLessThanOrEqual(3.5e9);
});

test('a batch that does not fit goes through in parts; a card of 24 GB takes it whole and recomputes nothing', async () => {
  await open('f16-subgroups', 'large');
  const square: [number, number][] = Array.from({ length: 8 }, () => [512, 512]);
  expect(fit({ ...STYLE, batch_size: 8 }, square)).toMatchObject({ microBatch: 4 });
  expect(fit({ ...STYLE, batch_size: 8 }, square, 24)).toMatchObject({
    microBatch: 8,
    firstKeptBlock: 0,
    guidedTogether: true,
  });
  const six = fit({ ...STYLE, batch_size: 2 }, square, 6);
  expect(six.microBatch).toBe(2);
  expect(six.peakBytes).toBeLessThanOrEqual(4.5e9);
});

test('encoding and samples take no more than training does, where memory is short', async () => {
  await open('f16', 'large');
  const least = { sample_prompts: ['a'], lora_rank: 8, batch_size: 1, memory_budget_gb: 2.4 };
  const small = fit(least, [[512, 512]]);
  expect(small.trainingBytes).toBeLessThanOrEqual(2.4e9);
  expect(small.peakBytes).toBe(small.trainingBytes);
  expect(small.encodingBytes).toBeLessThanOrEqual(0.78e9);
  expect(small.decodeTile).toBeLessThan(64);
  // With more of it the same picture is decoded whole.
  expect(fit({ ...least, memory_budget_gb: 3.5 }, [[512, 512]])).toMatchObject({
    decodeTile: 64,
    guidedTogether: true,
  });
  // A long run of shuffled captions needs its text encoder again and again, beside all that stays.
  const long = { ...least, shuffle_caption: true, max_train_steps: 100_000, memory_budget_gb: 3.5 };
  expect(fit(long, [[512, 512]]).encodingBytes).toBeGreaterThan(1.9e9);
});

test.each([
  ['fp16', 6.7],
  ['int8', 4.2],
  ['nf4', 3.1],
] as const)(
  'SDXL at 1024, %s: the whole run takes what its training takes, samples included',
  async (base_precision, gb) => {
    await open('f16-subgroups', 'large');
    const plan: BaseModelPlan = { ...SD15, ...sdxlBase, family: sdxl, schedule: sdxl.schedule() };
    const settings = { resolution: 1024, max_bucket_reso: 2048, lora_rank: 8, batch_size: 1, base_precision };
    const config = { ...defaultConfig(), ...settings, train_text_encoder: false, sample_prompts: ['a'] };
    const { request } = outlineOf(plan, config, placeImages([{ size: [1024, 1024], repeats: 1 }], config));
    const least = predictions(request).of(sdxl.blocks(plan.unet).length, 1);
    expect(least.trainingBytes).toBeLessThanOrEqual(gb * 1e9);
    expect(least.peakBytes).toBe(least.trainingBytes);
    expect(least.encodingBytes).toBeLessThanOrEqual(2.6e9);
  },
);

test.each([
  ['int8', 1.3],
  ['nf4', 1.2],
] as const)('SD 1.5 at 512, %s: samples included', async (base_precision, gb) => {
  await open('f16', 'large');
  const least = { sample_prompts: ['a'], lora_rank: 8, batch_size: 1, memory_budget_gb: gb, base_precision };
  expect(fit(least, [[512, 512]]).peakBytes).toBeLessThanOrEqual(gb * 1e9);
});

test('a budget set by hand refuses what not even its least fits, and says how much that is', async () => {
  await open('f32');
  const square: [number, number][] = [[512, 512]];
  expect(() => fit({ ...STYLE, memory_budget_gb: 2 }, square)).toThrow(MemoryBudgetError);
  const int8 = { ...STYLE, memory_budget_gb: 1, base_precision: 'int8' } as const;
  expect(() => fit({ ...int8, base_precision: 'fp16' }, square)).toThrow(/set base_precision to int8/);
  // What is set already is no advice.
  expect(() => fit(int8, square)).toThrow(/lora_rank, raise memory_budget_gb/);
});

test('a size that this adapter cannot bind is said before the run, not in the middle of it', async () => {
  await open('f32');
  const { maxStorageBufferBindingSize } = gpu().device.limits;
  expect(maxStorageBufferBindingSize).toBeLessThan(300e6);
  const large = { ...STYLE, resolution: 1024, max_bucket_reso: 1024 };
  expect(() => fit(large, [[1024, 1024]])).toThrow(BufferTooLargeError);
  // Four at once would need 168 MB in one piece; fewer do not.
  expect(fit({ ...STYLE, batch_size: 4 }, Array(4).fill([512, 512]), 24).microBatch).toBeLessThan(4);
});

test('the room that is left beside a card’s desktop', () => {
  const of = (gb: number, card?: number) =>
    budgetOf({ ...defaultConfig(), memory_budget_gb: gb }, card).budgetBytes / 1e9;
  expect([of(0), of(0, 4), of(0, 8), of(0, 24), of(6, 24)]).toEqual([3.5, 2.5, 6.5, 20.4, 6]);
});

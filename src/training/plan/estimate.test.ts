/** What is estimated is what a run then plans and writes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { formatConfig } from '../../formats/config/config_format';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import type { EstimateRequest } from '../../protocol/trainer';
import { estimate } from './estimate';
import { probe } from './probe';
import { collect, of, pictures, shortRun } from '../run.testing';
import { train } from '../loop/train';

const TINY = readFileSync(new URL('../../../reference/golden/tiny-sd15.safetensors', import.meta.url));

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

function requestFor(settings: Parameters<typeof shortRun>[0] = {}): EstimateRequest {
  return {
    config: formatConfig(shortRun(settings).config),
    base: [new Blob([TINY])],
    baseName: 'tiny-sd15.safetensors',
    images: pictures().map(({ size: [width, height], repeats }) => ({ width, height, repeats })),
  };
}

async function planned(settings: Parameters<typeof shortRun>[0]) {
  for await (const event of train(shortRun(settings))) if (event.kind === 'plan') return event.plan;
  throw new Error('The run made no plan.');
}

test.each([
  ['without samples', {}],
  [
    'with samples, epochs and a trained text encoder',
    { sample_prompts: ['red'], max_train_steps: 0, epochs: 3, train_text_encoder: true },
  ],
])('%s: steps, LoRA, blocks and bytes are those of the run', async (_, settings) => {
  const plan = await planned(settings);
  const guess = await estimate(requestFor(settings));
  expect(guess).toMatchObject({
    steps: plan.steps,
    epochs: plan.epochs,
    stepsPerEpoch: plan.stepsPerEpoch,
    loraModules: plan.loraModules,
    loraParameters: plan.loraParameters,
    recomputedBlocks: plan.recomputedBlocks,
    blocks: plan.blocks,
    peakBytes: plan.predictedPeakBytes,
    fits: true,
  });
  const { weights, kept, working, lora } = guess.bytes;
  expect(weights + kept + working + lora).toBe(guess.peakBytes);
  for (const part of [weights, kept, working, lora]) expect(part).toBeGreaterThanOrEqual(0);
});

test('with memory for some of the blocks, as many are recomputed as the run recomputes', async () => {
  const settings = { batch_size: 5, min_bucket_reso: 64, resolution: 192, max_bucket_reso: 256 };
  const most = await estimate(requestFor({ ...settings, memory_budget_gb: 100 }));
  const least = await estimate(requestFor({ ...settings, memory_budget_gb: 0.001 }));
  const budget = { ...settings, memory_budget_gb: (most.peakBytes + least.peakBytes) / 2e9 };
  const guess = await estimate(requestFor(budget));
  expect(guess.recomputedBlocks).toBeGreaterThan(0);
  expect(guess.recomputedBlocks).toBeLessThan(guess.blocks - 1);
  expect(guess.bytes.kept).toBeGreaterThan(0);
  const plan = await planned(budget);
  expect(guess).toMatchObject({
    recomputedBlocks: plan.recomputedBlocks,
    peakBytes: plan.predictedPeakBytes,
  });
});

test('buckets are those that pictures go to, with how many', async () => {
  const { buckets } = await estimate(requestFor({ resolution: 192 }));
  expect(buckets).toEqual([
    { width: 192, height: 192, images: 2 },
    { width: 256, height: 128, images: 3 },
  ]);
});

test('the file is as long as estimated, to two per cent', async () => {
  const run = await collect(shortRun({ max_train_steps: 1, save_steps: 0 }));
  const bytes = of(run, 'saved')[0]?.lora.blob.size ?? 0;
  const { loraBytes } = await estimate(requestFor());
  expect(Math.abs(loraBytes - bytes) / bytes).toBeLessThan(0.02);
});

test('what does not fit says by how much', async () => {
  const guess = await estimate(requestFor({ memory_budget_gb: 0.001 }));
  expect(guess.fits).toBe(false);
  expect(guess.recomputedBlocks).toBe(guess.blocks);
  expect(guess.peakBytes).toBeGreaterThan(guess.budgetBytes);
});

test('a larger batch, more accumulation or recomputation makes a step dearer in proportion', async () => {
  const flops = async (settings: Parameters<typeof shortRun>[0]) =>
    (await estimate(requestFor({ enable_bucket: false, ...settings }))).flopsPerStep;
  const one = await flops({ batch_size: 1, gradient_accumulation_steps: 1 });
  const five = await flops({ batch_size: 1, gradient_accumulation_steps: 5 });
  expect(five / one).toBeCloseTo(5, 5);
  expect((await flops({ batch_size: 5, gradient_accumulation_steps: 1 })) / one).toBeGreaterThan(4);
});

test('errors are those of a run', async () => {
  await expect(estimate({ ...requestFor(), images: [] })).rejects.toThrow(/no pictures/);
  await expect(estimate({ ...requestFor(), config: 'epochs: none' })).rejects.toThrow(/epochs/);
  await expect(estimate({ ...requestFor(), base: [new Blob(['PK'])] })).rejects.toThrow();
});

test('the probe measures what the adapter sustains, and stops by itself', async () => {
  const found = await probe();
  // Its own limit is 2.5 s and what it has begun; a machine that does other things too takes several times that.
  expect(found.seconds).toBeLessThan(30);
  expect(found).toMatchObject({ software: true, tier: gpu().tier });
  expect(found.adapter).toMatch(/llvmpipe/);
  expect(found.limits.maxBufferSize).toBe(gpu().device.limits.maxBufferSize);
  expect(found.gflops).toBeGreaterThan(0.1);
  expect(found.gflops).toBeLessThan(2000);
  expect(gpu().buffers.ledger().usedBytes).toBe(0);
});

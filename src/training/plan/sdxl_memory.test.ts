/** What one step of SDXL takes at 1024 px, and a picture drawn with it, predicted without a byte of it: within what an 8 GB card has. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { sdxl } from '../../models/sdxl/family';
import { sdxlBase } from '../../models/sdxl/sdxl.testing';
import { loraShapes } from '../step/lora_file';
import { drawPlan } from '../sampling/sample_memory';
import { ownBudget } from '../step/budget';
import { walkStep, type MemoryRequest } from './memory';

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(closeDevice);

function peakGb(text: 'given' | 'trained'): number {
  const config = { family: sdxl, ...sdxlBase };
  const trained = { train_unet: true, train_text_encoder: text === 'trained' };
  const request: MemoryRequest = {
    config,
    lora: { shapes: loraShapes(config, { ...trained, lora_rank: 8, lora_alpha: 8 }), dropout: 0 },
    optimizer: 'adamw',
    settings: { text, trainUnet: true, chunks: 1, clipSkip: 1, vPrediction: false, activations: 'half' },
    buckets: [{ size: 1, width: 1024, height: 1024 }],
    samples: undefined,
    keep: text === 'trained' ? sdxl.texts : [],
  };
  return walkStep(request, { firstKeptBlock: 999, microBatch: 1 }).peakBytes / 1e9;
}

test('1024 px, one picture at a time, rank 8, everything recomputed', () => {
  const peak = peakGb('given');
  expect(peak).toBeGreaterThan(6.5);
  expect(peak).toBeLessThanOrEqual(6.7);
  // Its text encoders, their LoRA and their activations come on top: 1.6 GB of weights are most of it.
  const both = peakGb('trained');
  expect(both - peak).toBeGreaterThan(1.6);
});

test('a picture of 1024 px fits what an 8 GB card has to spare, its text encoders gone by then; 24 GB hold everything', () => {
  const config = { family: sdxl, ...sdxlBase };
  const of = (cardGb: number) =>
    drawPlan(
      config,
      { width: 1024, height: 1024 },
      { loraBytes: 85e6, chunks: 1, budgetBytes: ownBudget(cardGb) },
    );
  const eight = of(8);
  expect(eight.peakBytes).toBeLessThanOrEqual(ownBudget(8));
  expect(eight.textsStay).toBe(false);
  // This adapter binds less than a card of 24 GB does; tiles stay as it has them.
  gpu().buffers.simulatedLimit = 2 ** 31;
  const large = of(24);
  gpu().buffers.simulatedLimit = undefined;
  expect(large).toMatchObject({ textsStay: true, guidedTogether: true });
  expect(large.peakBytes).toBeGreaterThan(ownBudget(8) + 1e9);
});

/**
 * What the backward pass gives back early, nothing reads any more: each buffer is filled with NaN as it is given back, before
 * another operation can have it, and the gradients stay what they were to the bit.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { overrideManyKeys } from '../../kernels/attention/attention';
import { STORAGE } from '../../kernels/buffers';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { flush } from '../../kernels/program';
import { differentiate, goldenBatch, goldenStart, type GoldenSettings } from '../differentiate.testing';
import { golden } from '../golden.testing';
import { goldenSource } from '../golden_source.testing';
import { GOLDEN_STEP } from '../described.testing';
import { loadBaseModel, type BaseModel } from './base_model';

const LARGEST = 1 << 24;

let base: BaseModel | undefined;
beforeAll(async () => {
  await openDevice({ tier: 'f32' });
  base = await loadBaseModel([goldenSource('tiny-sd15.safetensors')]);
  // Some blocks keep what attention gave.
  overrideManyKeys(90);
});
afterAll(() => {
  overrideManyKeys(undefined);
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

/** Runs `work` with buffers spoilt as they are given back; how many were. */
async function spoiling(work: () => Promise<void>): Promise<number> {
  const { buffers, device } = gpu();
  const nan = device.createBuffer({ size: LARGEST, usage: 0x04 | 0x08 });
  device.queue.writeBuffer(nan, 0, new Uint32Array(LARGEST / 4).fill(0x7fc07e00));
  const release = buffers.releaseBuffer.bind(buffers);
  let count = 0;
  buffers.releaseBuffer = (buffer, reuse) => {
    if (buffer.usage === STORAGE && buffer.size <= LARGEST) {
      flush();
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(nan, 0, buffer, 0, buffer.size);
      device.queue.submit([encoder.finish()]);
      count++;
    }
    release(buffer, reuse);
  };
  try {
    await work();
  } finally {
    buffers.releaseBuffer = release;
    nan.destroy();
  }
  return count;
}

test.each([
  ['the U-Net', 'given', 'half'],
  ['the U-Net, activations as singles', 'given', 'single'],
  ['the U-Net and the text encoder', 'trained', 'half'],
] as const)('%s: nothing that is given back is read again', async (_, text, activations) => {
  if (!base) throw new Error('The base model is not loaded.');
  const of = base;
  const want = await golden('grads');
  const batch = goldenBatch(want, text === 'given' ? 'context' : 'ids');
  const start = await goldenStart(goldenSource);
  const settings: GoldenSettings = { ...GOLDEN_STEP, text, activations };
  const { blocks } = of.unet;
  for (const firstKeptBlock of [0, 30, blocks.length - 1, blocks.length]) {
    const clean = await differentiate(of, { ...settings, firstKeptBlock }, batch, start);
    expect(Number.isFinite(clean.loss)).toBe(true);
    const spoilt = await spoiling(async () => {
      expect(await differentiate(of, { ...settings, firstKeptBlock }, batch, start)).toEqual(clean);
    });
    expect(spoilt).toBeGreaterThan(1000);
  }
});

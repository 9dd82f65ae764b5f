/** Whose choice a run goes by. A CPU stands in for a GPU here, and numbers for the measuring. */
import { afterAll, beforeEach, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice, setTuning } from '../../kernels/device';
import { cutFor } from '../../kernels/gemm/cut';
import { halfMath } from '../../kernels/gemm/tile';
import { flopsPerSubmit } from '../../kernels/program';
import type { Tuning } from '../../kernels/tuned';
import { measureTuning } from '../../kernels/tuner';
import { entryName } from '../data/kept_latents';
import { adapterKey, tuneFor, tuneIfKnown, type TuningCache } from './tuning';

const MEASURED: Tuning = { multiprocessors: 82, math: 'wide', gflops: 14_000 };
const KEPT: Tuning = { multiprocessors: 20, math: 'round', gflops: 900 };
const on = { tune_gpu: true };
const off = { tune_gpu: false };

/** What was put, by adapter; `has` is there from before. */
function memory(has?: unknown): TuningCache & { all: Map<string, unknown> } {
  const all = new Map<string, unknown>(has === undefined ? [] : [[adapterKey(), has]]);
  return {
    all,
    get: async (adapter) => all.get(adapter),
    put: async (adapter, tuning) => void all.set(adapter, tuning),
  };
}

let asked = 0;
const measure = async () => {
  asked++;
  return MEASURED;
};

beforeEach(async () => {
  asked = 0;
  Object.assign(await openDevice(), { software: false });
});
afterAll(closeDevice);

test('a first run measures and keeps it, the next one on the same adapter takes that', async () => {
  const cache = memory();
  await tuneFor(on, undefined, cache, measure);
  expect([gpu().tuning, asked]).toEqual([MEASURED, 1]);
  expect([...cache.all]).toEqual([[adapterKey(), MEASURED]]);
  setTuning(undefined);
  await tuneIfKnown(cache);
  expect(gpu().tuning).toEqual(MEASURED);
  await tuneFor(on, undefined, cache, measure);
  expect([gpu().tuning, asked]).toEqual([MEASURED, 1]);
  // Another tier or driver is another adapter.
  const key = adapterKey();
  Object.assign(gpu(), { adapter: { ...gpu().adapter, description: 'another driver' } });
  expect(adapterKey()).not.toBe(key);
});

test('a damaged cache, and one that cannot be read or written, cost a measurement', async () => {
  await tuneFor(on, undefined, memory({ multiprocessors: 'many' }), measure);
  const broken: TuningCache = {
    get: () => Promise.reject(new Error('no room')),
    put: () => Promise.reject(new Error('no room')),
  };
  await tuneFor(on, undefined, broken, measure);
  await tuneFor(on, undefined, undefined, measure);
  expect([gpu().tuning, asked]).toEqual([MEASURED, 3]);
  await tuneIfKnown(broken);
});

test('the measuring itself, on products that a CPU has soon done', async () => {
  const small = [
    { M: 64, N: 32, K: 32, kind: 'conv', minMs: 1 },
    { M: 64, N: 32, K: 32, kind: 'linear', minMs: 1 },
  ] as const;
  // CPU drivers take a minute to compile a GPU's tiles in halves.
  Object.assign(await openDevice({ tier: 'f32' }), { software: false });
  const cache = memory();
  await tuneFor(on, undefined, cache, () => measureTuning(small));
  const { gflops, math, multiprocessors } = gpu().tuning ?? {};
  expect(gflops).toBeGreaterThanOrEqual(1);
  expect(math).toBeUndefined();
  if (multiprocessors !== undefined) expect(multiprocessors).toBeGreaterThan(1);
  expect([...cache.all.values()]).toEqual([gpu().tuning]);
  expect(gpu().errors).toEqual([]);
});

test('where it cannot be measured, the run goes on without, and nothing is kept', async () => {
  const cache = memory();
  await tuneFor(on, undefined, cache, () => Promise.reject(new Error('The program does not compile.')));
  expect(gpu().tuning).toBeUndefined();
  expect(cache.all.size).toBe(0);
});

test('a resumed run takes what its state has, nothing included, whatever the setting says', async () => {
  for (const config of [on, off]) {
    await tuneFor(config, { tuning: KEPT }, memory(MEASURED), measure);
    expect(gpu().tuning).toEqual(KEPT);
    await tuneFor(config, {}, memory(MEASURED), measure);
    expect(gpu().tuning).toBeUndefined();
  }
  expect(asked).toBe(0);
});

test('off, nothing is measured and nothing kept is used; a CPU is never tuned', async () => {
  await tuneFor(off, undefined, memory(MEASURED), measure);
  expect(gpu().tuning).toBeUndefined();
  Object.assign(gpu(), { software: true });
  for (const saved of [undefined, { tuning: KEPT }]) await tuneFor(on, saved, memory(MEASURED), measure);
  await tuneIfKnown(memory(MEASURED));
  setTuning(KEPT);
  expect([gpu().tuning, asked]).toEqual([undefined, 0]);
});

test('products are cut, computed and submitted by it', async () => {
  const heavy = { M: 4096, N: 320, K: 320, taps: 9 };
  const untuned = [cutFor(heavy), flopsPerSubmit()];
  await tuneFor(on, { tuning: KEPT }, undefined, measure);
  expect([cutFor(heavy), flopsPerSubmit()]).not.toEqual(untuned);
  expect(flopsPerSubmit()).toBe(9e10);
  expect(halfMath()).toBe('round');
  // Latents that were kept are another tuning's if it computes otherwise; its rate changes no bits.
  const placement = { bucket: [64, 64], resized: [64, 64], crop: { x: 0, y: 0 }, aspectError: 0 } as const;
  const name = () => entryName('encoder', 'picture', placement, 0);
  const named = await name();
  setTuning({ ...KEPT, gflops: 901 });
  expect(await name()).toBe(named);
  for (const other of [undefined, MEASURED, { ...KEPT, multiprocessors: 21 }]) {
    setTuning(other);
    expect(await name()).not.toBe(named);
  }
  // Sums in halves only where halves keep what is small, whatever a state from another card says.
  setTuning({ math: 'multiply' });
  const flushing = { productKept: false, sumKept: true, overflowIsInfinite: true, values: [] };
  expect([halfMath(), halfMath({ ...gpu(), halves: flushing })]).toEqual(['multiply', 'wide']);
});

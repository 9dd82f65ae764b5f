import { expect, it } from 'vitest';
import { closeDevice, openDevice } from './device';
import { halfMath } from './gemm/tile';
import { halvesHold, halvesOf, probeHalves } from './halves';

it('asks the device, and a CPU that computes in halves keeps the rules', async () => {
  const gpu = await openDevice();
  if (gpu.f16) {
    const halves = await probeHalves(gpu.device);
    expect(halves.values).toHaveLength(3);
    expect(halvesHold(halves)).toBe(true);
  }
  // Not asked where the CPU computes: products are in f32 there.
  expect(gpu.halves === undefined).toBe(gpu.software);
  closeDevice();
});

it('sums no products of halves in halves where they flush small numbers or hide an overflow', async () => {
  const gpu = await openDevice();
  const card = { ...gpu, software: false };
  closeDevice();
  const kept = [2 ** -20, 2 ** -16 + 2 ** -20, Infinity];
  expect(halfMath({ ...card, halves: halvesOf(Float32Array.from(kept)) })).toBe('multiply');
  for (const [place, value] of [
    [0, 0],
    [1, 0],
    [1, 2 ** -16],
    [2, 65504],
    [2, NaN],
  ]) {
    const halves = halvesOf(Float32Array.from(kept.with(place, value)));
    expect(halfMath({ ...card, halves }), `${place}: ${value}`).toBe('wide');
  }
});

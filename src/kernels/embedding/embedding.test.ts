import { expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { cases } from './embedding.cases';
import { timestepFrequencies } from './embedding';
import { halfToNumber } from './embedding.reference';

onEveryTier(cases);

test('halfToNumber knows the corners of binary16', () => {
  expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00].map(halfToNumber)).toEqual([
    1,
    -2,
    65504,
    2 ** -24,
    Infinity,
  ]);
});

test('the coarse part of each frequency times any timestep is exact in f32', () => {
  const parts = timestepFrequencies(320);
  for (let i = 0; i < 160; i++) {
    for (const t of [999, 1023, 511]) expect(Math.fround(t * parts[2 * i])).toBe(t * parts[2 * i]);
    expect((parts[2 * i] + parts[2 * i + 1]) * 2 * Math.PI * 10000 ** (i / 160)).toBeCloseTo(1, 10);
  }
});

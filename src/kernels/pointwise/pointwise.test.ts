import { describe, expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { finiteDifferences, sample } from '../testing';
import { cases } from './pointwise.cases';
import {
  gegluGradientReference,
  gegluReference,
  geluReference,
  normalCdf,
  quickGeluReference,
  siluReference,
} from './pointwise.reference';

onEveryTier(cases);

describe('the references', () => {
  test.each([
    ['silu', siluReference],
    ['quickGelu', quickGeluReference],
    ['gelu', geluReference],
  ])('%s agrees with finite differences', (_, { value, slope }) => {
    for (const x of [-4, -1.3, 0, 0.4, 2.2, 5]) {
      expect((value(x + 1e-5) - value(x - 1e-5)) / 2e-5).toBeCloseTo(slope(x), 8);
    }
  });

  test('geglu agrees with finite differences', () => {
    const [x, dy] = [Float64Array.from(sample(12, 1)), sample(6, 2)];
    const f = (v: Float64Array) => gegluReference(v, 3).reduce((sum, y, i) => sum + y * dy[i], 0);
    const at = x.map((_, i) => i);
    const slopes = finiteDifferences(f, x, Array.from(at));
    const dx = gegluGradientReference(x, 3, dy);
    slopes.forEach((slope, i) => expect(dx[i]).toBeCloseTo(slope, 8));
  });

  test('normalCdf has the known quantiles', () => {
    expect(normalCdf(0)).toBe(0.5);
    expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 13);
    expect(normalCdf(-1)).toBeCloseTo(0.15865525393145707, 14);
    expect(normalCdf(-5) / 2.866515718791946e-7).toBeCloseTo(1, 9);
  });
});

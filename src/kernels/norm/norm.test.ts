import { describe, expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { finiteDifferences, sample } from '../testing';
import { cases } from './norm.cases';
import {
  groupNormGradientReference,
  groupNormReference,
  layerNormGradientReference,
  layerNormReference,
} from './norm.reference';

onEveryTier(cases);

describe('the references agree with finite differences', () => {
  const at = [0, 7, 31, 59];

  test.each([true, false])('groupNorm, silu %s', (silu) => {
    const [gamma, beta, shift, dy] = [sample(6, 2), sample(6, 3), sample(12, 4), sample(60, 5)];
    const problem = (x: ArrayLike<number>) => ({
      batch: 2,
      rows: 5,
      channels: 6,
      groups: 3,
      eps: 1e-5,
      silu,
      x,
      gamma,
      beta,
      shift,
    });
    const x = Float64Array.from(sample(60, 1));
    const dx = groupNormGradientReference(problem(x), dy);
    const slopes = finiteDifferences((v) => dot(groupNormReference(problem(v)), dy), x, at);
    slopes.forEach((slope, k) => expect(dx[at[k]]).toBeCloseTo(slope, 6));
  });

  test('layerNorm', () => {
    const [gamma, beta, dy] = [sample(6, 2), sample(6, 3), sample(60, 5)];
    const x = Float64Array.from(sample(60, 1));
    const dx = layerNormGradientReference(x, gamma, 1e-5, dy);
    const slopes = finiteDifferences((v) => dot(layerNormReference(v, gamma, beta, 1e-5), dy), x, at);
    slopes.forEach((slope, k) => expect(dx[at[k]]).toBeCloseTo(slope, 6));
  });
});

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0);
}

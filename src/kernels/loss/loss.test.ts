import { expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { finiteDifferences, sample } from '../testing';
import { cases } from './loss.cases';
import { weightedMseGradientReference, weightedMseReference } from './loss.reference';

onEveryTier(cases);

test('the reference gradient agrees with finite differences', () => {
  const [pred, target, weights] = [Float64Array.from(sample(12, 1)), sample(12, 2), [0.5, 2, 1]];
  const slopes = finiteDifferences((v) => weightedMseReference(v, target, weights), pred, [0, 5, 11]);
  const gradient = weightedMseGradientReference(pred, target, weights);
  [0, 5, 11].forEach((i, k) => expect(gradient[i]).toBeCloseTo(slopes[k], 8));
});

test('the reference is the mean over the batch of weighted means', () => {
  expect(weightedMseReference([1, 3, 2, 2], [0, 0, 0, 0], [1, 0.5])).toBe((5 * 1 + 4 * 0.5) / 2);
});

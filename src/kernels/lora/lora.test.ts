import { expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { finiteDifferences, sample } from '../testing';
import { cases } from './lora.cases';
import { dropoutMask, loraGradientReference, loraReference, type LoraReferenceInput } from './lora.reference';

onEveryTier(cases);

test('the reference gradients are the slopes of the reference', () => {
  const [m, out, inn, rank] = [3, 4, 5, 2];
  const mask = dropoutMask(m * rank, 0.4, 3, 1);
  const input: LoraReferenceInput = {
    x: sample(m * inn, 1), w: sample(out * inn, 2), down: sample(rank * inn, 3), up: sample(out * rank, 4),
    scale: 0.3, mask, m, out, in: inn, rank,
  }; // prettier-ignore
  const dy = sample(m * out, 5);
  const { dx, dDown, dUp } = loraGradientReference(input, dy);
  for (const [name, gradient] of [
    ['x', dx],
    ['down', dDown],
    ['up', dUp],
  ] as const) {
    const f = (moved: Float64Array) =>
      loraReference({ ...input, [name]: moved }).reduce((s, v, i) => s + v * dy[i], 0);
    const slopes = finiteDifferences(f, Float64Array.from(input[name]), [0, 3, 7]);
    [0, 3, 7].forEach((i, n) => expect(slopes[n]).toBeCloseTo(gradient[i], 7));
  }
});

test('the mask drops at its rate, differs by seed and stream, and keeps the mean', () => {
  const mask = dropoutMask(20000, 0.25, 11, 0);
  const dropped = mask.filter((v) => v === 0).length / mask.length;
  expect(Math.abs(dropped - 0.25)).toBeLessThan(0.015);
  expect(Math.abs(mask.reduce((s, v) => s + v, 0) / mask.length - 1)).toBeLessThan(0.02);
  for (const other of [dropoutMask(20000, 0.25, 12, 0), dropoutMask(20000, 0.25, 11, 1)]) {
    const same = other.filter((v, i) => (v === 0) === (mask[i] === 0)).length / mask.length;
    expect(Math.abs(same - 0.625)).toBeLessThan(0.02); // 0.75^2 + 0.25^2 of independent masks agree
  }
});

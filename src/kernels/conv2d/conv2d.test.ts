import { expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { finiteDifferences, sample } from '../testing';
import { cases } from './conv2d.cases';
import {
  convGradientReference,
  convReference,
  doubled,
  doubledGradient,
  outputSize,
} from './conv2d.reference';

onEveryTier(cases);

test.each([
  [1, [1, 1, 1, 1]],
  [2, [1, 1, 1, 1]],
  [2, [0, 1, 0, 1]],
] as const)('the reference gradient is the slope of the reference: stride %d, pad %s', (stride, pad) => {
  const shape = { batch: 2, H: 4, W: 5, in: 2, out: 3, stride, pad };
  const [oh, ow] = outputSize(shape);
  const x = Float64Array.from(sample(shape.batch * shape.H * shape.W * shape.in, 1));
  const w = sample(shape.in * shape.out * 9, 2);
  const dy = sample(shape.batch * oh * ow * shape.out, 3);
  const f = (xs: Float64Array) =>
    convReference(xs, w, undefined, shape).reduce((s, v, i) => s + v * dy[i], 0);
  const at = [0, 17, 41, 79];
  const slopes = finiteDifferences(f, x, at);
  const dx = convGradientReference(dy, w, shape);
  at.forEach((i, n) => expect(slopes[n]).toBeCloseTo(dx[i], 6));
});

test('doubling and its gradient are adjoint', () => {
  const [batch, H, W, C] = [2, 2, 3, 2];
  const x = sample(batch * H * W * C, 1);
  const dy = sample(4 * x.length, 2);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((s, v, i) => s + v * b[i], 0);
  expect(dot(doubled(x, batch, H, W, C), dy)).toBeCloseTo(dot(x, doubledGradient(dy, batch, H, W, C)), 8);
});

import { expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { cases } from './optimizer.cases';
import { packHyper } from './hyper';
import { referenceStep } from './optimizer.reference';

onEveryTier(cases);

const HYPER = {
  rates: [0.1],
  growthInterval: 0,
  maxNorm: 0,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.5,
};

test('the first AdamW step is lr in the direction of the sign, after decay', () => {
  const state = { p: Float64Array.of(2, -3), m: new Float64Array(2), v: new Float64Array(2), t: 0 };
  referenceStep('adamw', state, [0.25, -4], HYPER, () => 0, 1);
  expect(state.p[0]).toBeCloseTo(2 * 0.95 - 0.1, 6);
  expect(state.p[1]).toBeCloseTo(-3 * 0.95 + 0.1, 6);
});

test('the reference clips to the norm asked for, and skips what is not finite', () => {
  const state = { p: new Float64Array(2), m: new Float64Array(2), v: new Float64Array(2), t: 0 };
  expect(referenceStep('adamw', state, [3, 4], { ...HYPER, maxNorm: 1, beta1: 0 }, () => 0, 1)).toBe(5);
  expect(Math.hypot(...state.m)).toBeCloseTo(1, 5);
  referenceStep('adamw', state, [Infinity, 0], HYPER, () => 0, 1);
  expect(state.t).toBe(1);
});

test('packHyper keeps what is left of a beta near one', () => {
  expect(packHyper(HYPER)[5] / 0.001).toBeCloseTo(1, 7);
  expect(packHyper(HYPER)[7]).toBeCloseTo(Math.log(0.999), 9);
});

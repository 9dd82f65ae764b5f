/** Curves whose cause is known, with the noise that a diffusion model's loss has: the advice must name the cause. */
import { describe, expect, test } from 'vitest';
import { adviceOn, type Curve } from './advice';

const STEPS = 1600;
const PER_EPOCH = 80;

/** Noise like that of drawn timesteps: skewed, two thirds of the level, the same for every call of one seed. */
function curve(level: (step: number) => number, seed: number, count = STEPS): Curve {
  let state = (seed * 2654435761 + 1) >>> 0;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const points = Array.from({ length: count }, (_, i) => {
    const step = i + 1;
    const noise = -Math.log(1 - uniform() * 0.95) * 0.8 + 0.35;
    return { step, epoch: Math.ceil(step / PER_EPOCH), loss: level(step) * noise };
  });
  return { points, steps: STEPS };
}

const settles = (step: number) => 0.09 + 0.08 * Math.exp(-step / 120);
const flat = () => 0.12;
const swings = (step: number) => 0.14 + 0.09 * Math.sin(step / 45);
const byHeart = (step: number) =>
  step < 1000 ? settles(step) : Math.max(0.02, settles(step) - (step - 1000) * 1e-4);
const rises = (step: number) => (step < 40 ? 0.1 : 0.4);
const falls = (step: number) => 0.2 - 0.1 * (step / STEPS);

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('noise %i', (seed) => {
  test.each([
    ['rises', rises, 'risen'],
    ['swings', swings, 'oscillating'],
    ['never falls', flat, 'flat'],
    ['is level and falls again', byHeart, 'memorising'],
    ['falls and settles', settles, 'level'],
    ['keeps falling', falls, undefined],
  ] as const)('a curve that %s', (_, level, kind) => {
    expect(adviceOn(curve(level, seed))?.kind).toBe(kind);
  });
});

test('nothing is said of a run that has hardly begun, or of few steps', () => {
  expect(adviceOn(curve(flat, 1, 119))).toBeUndefined();
  expect(adviceOn({ ...curve(flat, 1, 300), steps: 10_000 })).toBeUndefined();
});

test('losses that are no numbers are left out', () => {
  const { points, steps } = curve(settles, 3);
  const holed = points.map((point, i) => (i % 50 === 7 ? { ...point, loss: NaN } : point));
  expect(adviceOn({ points: holed, steps })?.kind).toBe('level');
});

test('where it says since when, that is about right', () => {
  const level = adviceOn(curve(settles, 2));
  expect(level?.kind === 'level' && level.step).toBeGreaterThan(400);
  const heart = adviceOn(curve(byHeart, 2));
  const epoch = heart?.kind === 'memorising' ? heart.epoch : 0;
  expect(Math.abs(epoch - 1000 / PER_EPOCH)).toBeLessThan(5);
});

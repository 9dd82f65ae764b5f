import { describe, expect, it } from 'vitest';
import fixture from '../fixtures/schedule.json' with { type: 'json' };
import {
  InvalidScheduleError,
  multiplier,
  type ScheduleConfig,
  type ScheduleName,
  warmupSteps,
} from './schedule';

const config = (name: ScheduleName, more: Partial<ScheduleConfig> = {}): ScheduleConfig => ({
  name,
  totalSteps: 100,
  warmup: 10,
  learningRate: 1e-4,
  ...more,
});

describe('multiplier', () => {
  it.each(fixture.cases)(
    '$name, warm-up $warmup of $totalSteps, equals diffusers',
    ({ name, at, ...rest }) => {
      for (const [step, expected] of Object.entries(at)) {
        expect(multiplier({ name: name as ScheduleName, ...rest }, Number(step)), `step ${step}`).toBeCloseTo(
          expected,
          12,
        );
      }
    },
  );

  it('takes warm-up as a share of the run, rounded down', () => {
    expect(warmupSteps(config('cosine', { warmup: 0.1 }))).toBe(10);
    expect(warmupSteps(config('cosine', { warmup: 0.1, totalSteps: 99 }))).toBe(9);
    expect(warmupSteps(config('cosine', { warmup: 0.1, totalSteps: 3 }))).toBe(0);
    expect(multiplier(config('cosine', { warmup: 0.1 }), 5)).toBe(0.5);
  });

  it('constant takes no warm-up, as in kohya', () => {
    expect(multiplier(config('constant'), 0)).toBe(1);
    expect(multiplier(config('constant_with_warmup'), 0)).toBe(0);
  });

  it('stays within 0 and 1 for every schedule at every step', () => {
    for (const name of ['linear', 'cosine', 'cosine_with_restarts', 'polynomial'] as const) {
      for (let step = 0; step <= 100; step++) {
        const m = multiplier(config(name, { numCycles: 3 }), step);
        expect(m >= 0 && m <= 1).toBe(true);
      }
    }
  });

  it('restarts at the top of each cycle', () => {
    const c = config('cosine_with_restarts', { warmup: 0, totalSteps: 90, numCycles: 3 });
    expect([0, 30, 60].map((s) => multiplier(c, s))).toEqual([1, 1, 1]);
    expect(multiplier(c, 29)).toBeLessThan(0.01);
    expect(multiplier(c, 90)).toBe(0);
  });

  it.each([
    [config('cosine', { totalSteps: 0 }), /0 steps/],
    [config('cosine', { warmup: -1 }), /warm-up is -1/],
    [config('cosine', { warmup: 2.5 }), /warm-up is 2.5/],
    [config('cosine', { warmup: 100 }), /100 of 100 steps/],
    [config('cosine_with_restarts', { numCycles: 0 }), /cycles is 0/],
    [config('polynomial', { power: 0 }), /power is 0/],
    [config('polynomial', { learningRate: undefined }), /learning rate/],
    [config('polynomial', { learningRate: 1e-8 }), /above the end learning rate/],
    [config('sine' as ScheduleName), /no such schedule; choose one of constant/],
  ])('refuses %j', (c, message) => {
    expect(() => multiplier(c, 0)).toThrow(InvalidScheduleError);
    expect(() => multiplier(c, 0)).toThrow(message);
  });
});

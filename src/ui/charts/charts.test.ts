/** Smoothing, value axes, the columns of the time axis, the curve as CSV. */
import { describe, expect, test } from 'vitest';
import { along, columnsOf, secondsAt } from './columns';
import { curveCsv } from './csv';
import { roundStep, ticks, valueRange } from './scale';
import { smoothed } from './smoothing';

describe('smoothing', () => {
  test('a constant stays itself from the first step on, whatever the weight', () => {
    for (const weight of [0, 0.6, 0.999])
      for (const value of smoothed([3, 3, 3, 3], weight)) expect(value).toBeCloseTo(3, 10);
  });
  test('is the weighted mean it says it is', () => {
    const [a, b, c] = smoothed([1, 2, 4], 0.5);
    expect(a).toBe(1);
    expect(b).toBeCloseTo((0.5 * 1 + 2) / 1.5, 12);
    expect(c).toBeCloseTo((0.25 * 1 + 0.5 * 2 + 4) / 1.75, 12);
  });
  test('weight 0 is the raw line; what is no number is a gap and leaves no trace', () => {
    expect(smoothed([5, 1, 9], 0)).toEqual([5, 1, 9]);
    const [a, gap, c] = smoothed([1, NaN, 4], 0.5);
    expect(gap).toBeNull();
    expect([a, c]).toEqual([smoothed([1, 4], 0.5)[0], smoothed([1, 4], 0.5)[1]]);
  });
});

describe('value axis', () => {
  const raw = [...Array.from({ length: 98 }, (_, i) => 0.1 + i / 1000), 9, 12];
  test('outliers are cut where asked, and the smoothed line never is', () => {
    expect(valueRange(raw, [], { clip: false, log: false })[1]).toBeGreaterThan(12);
    expect(valueRange(raw, [], { clip: true, log: false })[1]).toBeLessThan(10);
    expect(valueRange(raw, [15], { clip: true, log: false })[1]).toBeGreaterThan(15);
  });
  test('never below zero for what is not, never zero on a log axis, never empty', () => {
    expect(valueRange([0.01, 1], [], { clip: false, log: false })[0]).toBeGreaterThanOrEqual(0);
    expect(valueRange([0, 0.01, 1], [], { clip: false, log: true })[0]).toBeGreaterThan(0);
    const [low, high] = valueRange([2], [], { clip: true, log: false });
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    expect(valueRange([NaN], [null], { clip: true, log: false })).toEqual([0, 1]);
  });
  test.each([
    [[0.02, 0.21], false],
    [[0, 1], false],
    [[1e-5, 9e-5], false],
    [[0.001, 10], true],
    [[0.05, 0.4], true],
    [[990, 1010], false],
  ] as const)('round values within %j (log: %s)', (range, log) => {
    const values = ticks(range, log);
    expect(values.length).toBeGreaterThanOrEqual(2);
    expect(values.length).toBeLessThanOrEqual(6);
    for (const value of values) {
      expect(value).toBeGreaterThan(range[0] * 0.999);
      expect(value).toBeLessThan(range[1] * 1.001);
      expect(Number(value.toPrecision(4))).toBe(value);
    }
  });
  test('steps are 1, 2 or 5 times a power of ten', () => {
    expect([0.03, 1, 1.1, 7, 20, 20.1].map(roundStep)).toEqual([0.05, 1, 2, 10, 20, 50]);
  });
});

describe('the time axis', () => {
  const steps = (request: Partial<Parameters<typeof columnsOf>[0]>) =>
    columnsOf({ drawn: [], every: 80, step: 0, steps: 1600, atLeast: 7, ...request }).map(
      ({ step, kind }) => `${step} ${kind}`,
    );

  test('samples so far, the next, and room for some after', () => {
    expect(steps({ drawn: [0, 80, 160], step: 170 })).toEqual([
      '0 drawn', '80 drawn', '160 drawn', '240 due', '320 later', '400 later', '480 later',
    ]); // prettier-ignore
  });
  test('one asked for in between has a column; the next due stays where it was', () => {
    expect(steps({ drawn: [80, 0, 113], step: 115, atLeast: 4 })).toEqual([
      '0 drawn', '80 drawn', '113 drawn', '160 due',
    ]); // prettier-ignore
  });
  test('the last are at the end of the run, and nothing is due after it', () => {
    expect(steps({ drawn: [0, 80, 160], step: 165, steps: 200, atLeast: 7 })).toEqual([
      '0 drawn', '80 drawn', '160 drawn', '200 due',
    ]); // prettier-ignore
    expect(steps({ drawn: [0, 80, 160, 200], step: 200, steps: 200 })).toEqual([
      '0 drawn', '80 drawn', '160 drawn', '200 drawn',
    ]); // prettier-ignore
  });
  test('before the first, while the length is unknown, with none to come by themselves', () => {
    expect(steps({ steps: 0, atLeast: 2 })).toEqual(['0 due', '80 later']);
    expect(steps({ drawn: [0], every: 0, step: 5, steps: 100 })).toEqual(['0 drawn', '100 due']);
    expect(steps({ every: 0, step: 5, steps: 100, atLeast: 5 })).toEqual([
      '0 mark', '20 mark', '40 mark', '60 mark', '80 mark',
    ]); // prettier-ignore
  });
  test('a position within a column is its share of it', () => {
    const starts = [0, 80, 113, 160];
    expect([0, 40, 80, 113, 159.999, 200, 999].map((at) => along(starts, at, 80))).toEqual([
      0, 0.5, 1, 2, expect.closeTo(3, 4), 3.5, 4,
    ]); // prettier-ignore
    expect(along([], 5, 1)).toBe(0);
  });
  test('seconds between points, and beyond them at their pace', () => {
    const points = [10, 20, 30].map((step) => ({ step, seconds: 2 * step }));
    expect([0, 5, 10, 15, 30, 40].map((step) => secondsAt(points, step))).toEqual([0, 10, 20, 30, 60, 80]);
    expect(secondsAt([], 9)).toBe(0);
  });
});

test('the curve as CSV keeps every digit', () => {
  const point = {
    step: 3,
    epoch: 1,
    loss: 0.1234567890123,
    learningRate: 1e-4,
    gradientNorm: 0.5,
    seconds: 1.5,
  };
  expect(curveCsv([point])).toBe(
    'step,epoch,seconds,loss,learning_rate,gradient_norm\r\n3,1,1.500,0.1234567890123,0.0001,0.5\r\n',
  );
  expect(curveCsv([point, { ...point, step: 4, textLearningRate: 5e-5 }]).split('\r\n')).toEqual([
    'step,epoch,seconds,loss,learning_rate,gradient_norm,text_learning_rate',
    '3,1,1.500,0.1234567890123,0.0001,0.5,',
    '4,1,1.500,0.1234567890123,0.0001,0.5,0.00005',
    '',
  ]);
});

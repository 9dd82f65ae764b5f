import { expect, test } from 'vitest';
import { readTuning, type HalfMath } from './tuned';
import { fastest, firstDoubling } from './tuner';

/** A GPU on which so many workgroups run side by side: every one more than that waits for a round of its own. */
const stair = (multiprocessors: number) => async (groups: number) =>
  Math.ceil(groups / multiprocessors) + 0.1;

test.each([2, 3, 20, 40, 82, 127, 128, 132, 188, 512])('finds %d multiprocessors', async (count) => {
  expect(await firstDoubling(stair(count), 1024)).toBe(count);
});

test('counts nothing where the time rises at once, or never', async () => {
  expect(await firstDoubling(stair(1), 1024)).toBeUndefined();
  expect(await firstDoubling(async () => 3, 1024)).toBeUndefined();
  // In few measurements: all told, it has about a second.
  let asked = 0;
  await firstDoubling((groups) => (asked++, stair(132)(groups)), 1024);
  expect(asked).toBeLessThan(20);
});

test('sums in halves are taken only where they are clearly faster', () => {
  const of = (multiply: number, wide: number, round: number): HalfMath | undefined =>
    fastest([
      ['multiply', multiply],
      ['wide', wide],
      ['round', round],
    ])[0];
  expect(of(102, 100, 90)).toBe('wide');
  expect(of(104, 100, 90)).toBe('multiply');
  expect(of(104, 100, 110)).toBe('round');
  expect(fastest([[undefined, 7]])).toEqual([undefined, 7]);
});

test('reads what was written, and nothing else', () => {
  const whole = { multiprocessors: 82, math: 'wide', gflops: 14000 };
  expect(readTuning(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
  expect(readTuning({ ...whole, more: 1 })).toEqual(whole);
  expect(readTuning({})).toEqual({});
  for (const damaged of [
    undefined,
    null,
    'wide',
    { multiprocessors: 0 },
    { multiprocessors: 82.5 },
    { multiprocessors: 1e9 },
    { math: 'fast' },
    { gflops: -1 },
    { gflops: Infinity },
    { gflops: '14000' },
  ])
    expect(readTuning(damaged), JSON.stringify(damaged)).toBeUndefined();
});

/** Steps' times: a frozen tab and a slow GPU are told, ordinary unevenness is not. Saves by the clock. */
import { expect, test } from 'vitest';
import { Pace } from './pace';
import { PhaseTimes } from './phase_times';
import { SAVE_EVERY_MS, TimedSaves } from './timed_saves';

test('a step that stood still for minutes is a frozen tab, and changes no pace', () => {
  const pace = new Pace();
  for (let i = 0; i < 12; i++) expect(pace.step(2.7)).toEqual({});
  expect(pace.step(722.7)).toEqual({ frozenSeconds: 720 });
  for (let i = 0; i < 30; i++) expect(pace.step(2.7)).toEqual({});
});

test('long steps of a slow machine are not frozen', () => {
  const pace = new Pace();
  for (let i = 0; i < 20; i++) expect(pace.step(90 + (i % 3))).toEqual({});
});

test('slowness is told once, after ten slow steps', () => {
  const pace = new Pace();
  for (let i = 0; i < 10; i++) pace.step(2.7);
  const told = Array.from({ length: 40 }, () => pace.step(4.9)).filter(({ slow }) => slow);
  expect(told).toEqual([{ slow: { seconds: 4.9, usual: 2.7 } }]);
});

test('a save by the clock comes after five minutes without any; a save for another reason puts it off', () => {
  const saves = new TimedSaves(0);
  expect(saves.due(SAVE_EVERY_MS - 1)).toBe(false);
  expect(saves.due(SAVE_EVERY_MS)).toBe(true);
  expect(saves.due(SAVE_EVERY_MS + 1)).toBe(false); // asked already
  expect(saves.saved(10, false, SAVE_EVERY_MS + 5)).toEqual([]);
  expect(saves.saved(20, true, 2 * SAVE_EVERY_MS)).toEqual([]);
  expect(saves.due(2 * SAVE_EVERY_MS + 10)).toBe(false);
});

test('of saves by the clock two stay, of those that were wanted all; none by the clock after the end', () => {
  const saves = new TimedSaves(0);
  const dropped: number[] = [];
  for (let i = 1; i <= 5; i++) {
    const now = i * SAVE_EVERY_MS;
    expect(saves.due(now)).toBe(true);
    dropped.push(...saves.saved(10 * i, i === 2, now));
  }
  expect(dropped).toEqual([10, 30]);
  expect(saves.end()).toEqual([40, 50]);
});

test('a step’s usual time is the middle of the latest, without the first, which compiles', () => {
  const pace = new Pace();
  pace.step(30);
  expect(pace.typical).toBeUndefined();
  for (const seconds of [5, 5.3, 13]) pace.step(seconds);
  expect(pace.typical).toBe(5.3);
});

test('ten steps far slower than the GPU’s measured speed are told once, as spilling', () => {
  const pace = new Pace(2);
  for (let i = 0; i < 5; i++) expect(pace.step(3)).toEqual({});
  const told = Array.from({ length: 30 }, () => pace.step(9)).map(({ spilling }) => spilling);
  expect(told.filter(Boolean)).toEqual([{ seconds: 9, expected: 2 }]);
  expect(told.findIndex(Boolean)).toBe(9);
});

test('slow steps of a hidden page, of a small model, or with no speed to compare, are no spilling', () => {
  const slow = (pace: Pace, seconds: number, visible = true) =>
    Array.from({ length: 40 }, () => pace.step(seconds, visible)).filter(({ spilling }) => spilling);
  expect(slow(new Pace(2), 9, false)).toEqual([]);
  expect(slow(new Pace(0.01), 0.2)).toEqual([]);
  expect(slow(new Pace(), 90)).toEqual([]);
  expect(slow(new Pace(5), 15)).toEqual([]);
});

test('phases: loading in two halves is one, and the one under way has no time yet', () => {
  const times = new PhaseTimes();
  times.enter('load', 0);
  times.enter('encode', 4000);
  times.count('encode', 40, 40);
  times.enter('load', 25_000);
  expect(times.list().map(({ phase, seconds, complete }) => [phase, seconds, complete])).toEqual([
    ['load', undefined, false],
    ['encode', 21, true],
  ]);
  times.enter('compile', 27_000);
  expect(times.list()).toEqual([
    { phase: 'load', seconds: 6, complete: true },
    { phase: 'encode', seconds: 21, complete: true, counted: { done: 40, total: 40 } },
    { phase: 'compile', seconds: undefined, complete: false },
  ]);
});

test('samples are a phase of their own, and all phases together are the time of the run', () => {
  const times = new PhaseTimes();
  times.enter('load', 0);
  times.enter('sample', 2000);
  times.enter('compile', 5000);
  times.enter('train', 6000);
  times.pause(10_000);
  times.resume(100_000);
  times.enter('sample', 110_000);
  times.enter('train', 112_000);
  times.enter('save', 120_000);
  times.enter('sample', 121_000);
  times.end(125_000, true);
  expect(times.list().map(({ phase, seconds, complete }) => [phase, seconds, complete])).toEqual([
    ['load', 2, true],
    ['compile', 1, true],
    ['train', 4 + 10 + 9, true],
    ['sample', 3 + 2 + 4, true],
  ]);
  expect(times.total(999_000)).toBe(35);
});

test('a phase that a stop cut short has no tick, and says how far it came', () => {
  const times = new PhaseTimes();
  times.enter('load', 0);
  times.enter('encode', 1000);
  times.count('encode', 2, 30);
  times.end(61_000, false);
  expect(times.list()).toEqual([
    { phase: 'load', seconds: 1, complete: true },
    { phase: 'encode', seconds: 60, complete: false, counted: { done: 2, total: 30 } },
  ]);
});

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

test('phases: loading in two halves is one, and the one under way has no time yet', () => {
  const times = new PhaseTimes();
  times.enter('load', 0);
  times.enter('encode', 4000);
  times.count('encode', 40);
  times.enter('load', 25_000);
  expect(times.list().map(({ phase, seconds }) => [phase, seconds])).toEqual([
    ['load', undefined],
    ['encode', 21],
  ]);
  times.enter('compile', 27_000);
  expect(times.list()).toEqual([
    { phase: 'load', seconds: 6 },
    { phase: 'encode', seconds: 21, counted: 40 },
    { phase: 'compile', seconds: undefined },
  ]);
});

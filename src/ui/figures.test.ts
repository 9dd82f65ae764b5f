/** Figures with units, and the clock of a countdown. */
import { afterEach, expect, test } from 'vitest';
import { language } from './language.svelte';
import { clock, comingMoment, duration, moment, size, timeOfDay } from './figures';

afterEach(() => language.set('en'));

test('sizes are decimal and never bare', () => {
  expect([0, 412, 999, 1000, 38_200_000, 2_130_000_000, 48e9].map((bytes) => size(bytes))).toEqual([
    '0 B',
    '412 B',
    '999 B',
    '1 kB',
    '38 MB',
    '2.1 GB',
    '48 GB',
  ]);
});

test('durations go from tenths of a second to hours', () => {
  expect([0.84, 2.7, 12.4, 59.6, 90, 3600, 4320].map((seconds) => duration(seconds))).toEqual([
    '0.8 s',
    '2.7 s',
    '12 s',
    '60 s',
    '2 min',
    '1 h',
    '1 h 12 min',
  ]);
  // Days where hours make no sense.
  expect([47 * 3600, 48 * 3600, 187_200, 15_798.6 * 3600].map((seconds) => duration(seconds))).toEqual([
    '47 h',
    '2 d',
    '2 d 4 h',
    '658 d',
  ]);
  language.set('zh');
  expect(duration(4320)).toBe('1 小时 12 分');
  expect(duration(187_200)).toBe('2 天 4 小时');
});

test('a countdown ends at zero', () => {
  expect([84, 83.2, 0, -5].map((seconds) => clock(seconds))).toEqual(['1:24', '1:24', '0:00', '0:00']);
});

test('today is a time, any other day a date', () => {
  const now = new Date(2026, 10, 23, 18, 0).getTime();
  expect(moment(new Date(2026, 10, 23, 16, 21).getTime(), now)).toBe('16:21');
  expect(moment(new Date(2026, 10, 20, 16, 21).getTime(), now)).toBe('Nov 20');
});

test('one clock of 24 hours, in both languages', () => {
  const late = new Date(2026, 10, 23, 0, 5, 9).getTime();
  const evening = new Date(2026, 10, 23, 13, 36, 43).getTime();
  for (const each of ['en', 'zh'] as const) {
    language.set(each);
    expect([timeOfDay(late), timeOfDay(evening), timeOfDay(evening, true)]).toEqual([
      '00:05',
      '13:36',
      '13:36:43',
    ]);
  }
});

test('the end of a run: a time today, a weekday within the week, else a date', () => {
  const now = new Date(2026, 10, 23, 18, 0).getTime();
  expect(comingMoment(new Date(2026, 10, 23, 23, 10).getTime(), now)).toBe('23:10');
  expect(comingMoment(new Date(2026, 10, 24, 4, 10).getTime(), now)).toBe('Tue 04:10');
  expect(comingMoment(new Date(2026, 11, 20, 4, 10).getTime(), now)).toBe('Dec 20');
});

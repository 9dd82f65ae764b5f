import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuMilliseconds } from '../../../cpu_time.testing';
import { mayHang, replaceAll, type ReplaceOptions } from './replace';

const plain: ReplaceOptions = { regex: false, wholeTag: false, matchCase: false };
const run = (captions: string[], find: string, by: string, options: Partial<ReplaceOptions> = {}) =>
  replaceAll(captions, find, by, { ...plain, ...options });

describe('plain', () => {
  it('replaces text anywhere, or whole tags only', () => {
    expect(run(['red dress, Red', 'blue'], 'red', 'green')).toEqual({
      captions: ['green dress, green', 'blue'],
      changed: 1,
    });
    expect(run(['red dress, Red'], 'red', 'green', { wholeTag: true })).toEqual({
      captions: ['red dress, green'],
      changed: 1,
    });
    expect(run(['red, Red'], 'red', 'green', { matchCase: true })).toMatchObject({
      captions: ['green, Red'],
    });
  });

  it('takes the comma away with the tag', () => {
    expect(run(['a, mist, b', 'mist, b', 'a, mist'], 'mist', '')).toMatchObject({
      captions: ['a, b', 'b', 'a'],
    });
    expect(run(['a, mist, b'], 'mist', '', { wholeTag: true })).toMatchObject({ captions: ['a, b'] });
  });

  it('reads no letter of either text as a pattern', () => {
    expect(run(['(a+b) [c]'], '(a+b)', '$&')).toMatchObject({ captions: ['$& [c]'] });
    const text = fc.string({ minLength: 1, maxLength: 8 }).filter((s) => !s.includes(',') && s.trim() === s);
    fc.assert(
      fc.property(text, (find) => {
        expect(run([`x${find}y`], find, 'Z', { matchCase: true })).toMatchObject({
          captions: [`x${find}y`.split(find).join('Z')],
        });
      }),
    );
  });

  it('keeps untouched captions as they were written', () => {
    expect(run(['a ,, b ', 'c'], 'c', 'd')).toEqual({ captions: ['a ,, b ', 'd'], changed: 1 });
    expect(run(['a'], '', 'b')).toEqual({ problem: { kind: 'empty' } });
  });
});

describe('by pattern', () => {
  it('knows groups and classes', () => {
    expect(run(['1girl, 2boys'], '(\\d)(girl|boy)s?', '$2', { regex: true })).toMatchObject({
      captions: ['girl, boy'],
    });
    expect(run(['mist, far hills'], '^mist,\\s*', '', { regex: true })).toMatchObject({
      captions: ['far hills'],
    });
  });

  it('says why a pattern is none', () => {
    expect(run(['a'], '(', '', { regex: true })).toMatchObject({ problem: { kind: 'not-a-pattern' } });
  });

  it.each([
    '(a+)+$',
    '(a|a)*b',
    '(a|aa)+$',
    '((a*)b?)*c',
    '(.*,)*x',
    '(a)\\1+',
    '(?:\\w+\\s?)*!',
    '(a?){50}b',
    '(x{1,40}){1,40}y',
  ])('refuses %s, which may hang', (pattern) => {
    expect(mayHang(pattern)).toBe(true);
    expect(run(['a'.repeat(40)], pattern, '', { regex: true })).toEqual({ problem: { kind: 'may-hang' } });
  });

  it.each([
    '\\bred\\b',
    '[a+*]+',
    'a+?',
    '(?:red|blue) dress',
    '\\(.*\\)',
    'colou?r',
    '(?<=of )\\w+',
    '^a|b$',
    '(ab)+',
  ])('accepts %s', (pattern) => expect(mayHang(pattern)).toBe(false));

  it('gives up in time on patterns that merely crawl', () => {
    const start = cpuMilliseconds();
    const result = run(Array(50).fill('a'.repeat(3900)), 'a*a*a*a*a*b', '', { regex: true });
    expect(result).toEqual({ problem: { kind: 'too-slow' } });
    expect(cpuMilliseconds() - start).toBeLessThan(3000);
  });

  it('gives up when all captions together take too long', () => {
    let time = 0;
    const result = replaceAll(
      Array(10).fill('mist'),
      'm',
      '',
      { ...plain, regex: true },
      () => (time += 400),
    );
    expect(result).toEqual({ problem: { kind: 'too-slow' } });
  });
});

/**
 * No regular expression of the page, the workers or the tools takes a time that grows with the square of the text: each
 * is tried on texts made to keep it busy, of ever more pieces.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { patternsIn, pumpsOf, type Pattern } from './patterns.testing';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const all = patternsIn(ROOT, ['src', 'workers', 'tools']);
const { dynamic } = all;
/** The table of faults looks through what our own trainer said, and nothing else. */
const patterns = all.patterns.filter(({ where }) => !where.startsWith('tools/faults'));

/** Pieces. The first steps are short: what doubles with each piece is noticed before it never ends. */
const SHORT = [8, 12, 16, 20, 24, 28, 32, 40, 64, 128, 512, 2048];
const LONG = 8192;
/** Longer than what is linear takes for 2,048 pieces; only then the long ones are tried. */
const SUSPECT_MS = 1;
/** What is linear takes a millisecond or two for 8,192 pieces; what is quadratic, thirty and more. */
const MOST_MS = 20;

/** The length at which it takes too long, and on what; undefined for none. */
function busyOn(pattern: Pattern): string | undefined {
  const flags = pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`;
  const regex = new RegExp(pattern.source, flags);
  for (const pump of pumpsOf(pattern)) {
    const suspect = SHORT.find((pieces) => isSlow(regex, pump(pieces), SUSPECT_MS));
    if (suspect === undefined) continue;
    const steps = [...SHORT, LONG].filter((pieces) => pieces >= suspect);
    const slow = steps.find((pieces) => isSlow(regex, pump(pieces), MOST_MS));
    if (slow !== undefined) return `${slow} pieces as in ${JSON.stringify(pump(8).slice(0, 60))}`;
  }
  return undefined;
}

/** In computing time, of two tries the better one. */
function isSlow(regex: RegExp, text: string, ms: number): boolean {
  const started = performance.now();
  text.replace(regex, '');
  if (performance.now() - started <= ms) return false;
  return cpuMs(() => text.replace(regex, '')) > ms;
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test('the source has patterns, and the method finds those that are slow', () => {
  expect(patterns.length).toBeGreaterThan(300);
  for (const source of [
    '\\s+$',
    '^(a+)+$',
    '\\d*\\.?\\d+\\)',
    '^\\s*\\s*x',
    '(<!--[^]*?-->)*<svg',
    '[\\w-]*train',
  ])
    expect(busyOn({ where: '', source, flags: '' }), source).toBeDefined();
  for (const source of ['^\\s+', '\\s+', '^\\d+(\\.\\d*)?$'])
    expect(busyOn({ where: '', source, flags: '' }), source).toBeUndefined();
});

test('none takes a time that grows with the square of the text', () => {
  const slow = patterns.flatMap((pattern) => {
    const busy = busyOn(pattern);
    return busy === undefined ? [] : [`${pattern.where}: /${pattern.source}/ on ${busy}`];
  });
  expect(slow).toEqual([]);
});

test('patterns that are made while the program runs are these', () => {
  // A separator's letters; names of layers; what a person looks for, which has a time limit of its own; names of fields and paths of our own.
  expect([...new Set(dynamic)].sort()).toEqual([
    'src/formats/dataset/csv.ts',
    'src/formats/families/lora_naming.ts',
    'src/formats/lora/lora_names.ts',
    'src/protocol/headers.ts',
    'src/ui/pictures/captions/replace.ts',
    'tools/apt_sources.ts',
  ]);
});

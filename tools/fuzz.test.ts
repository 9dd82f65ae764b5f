/**
 * A minute of fuzzing: every reader on some hundred broken inputs, always the same ones; the long mode is `npm run fuzz`.
 * And that the fuzzer itself notices what it is there to notice.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from './fuzz/random';
import { rows } from './fuzz/rows';
import { tensorFile, headerKinds } from './fuzz/rows/tensors';
import { Watch } from './fuzz/watch';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Of a row with a share of one. */
const CASES = 100;

let watch: Watch;
beforeAll(async () => {
  // Beside the repository's packages, which the thread asks for; removed when it is closed.
  watch = await Watch.open(ROOT, join(ROOT, 'dist-tools', `fuzz-test-${process.pid}.mjs`));
});
afterAll(() => watch.close());

const table = rows();

test.each(
  table.map(({ name, share }) => [name, Math.max(20, Math.min(500, Math.round(share * CASES)))] as const),
)('%s: %i cases end in an answer or a named refusal, soon and small', async (name, cases) => {
  const { faults, cases: run } = await watch.run(name, 1, 0, cases);
  expect(faults).toEqual([]);
  expect(run).toBe(cases);
});

test('a row that throws, breaks a promise, never ends or fills the memory is a fault, and the rest goes on', async () => {
  const kinds = async (name: string) => {
    const { faults, cases } = await watch.run(name, 1, 0, 2);
    expect(cases).toBe(2);
    return faults.map(({ kind }) => kind);
  };
  watch.endMs = 300;
  expect(await kinds('test: throws')).toEqual(['error', 'error']);
  expect(await kinds('test: breaks a promise')).toEqual(['promise', 'promise']);
  expect(await kinds('test: never ends')).toEqual(['slow', 'slow']);
  watch.endMs = 10_000;
  expect(await kinds('test: fills the heap')).toContain('memory');
  expect(await kinds('strict JSON')).toEqual([]);
});

test('a case follows from seed, name and number alone', () => {
  const make = (seed: number, number: number) => tensorFile(new Random(seed, 'x', number), headerKinds());
  expect(make(1, 5)).toEqual(make(1, 5));
  const several = new Set(Array.from({ length: 50 }, (_, number) => make(1, number).join()));
  expect(several.size).toBeGreaterThan(40);
  expect(make(2, 5)).not.toEqual(make(1, 5));
});

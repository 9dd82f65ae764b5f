import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LONGEST, longestFirst } from './test_order';

const ROOT = join(import.meta.dirname, '..');

test('the files that are said to take long are there', () => {
  expect(LONGEST.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('they come first, in that order; all others keep the order they had', () => {
  const others = ['src/b.test.ts', 'src/a.test.ts', `${LONGEST[0]}x`];
  const files = [others[0], LONGEST[2], others[1], LONGEST[0], others[2]].map((path) => ({
    moduleId: `/studio/${path}`,
  }));
  expect(longestFirst(files).map(({ moduleId }) => moduleId)).toEqual(
    [LONGEST[0], LONGEST[2], ...others].map((path) => `/studio/${path}`),
  );
});

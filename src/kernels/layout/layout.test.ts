import { describe, expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { finiteDifferences, sample } from '../testing';
import { cases } from './layout.cases';
import { promptRows } from './layout';
import { gatherReference, scatterReference } from './layout.reference';

onEveryTier(cases);

describe('the references agree with finite differences', () => {
  test('gather', () => {
    const [x, dy] = [Float64Array.from(sample(12, 1)), sample(12, 2)];
    const rows = [3, 1, 1, 0];
    const slopes = finiteDifferences((v) => dot(gatherReference(v, 3, rows), dy), x, [0, 4, 7, 11]);
    const dx = scatterReference(dy, 3, rows, 4);
    [0, 4, 7, 11].forEach((i, k) => expect(dx[i]).toBeCloseTo(slopes[k], 8));
  });
});

test('promptRows keeps one BOS, one EOS and 75 tokens a chunk', () => {
  const rows = promptRows(2, 3);
  expect(rows).toHaveLength(2 * 227);
  expect(Array.from(rows.slice(0, 2))).toEqual([0, 1]);
  expect(Array.from(rows.slice(75, 77))).toEqual([75, 78]);
  expect(rows[226]).toBe(230);
  expect(rows[227]).toBe(231);
  expect(Array.from(promptRows(1, 1))).toEqual(Array.from({ length: 77 }, (_, i) => i));
});

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0);
}

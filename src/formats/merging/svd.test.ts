/** Decompositions against their definitions: what they give, multiplied, is what came in, and the factors are what they say. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { column, dot, matrix, qr, svd, times, timesTransposed, type Matrix } from './svd';

const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 12 }), cols: fc.integer({ min: 1, max: 12 }) })
  .chain(({ rows, cols }) =>
    fc
      .array(fc.double({ min: -100, max: 100, noNaN: true }), {
        minLength: rows * cols,
        maxLength: rows * cols,
      })
      .map((values): Matrix => ({ rows, cols, data: Float64Array.from(values) })),
  );

function expectSame(a: Matrix, b: Matrix, scale: number) {
  expect([a.rows, a.cols]).toEqual([b.rows, b.cols]);
  const worst = a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0);
  expect(worst).toBeLessThanOrEqual(1e-12 * scale + 1e-300);
}

const size = ({ data }: Matrix) => Math.hypot(...data);

/** Columns of length 1 and at right angles; those of rounding alone are no longer than 1 and may point anywhere. */
function expectOrthonormal(q: Matrix, isRounding: (index: number) => boolean) {
  for (let i = 0; i < q.cols; i++) {
    for (let j = 0; j <= i; j++) {
      const product = dot(column(q, i), column(q, j));
      if (isRounding(i) || isRounding(j)) expect(Math.abs(product)).toBeLessThan(1 + 1e-10);
      else expect(Math.abs(product - (i === j ? 1 : 0))).toBeLessThan(1e-10);
    }
  }
}

test('QR', () => {
  fc.assert(
    fc.property(matrices, (a) => {
      const { q, r } = qr(a);
      expectSame(times(q, r), a, size(a));
      expectOrthonormal(q, () => false);
      for (let c = 0; c < r.cols; c++)
        for (let row = c + 1; row < r.rows; row++) expect(column(r, c)[row]).toBe(0);
    }),
  );
});

test('SVD', () => {
  fc.assert(
    fc.property(matrices, (a) => {
      const { u, s, v } = svd(a);
      expect(s.length).toBe(Math.min(a.rows, a.cols));
      for (let i = 1; i < s.length; i++) expect(s[i]).toBeLessThanOrEqual(s[i - 1]);
      const scaled: Matrix = { ...u, data: u.data.map((value, i) => value * s[Math.floor(i / u.rows)]) };
      expectSame(timesTransposed(scaled, v), a, size(a));
      // Where the values are nothing but rounding, so are the directions.
      expectOrthonormal(a.rows < a.cols ? v : u, (i) => s[i] <= 1e-13 * s[0]);
    }),
  );
});

/** What is left of a column that depends on an earlier one: its squares are zero in f64. */
test('QR of what only rounding tells apart', () => {
  const a = matrix(10, 2);
  column(a, 0).set([-1.459798794995955e-70, 0.02591273651882927], 6);
  column(a, 1)[7] = -1.046460826967573e-90;
  const { q, r } = qr(a);
  expectSame(times(q, r), a, size(a));
  expectOrthonormal(q, () => false);
});

test('a diagonal in disorder, and a matrix of nothing', () => {
  const a = matrix(4, 3);
  column(a, 0)[2] = -5;
  column(a, 1)[0] = 7;
  column(a, 2)[3] = 1;
  expect([...svd(a).s]).toEqual([7, 5, 1]);
  expect([...svd(matrix(3, 2)).s]).toEqual([0, 0]);
});

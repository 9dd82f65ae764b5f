import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cosine, EmbeddingError, meanDirection, unit } from './embedding';

const numbers = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 6, maxLength: 6 });
const directions = numbers.filter((v) => v.some((x) => x !== 0));

describe('embeddings', () => {
  it('become directions', () => {
    expect([...unit([3, 4])]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    expect(cosine(unit([1, 0]), unit([1, 1]))).toBeCloseTo(Math.SQRT1_2, 6);
    expect([...meanDirection([unit([1, 0]), unit([0, 1])])].map((v) => v.toFixed(5))).toEqual([
      '0.70711',
      '0.70711',
    ]);
  });

  it('have cosines from -1 to 1, the same both ways, 1 with themselves at any length', () => {
    fc.assert(
      fc.property(directions, directions, (a, b) => {
        const c = cosine(unit(a), unit(b));
        expect(Math.abs(c)).toBeLessThanOrEqual(1 + 1e-6);
        expect(cosine(unit(b), unit(a))).toBe(c);
        expect(cosine(unit(a), unit(a.map((x) => x * 7)))).toBeCloseTo(1, 6);
      }),
    );
  });

  it('are refused when they are no direction, or of two models', () => {
    for (const bad of [[], [0, 0], [NaN, 1], [Infinity, 1]]) expect(() => unit(bad)).toThrow(EmbeddingError);
    expect(() => meanDirection([unit([1, 0]), unit([-1, 0])])).toThrow(EmbeddingError);
    expect(() => meanDirection([])).toThrow(RangeError);
    expect(() => cosine(unit([1, 0]), unit([1, 0, 0]))).toThrow(/2 and 3 numbers/);
    expect(() => meanDirection([unit([1, 0]), unit([1, 0, 0])])).toThrow(/2 and 3 numbers/);
  });
});

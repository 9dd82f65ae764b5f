import { describe, expect, test } from 'vitest';
import { onEveryTier } from '../on_every_tier';
import { finiteDifferences, sample } from '../testing';
import { cases } from './linear.cases';
import { floatsToHalves } from './half_bits';
import { linearGradientReference, linearReference } from './linear.reference';
import { packHalf, packHalfConv, PackError } from './pack_half';

onEveryTier(cases);

test('the reference gradient is the slope of the reference', () => {
  const [m, out, inn] = [3, 4, 5];
  const x = Float64Array.from(sample(m * inn, 1));
  const w = sample(out * inn, 2);
  const dy = sample(m * out, 3);
  const dot = (xs: Float64Array) =>
    linearReference(xs, w, undefined, m, out, inn).reduce((s, v, i) => s + v * dy[i], 0);
  const at = [0, 6, 14];
  const slopes = finiteDifferences(dot, x, at);
  const dx = linearGradientReference(dy, w, m, out, inn);
  at.forEach((i, n) => expect(slopes[n]).toBeCloseTo(dx[i], 7));
});

describe('packing', () => {
  test('floats round to the nearest half, ties to even', () => {
    const values = [
      0,
      -0,
      1,
      -2,
      65504,
      65519,
      65520,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      2 ** -24,
      2 ** -25,
      3 * 2 ** -25,
      2 ** -14 - 2 ** -26,
      Infinity,
      NaN,
    ];
    const bits = [
      0, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 0x3c00, 0x3c02, 1, 0, 2, 0x0400, 0x7c00, 0x7e00,
    ];
    expect(Array.from(floatsToHalves(Float32Array.from(values)))).toEqual(bits);
  });
  test('an odd row ends in a zero half', () => {
    expect(Array.from(packHalf(Uint16Array.from([1, 2, 3, 4, 5, 6]), 2, 3))).toEqual([
      0x20001, 3, 0x50004, 6,
    ]);
  });
  test('a view at an odd offset packs as itself', () => {
    expect(Array.from(packHalf(new Uint16Array([9, 1, 2]).subarray(1), 1, 2))).toEqual([0x20001]);
  });
  test('a convolution weight puts inputs last', () => {
    const values = Uint16Array.from({ length: 2 * 9 }, (_, i) => i + 1); // [1, 2, 3, 3]
    const words = packHalfConv(values, 1, 2, 3);
    expect(words.length).toBe(9);
    expect(words[0]).toBe((10 << 16) | 1);
    expect(words[8]).toBe((18 << 16) | 9);
  });
  test('a wrong length is refused', () => {
    expect(() => packHalf(new Uint16Array(5), 2, 3)).toThrow(PackError);
    expect(() => packHalfConv(new Uint16Array(5), 2, 3, 3)).toThrow(/18|54/);
  });
});

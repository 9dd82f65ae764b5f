import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16, f8ToF16, toFloats, toHalves } from './halves';

/** Every half, by the definition in IEEE 754, in float64. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const finite = Array.from({ length: 0x7c00 }, (_, bits) => halfValue(bits));

/** The nearest half, ties to even, by search among the neighbours of a sorted list. */
function nearest(value: number): number {
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (magnitude >= 65520) return sign | 0x7c00;
  let [low, high] = [0, finite.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (finite[middle] <= magnitude) low = middle;
    else high = middle - 1;
  }
  const below = magnitude - finite[low];
  const above = (finite[low + 1] ?? 65536) - magnitude;
  return sign | (above < below || (above === below && low % 2 === 1) ? low + 1 : low);
}

describe('halves', () => {
  it('f16 to f32 is exact for all 65,536 halves, and back again', () => {
    const floats = f16ToF32(all);
    for (let bits = 0; bits < 65536; bits++) {
      if (!Object.is(floats[bits], halfValue(bits)))
        throw new Error(`half ${bits.toString(16)} became ${floats[bits]}`);
    }
    const back = f32ToF16(floats);
    const wrong = all.filter((bits) => !Number.isNaN(halfValue(bits)) && back[bits] !== bits);
    expect(wrong).toHaveLength(0);
    expect(Number.isNaN(halfValue(back[0x7e01]))).toBe(true);
  });

  it('f32 to f16 rounds to the nearest half, ties to even', () => {
    const ties = finite.flatMap((value, i) => [value, (value + (finite[i + 1] ?? 65536)) / 2]);
    const values = Float32Array.from([
      ...ties,
      ...ties.map((v) => -v),
      ...ties.map((v) => v * (1 + 2 ** -22)),
    ]);
    const bits = f32ToF16(values);
    let wrong = 0;
    values.forEach((value, i) => {
      if (bits[i] !== nearest(value)) wrong++;
    });
    expect(wrong).toBe(0);
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        expect(f32ToF16(Float32Array.of(value))[0]).toBe(nearest(value));
      }),
      { numRuns: 5000 },
    );
  });

  it('bfloat16 rounds to nearest even and reads back exactly', () => {
    const bits = f32ToBf16(Float32Array.of(1, 1.00390625, 1.01171875, -Infinity, NaN, 3.4e38, 0, -0));
    expect([...bits]).toEqual([0x3f80, 0x3f80, 0x3f82, 0xff80, 0x7fc0, 0x7f80, 0, 0x8000]);
    const floats = bf16ToF32(all);
    const again = f32ToBf16(floats);
    expect(all.filter((b) => !Number.isNaN(floats[b]) && again[b] !== b)).toHaveLength(0);
  });

  it('saturates what is too large for a half and counts it', () => {
    const values = Float32Array.of(65504, 65519, 65520, -1e30, Infinity, -Infinity, NaN, 1);
    const { bits, saturated, nonFinite } = toHalves(values.buffer, 'F32');
    expect([...bits.subarray(0, 6)]).toEqual([0x7bff, 0x7bff, 0x7bff, 0xfbff, 0x7c00, 0xfc00]);
    expect([saturated, nonFinite]).toEqual([2, 3]);
    const wide = toHalves(f32ToBf16(Float32Array.of(1e38, 2, -1e38)).slice().buffer, 'BF16');
    expect([[...wide.bits], wide.saturated]).toEqual([[0x7bff, 0x4000, 0xfbff], 2]);
    expect(toHalves(Uint16Array.of(0x7c00, 0x3c00, 0x7e00).buffer, 'F16').nonFinite).toBe(2);
  });

  it('reads every float dtype as f32', () => {
    expect([...toFloats(Float64Array.of(0.1, 1e300).buffer, 'F64')]).toEqual([Math.fround(0.1), Infinity]);
    expect([...toFloats(Uint16Array.of(0x3555).buffer, 'F16')]).toEqual([0.333251953125]);
    expect([...toFloats(Uint16Array.of(0xc2f7).buffer, 'BF16')]).toEqual([-123.5]);
    expect([...toFloats(Float32Array.of(2.5).buffer, 'F32')]).toEqual([2.5]);
  });

  it.each([
    ['F8_E4M3', 4, 3, 7],
    ['F8_E5M2', 5, 2, 15],
  ] as const)('%s to halves is exact for all 256, by the definition', (dtype, exponents, mantissas, bias) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
    const floats = f16ToF32(f8ToF16(bytes, dtype));
    const top = 2 ** exponents - 1;
    for (const value of bytes) {
      const exponent = (value >> mantissas) & top;
      const fraction = (value & (2 ** mantissas - 1)) / 2 ** mantissas;
      const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
      let expected = value & 0x80 ? -magnitude : magnitude;
      if (dtype === 'F8_E4M3' && (value & 0x7f) === 0x7f) expected = NaN;
      if (dtype === 'F8_E5M2' && exponent === top) expected = fraction ? NaN : expected * Infinity;
      expect(floats[value]).toBe(expected);
    }
  });
});

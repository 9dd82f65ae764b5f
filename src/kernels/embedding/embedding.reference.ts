/** Look-ups and sinusoids in float64. */

/** Unpacks one fp16 (IEEE 754 binary16). */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

/** table: [V, ceil(C / 2)] words, low half first. */
export function embedReference(ids: ArrayLike<number>, table: Int32Array, channels: number): Float64Array {
  const words = Math.ceil(channels / 2);
  return Float64Array.from({ length: ids.length * channels }, (_, i) => {
    const c = i % channels;
    const word = table[ids[Math.floor(i / channels)] * words + (c >> 1)];
    return halfToNumber(c % 2 ? word >>> 16 : word & 0xffff);
  });
}

export function timestepReference(t: ArrayLike<number>, dim: number): Float64Array {
  const half = dim / 2;
  return Float64Array.from({ length: t.length * dim }, (_, i) => {
    const column = i % dim;
    const angle = t[Math.floor(i / dim)] * Math.exp((-Math.log(10000) * (column % half)) / half);
    return column < half ? Math.cos(angle) : Math.sin(angle);
  });
}

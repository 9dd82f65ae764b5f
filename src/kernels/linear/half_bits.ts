/**
 * Numbers as fp16 bit patterns, rounded to nearest even (IEEE 754-2019). Files are converted in formats/; this is
 * for weights that are already floats.
 */

/** Beyond 65504 (rounded) becomes infinity; a NaN stays one. */
export function floatsToHalves(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word, i) => {
    const sign = (word >>> 16) & 0x8000;
    const magnitude = Math.abs(values[i]);
    if (Number.isNaN(magnitude)) return 0x7e00;
    if (magnitude >= 65520) return sign | 0x7c00;
    // In units of the last place; below 2^-14 halves are subnormal and share one unit, 2^-24.
    const exponent = Math.max(-14, ((word >>> 23) & 0xff) - 127);
    const units = roundEven(magnitude * 2 ** (10 - exponent));
    // A normal number's leading bit is worth 1024 units and stands for one step of the exponent field.
    return sign | (units + (exponent + 14) * 1024);
  });
}

/** The number that a bit pattern stands for. */
export function halfToFloat(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

function roundEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

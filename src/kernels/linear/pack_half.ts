/**
 * Weights as the kernels want them: halves packed two to a 32-bit word, low half first, each row (or each tap of a
 * convolution's row) padded with a zero half to a whole number of words. Host only; done once, at load.
 */
import { floatsToHalves } from './half_bits';

export class PackError extends Error {
  override readonly name = 'PackError';
}

/**
 * A linear weight [out, in] as int32 words [out, ceil(in / 2)]. `values` are fp16 bit patterns, taken over as they
 * are, or floats, rounded to nearest even. Throws `PackError` if the length is not out * in.
 */
export function packHalf(values: Uint16Array | Float32Array, out: number, inn: number): Int32Array {
  expectLength(values, out * inn, `linear weight [${out}, ${inn}]`);
  const bits = values instanceof Uint16Array ? values : floatsToHalves(values);
  if (inn % 2 === 0 && bits.byteOffset % 4 === 0) {
    return new Int32Array(
      bits.buffer.slice(bits.byteOffset, bits.byteOffset + bits.byteLength) as ArrayBuffer,
    );
  }
  const padded = inn + (inn % 2);
  const rows = new Uint16Array(out * padded);
  for (let o = 0; o < out; o++) rows.set(bits.subarray(o * inn, (o + 1) * inn), o * padded);
  return new Int32Array(rows.buffer);
}

/**
 * A convolution weight [O, I, k, k] (as checkpoints have it) as int32 words [O, k * k * ceil(I / 2)]: for each
 * output, tap after tap, the inputs contiguous. Throws `PackError` if the length is not O * I * k * k.
 */
export function packHalfConv(
  values: Uint16Array | Float32Array,
  out: number,
  inn: number,
  kernel: 1 | 3,
): Int32Array {
  const taps = kernel * kernel;
  expectLength(values, out * inn * taps, `convolution weight [${out}, ${inn}, ${kernel}, ${kernel}]`);
  if (taps === 1) return packHalf(values, out, inn);
  const bits = values instanceof Uint16Array ? values : floatsToHalves(values);
  const padded = inn + (inn % 2);
  const rows = new Uint16Array(out * taps * padded);
  for (let o = 0; o < out; o++) {
    const from = o * inn * taps;
    const to = o * taps * padded;
    for (let i = 0; i < inn; i++) {
      for (let tap = 0; tap < taps; tap++) rows[to + tap * padded + i] = bits[from + i * taps + tap];
    }
  }
  return new Int32Array(rows.buffer);
}

function expectLength(values: ArrayLike<number>, length: number, what: string): void {
  if (values.length === length) return;
  throw new PackError(
    `A ${what} has ${length} values, but ${values.length} were given: check the tensor's shape.`,
  );
}

// Conversions between the float formats that checkpoints use, whole arrays at a time, rounding to nearest
// even (IEEE 754-2019). Nothing here touches the GPU.
import type { FloatDtype } from './safetensors';

/** Halves as bit patterns, with what did not fit: kept, but counted, so that a loader can say so. */
export interface Halves {
  readonly bits: Uint16Array;
  /** Finite values beyond 65504 that became ±65504. */
  readonly saturated: number;
  /** Infinities and NaNs, passed through. */
  readonly nonFinite: number;
}

/** Tensor bytes of any float dtype as fp16 bits, 8-bit ones without their model's scales. F16 is returned as a view, not copied. */
export function toHalves(bytes: ArrayBuffer, dtype: FloatDtype): Halves {
  switch (dtype) {
    case 'F8_E4M3':
    case 'F8_E5M2':
      return exactHalves(f8ToF16(new Uint8Array(bytes), dtype));
    case 'F16':
      return exactHalves(new Uint16Array(bytes));
    case 'BF16':
      return saturatingHalves(bf16ToF32(new Uint16Array(bytes)));
    case 'F32':
      return saturatingHalves(new Float32Array(bytes));
    case 'F64':
      return saturatingHalves(Float32Array.from(new Float64Array(bytes)));
  }
}

/** Tensor bytes of any float dtype as f32. F32 is returned as a view, not copied. */
export function toFloats(bytes: ArrayBuffer, dtype: FloatDtype): Float32Array {
  switch (dtype) {
    case 'F8_E4M3':
    case 'F8_E5M2':
      return f16ToF32(f8ToF16(new Uint8Array(bytes), dtype));
    case 'F16':
      return f16ToF32(new Uint16Array(bytes));
    case 'BF16':
      return bf16ToF32(new Uint16Array(bytes));
    case 'F32':
      return new Float32Array(bytes);
    case 'F64':
      return Float32Array.from(new Float64Array(bytes));
  }
}

/** How many are infinite or not a number. */
export function countNonFinite(values: Float32Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) count++;
  return count;
}

/** f32 to fp16 bits; 65520 and beyond become infinity, as in numpy and torch. */
export function f32ToF16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) halves[i] = halfBits(words[i]);
  return halves;
}

/** fp16 bits to f32, exact. */
export function f16ToF32(halves: Uint16Array): Float32Array {
  table ??= makeTable();
  const floats = new Float32Array(halves.length);
  // Copied as words: moving a signalling NaN through a float register may change its bits.
  const words = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) words[i] = table[halves[i]];
  return floats;
}

/** 8-bit floats to fp16 bits, exact. Formats: OCP 8-bit Floating Point Specification; E4M3 has no infinity. */
export function f8ToF16(values: Uint8Array, dtype: 'F8_E4M3' | 'F8_E5M2'): Uint16Array {
  // E5M2 is the upper byte of a half.
  if (dtype === 'F8_E5M2') return Uint16Array.from(values, (value) => value << 8);
  e4m3 ??= Uint16Array.from({ length: 256 }, (_, value) => halfOfE4m3(value));
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = e4m3[values[i]];
  return halves;
}

let e4m3: Uint16Array | undefined;

function halfOfE4m3(value: number): number {
  const sign = (value & 0x80) << 8;
  const [exponent, mantissa] = [(value >>> 3) & 15, value & 7];
  if (exponent === 15 && mantissa === 7) return sign | 0x7e00;
  // Rebiased from 7 to 15; what is subnormal in units of 2^-9 is normal as a half.
  if (exponent > 0) return sign | ((exponent + 8) << 10) | (mantissa << 7);
  if (mantissa === 0) return sign;
  const top = 31 - Math.clz32(mantissa);
  return sign | ((top + 6) << 10) | ((mantissa << (10 - top)) & 0x3ff);
}

/** bfloat16 bits to f32, exact. */
export function bf16ToF32(values: Uint16Array): Float32Array {
  const floats = new Float32Array(values.length);
  const words = new Uint32Array(floats.buffer);
  for (let i = 0; i < values.length; i++) words[i] = values[i] << 16;
  return floats;
}

/** f32 to bfloat16 bits; NaNs become one quiet NaN, as in torch. */
export function f32ToBf16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    out[i] = (word & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

function exactHalves(bits: Uint16Array): Halves {
  return { bits, saturated: 0, nonFinite: nonFiniteHalves(bits) };
}

function saturatingHalves(values: Float32Array): Halves {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(words.length);
  let saturated = 0;
  let nonFinite = 0;
  for (let i = 0; i < words.length; i++) {
    const magnitude = words[i] & 0x7fffffff;
    let half = halfBits(words[i]);
    if (magnitude >= 0x7f800000) {
      nonFinite++;
    } else if ((half & 0x7fff) === 0x7c00) {
      saturated++;
      half--; // the largest finite half, 65504, sits just below infinity
    }
    bits[i] = half;
  }
  return { bits, saturated, nonFinite };
}

function nonFiniteHalves(halves: Uint16Array): number {
  let count = 0;
  for (let i = 0; i < halves.length; i++) if ((halves[i] & 0x7c00) === 0x7c00) count++;
  return count;
}

function halfBits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x38800000) {
    // Normal: rebias the exponent (127 - 15 = 112), round off 13 bits; a carry may climb to infinity.
    const rebased = magnitude - 0x38000000;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  if (magnitude <= 0x33000000) return sign; // at most 2^-25: halfway to the smallest subnormal goes to zero
  // Subnormal: in units of 2^-24 the value is mantissa / 2^(126 - exponent).
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const whole = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return sign | (rest > middle || (rest === middle && (whole & 1) === 1) ? whole + 1 : whole);
}

let table: Uint32Array | undefined;

/** The f32 bits of each of the 65,536 halves (256 KiB, made once). */
function makeTable(): Uint32Array {
  const entries = new Uint32Array(65536);
  const float = new Float32Array(1);
  const word = new Uint32Array(float.buffer);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 0x1f;
    const mantissa = half & 0x3ff;
    if (exponent === 0) {
      float[0] = mantissa * 2 ** -24;
      entries[half] = sign | word[0];
    } else if (exponent === 31) {
      entries[half] = sign | 0x7f800000 | (mantissa << 13);
    } else {
      entries[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    }
  }
  return entries;
}

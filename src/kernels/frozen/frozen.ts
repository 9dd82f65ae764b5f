/**
 * How a frozen weight lies on the GPU. `half`: two to a word (`linear/pack_half.ts`). `int8` and `nf4`: codes row by row, tap
 * after tap for a convolution, four or eight to a word, the first lowest; after the last code, for each block of 64 inputs, the
 * largest magnitude in it as a half, two to a word: weights are halves, so none of it is lost. In one buffer, as a LoRA
 * product with a bias and a residual binds seven already and eight is all that WebGPU promises.
 */
import type { Tensor } from '@tensorflow/tfjs';

export type Storage = 'half' | 'int8' | 'nf4';
/** Those that are made by `quantize.ts`. */
export type Quantized = Exclude<Storage, 'half'>;

/** Inputs that share a largest magnitude. Only weights whose inputs are a multiple of it are quantized. */
export const BLOCK = 64;

/** A frozen weight [out, in], or [out, 9, in] of a 3x3 convolution; `data` is int32 words of `weightShape`. */
export interface FrozenWeight {
  data: Tensor;
  out: number;
  in: number;
  /** Halves if left out. */
  storage?: Storage;
}

const PER_WORD: Readonly<Record<Storage, number>> = { half: 2, int8: 4, nf4: 8 };

/** Words from one row, or one tap of it, to the next. */
export function wordsAlong(storage: Storage, inputs: number): number {
  return Math.ceil(inputs / PER_WORD[storage]);
}

/** Of the tensor that holds a weight of so many rows, taps and inputs. */
export function weightShape(storage: Storage, out: number, taps: number, inputs: number): number[] {
  const words = taps * wordsAlong(storage, inputs);
  if (storage === 'half') return [out, words];
  return [out * words + Math.ceil((out * taps * inputs) / BLOCK / 2)];
}

/** bitsandbytes' sixteen numbers (Dettmers et al. 2023, QLoRA): quantiles of a normal distribution, zero among them. */
export const NF4: readonly number[] = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
  0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
]; // prettier-ignore

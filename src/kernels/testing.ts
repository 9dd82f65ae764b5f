/**
 * What kernel tests are made of, apart from any test runner: the same cases run in Node on every tier and in
 * browser workers under another shader compiler.
 */
import * as tf from '@tensorflow/tfjs';
import { gpu } from './device';
import { read } from './program';

/** One measured deviation: passes if `error <= tolerance`. */
export interface Comparison {
  what: string;
  error: number;
  tolerance: number;
}

export interface KernelCase {
  name: string;
  run(): Promise<Comparison[]>;
}

/** Allowed relative error where the tier multiplies in f32, and where it multiplies in f16. */
export interface Tolerance {
  f32: number;
  f16: number;
}

/**
 * ‖got − want‖₂ / ‖want‖₂, or, if larger, a hundredth of the worst element's error over the root mean square of
 * `want`, so that a single wrong element among many cannot hide. NaN, infinity or a wrong length give Infinity.
 */
export function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) return Infinity;
  let difference = 0;
  let norm = 0;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const d = Math.abs(got[i] - want[i]);
    if (!Number.isFinite(d)) return Infinity;
    difference += d * d;
    norm += want[i] ** 2;
    worst = Math.max(worst, d);
  }
  const rms = Math.sqrt(norm / Math.max(1, want.length));
  if (rms === 0) return worst;
  return Math.max(Math.sqrt(difference / norm), worst / rms / 100);
}

/** Compares a GPU tensor with float64 values. Disposes nothing. */
export async function compare(
  what: string,
  got: tf.TensorInfo,
  want: ArrayLike<number>,
  tolerance: Tolerance,
): Promise<Comparison> {
  return {
    what,
    error: relativeError(await read(got), want),
    tolerance: gpu().f16 ? tolerance.f16 : tolerance.f32,
  };
}

/** Runs `forward` under the tape: its value and, for the output gradient `dy`, the gradient of every x. */
export function valueAndGradients(
  forward: () => tf.Tensor,
  xs: tf.Tensor[],
  dy: tf.Tensor,
): { value: tf.Tensor; grads: tf.Tensor[] } {
  return tf.engine().gradients(forward, xs, dy, false);
}

/** Central differences of a scalar function of `x`, at the given indices: checks the float64 references themselves. */
export function finiteDifferences(
  f: (x: Float64Array) => number,
  x: Float64Array,
  at: number[],
  step = 1e-5,
): number[] {
  return at.map((i) => {
    const moved = (by: number) => {
      const copy = Float64Array.from(x);
      copy[i] = copy[i] + by;
      return f(copy);
    };
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

/** Deterministic test data: normal-ish values of deviation `scale`, exactly representable in f16 if `half`. */
export function sample(count: number, seed: number, scale = 1, half = false): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
  return Float32Array.from({ length: count }, () => {
    const value = (uniform() + uniform() + uniform() - 1.5) * 2 * scale;
    return half ? Math.round(value * 512) / 512 : value;
  });
}

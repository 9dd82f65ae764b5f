/**
 * y = x W^T + b + add over the last dimension, W frozen, in any of the storages of `frozen.ts`. x [..., in] f32,
 * W [out, in], b [out] f32, y [..., out] f32. Gradient: dx = dy W. No gradient for W or b.
 * Relative error: f32 tier 1e-5 (sums of some thousand terms in f32, where the reference has f64); f16 tier 2e-3
 * (operands and their products rounded to 11 bits, sums of four products in f16).
 */
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { defineKernel, passedOn, type Ending } from '../kernel';
import { wordsAlong, type FrozenWeight, type Storage } from '../frozen/frozen';
import { gemm } from '../gemm/gemm';
import { requireSameShape, ShapeError } from '../pointwise/elementwise';
import { allocate } from '../program';

/**
 * x [..., in] to [..., out], ending as it is told. The caller's tidy owns the result. Throws `ShapeError` where dimensions
 * disagree.
 */
export function linear(x: Tensor, w: FrozenWeight, bias?: Tensor, { add, unread }: Ending = {}): Tensor {
  const what = `linear [${w.out}, ${w.in}]`;
  expectLast(x, w.in, what);
  if (add) requireSameShape(`${what}: its output and what is added`, withLast(x.shape, w.out), add.shape);
  const attrs: Attrs = { out: w.out, in: w.in, storage: w.storage ?? 'half', unread: unread ?? false };
  return kernel({ x, w: w.data, ...(bias ? { bias } : {}), ...(add ? { add } : {}) }, attrs)[0];
}

interface Attrs {
  out: number;
  in: number;
  storage: Storage;
  unread: boolean;
}

const kernel = defineKernel<Attrs>({
  name: 'FrozenLinear',
  forward: ({ x, w, bias, add }, attrs) => {
    const shape = withLast(x.shape, attrs.out);
    if (attrs.unread) return allocate(shape);
    return gemm({
      M: rowsOf(x.shape),
      N: attrs.out,
      K: attrs.in,
      a: x,
      aKind: 'rows',
      b: w,
      bKind: `${attrs.storage}NT`,
      rowWords: wordsAlong(attrs.storage, attrs.in),
      bias,
      add,
      half: true,
      activation: true,
      shape,
    });
  },
  gradient: {
    saveInputs: ['w'],
    backward: ([dy], [w], attrs) => ({
      x: () => inputGradient({ dy, w }, attrs)[0],
      add: () => passedOn(dy),
    }),
  },
});

const inputGradient = defineKernel<Attrs>({
  name: 'FrozenLinearInputGradient',
  forward: ({ dy, w }, attrs) =>
    gemm({
      M: rowsOf(dy.shape),
      N: attrs.in,
      K: attrs.out,
      a: dy,
      aKind: 'rows',
      b: w,
      bKind: `${attrs.storage}NN`,
      rowWords: wordsAlong(attrs.storage, attrs.in),
      half: true,
      shape: withLast(dy.shape, attrs.in),
    }),
});

/** The product of all dimensions but the last. */
export function rowsOf(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((product, n) => product * n, 1);
}

export function withLast(shape: readonly number[], last: number): number[] {
  return [...shape.slice(0, -1), last];
}

export function expectLast(x: TensorInfo, last: number, what: string): void {
  if (x.shape[x.shape.length - 1] === last) return;
  throw new ShapeError(`${what}: the input's last dimension must be ${last}, its shape is [${x.shape}].`);
}

/**
 * y = x W^T + b over the last dimension, W frozen, in any of the storages of `frozen.ts`. x [..., in] f32,
 * W [out, in], b [out] f32, y [..., out] f32. Gradient: dx = dy W. No gradient for W or b.
 * Relative error: f32 tier 1e-5 (sums of some thousand terms in f32, where the reference has f64); f16 tier 2e-3
 * (operands and their products rounded to 11 bits, sums of four products in f16).
 */
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { defineKernel } from '../kernel';
import { wordsAlong, type FrozenWeight, type Storage } from '../frozen/frozen';
import { gemm } from '../gemm/gemm';
import { ShapeError } from '../pointwise/elementwise';

/** x [..., in] to [..., out]. The caller's tidy owns the result. Throws `ShapeError` where dimensions disagree. */
export function linear(x: Tensor, w: FrozenWeight, bias?: Tensor): Tensor {
  expectLast(x, w.in, `linear [${w.out}, ${w.in}]`);
  const attrs = { out: w.out, in: w.in, storage: w.storage ?? 'half' };
  return (bias ? withBias({ x, w: w.data, bias }, attrs) : plain({ x, w: w.data }, attrs))[0];
}

interface Attrs {
  out: number;
  in: number;
  storage: Storage;
}

const backward = ([dy]: Tensor[], [w]: Tensor[], attrs: Attrs) => ({
  x: () => inputGradient({ dy, w }, attrs)[0],
});

const plain = defineKernel<Attrs>({
  name: 'FrozenLinear',
  forward: ({ x, w }, attrs) => product(x, w, attrs),
  gradient: { saveInputs: ['w'], backward },
});

const withBias = defineKernel<Attrs>({
  name: 'FrozenLinearBias',
  forward: ({ x, w, bias }, attrs) => product(x, w, attrs, bias),
  gradient: { saveInputs: ['w'], backward },
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

function product(x: TensorInfo, w: TensorInfo, attrs: Attrs, bias?: TensorInfo): TensorInfo {
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
    half: true,
    shape: withLast(x.shape, attrs.out),
  });
}

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

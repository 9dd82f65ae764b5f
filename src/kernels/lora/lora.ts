/**
 * y = x W^T + b + s drop(x A^T) B^T + add: a frozen linear layer with its low-rank branch (LoRA, Hu et al. 2021), in two
 * kernels: h = drop(x A^T), kept for the backward pass, then the product with the branch in its epilogue.
 * x [..., in], A = down [r, in], B = up [out, r], all f32; r from 1 to 128. drop is inverted dropout of h, as kohya's
 * network_dropout. Gradients: dh = s drop(dy B), dx = dy W + dh A, dA = dh^T x, dB = s dy^T h; the branch is
 * multiplied in f32 on every tier. Relative error as `linear`: 1e-5 and 2e-3; h, dA and dB 1e-5 on every tier.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { wordsAlong, type FrozenWeight, type Storage } from '../frozen/frozen';
import { gemm, type Dropout } from '../gemm/gemm';
import { defineKernel, passedOn } from '../kernel';
import { expectLast, rowsOf, withLast } from '../linear/linear';
import { requireSameShape, ShapeError } from '../pointwise/elementwise';

export interface Lora {
  /** [r, in], f32. */
  down: Tensor;
  /** [out, r], f32. */
  up: Tensor;
  /** multiplier * alpha / r. */
  scale: number;
  /** Chance of dropping an element of h, in [0, 1); a seed (int32 [1]) new at each step; a number for the layer. */
  dropout?: { rate: number; seed: Tensor; stream: number };
}

/**
 * x [..., in] to [..., out] through weight and LoRA, plus `add` of that shape where it is given; with gradients for x,
 * `down`, `up` and `add`. The caller's tidy owns the result. Throws `ShapeError` where dimensions disagree.
 */
export function loraLinear(
  x: Tensor,
  w: FrozenWeight,
  bias: Tensor | undefined,
  lora: Lora,
  add?: Tensor,
): Tensor {
  const { down, up, scale, dropout } = lora;
  const rank = down.shape[0];
  const what = `loraLinear [${w.out}, ${w.in}] of rank ${rank}`;
  expectLast(x, w.in, what);
  if (down.shape[1] !== w.in || up.shape[0] !== w.out || up.shape[1] !== rank) {
    throw new ShapeError(
      `${what}: down is [${down.shape}] and up is [${up.shape}], expected [r, in] and [out, r].`,
    );
  }
  if (add) requireSameShape(`${what}: its output and what is added`, withLast(x.shape, w.out), add.shape);
  const rate = dropout?.rate ?? 0;
  const storage = w.storage ?? 'half';
  const attrs: Attrs = { out: w.out, in: w.in, storage, rank, scale, rate, stream: dropout?.stream ?? 0 };
  const run = rate > 0 ? dropped : plain;
  const inputs: Record<string, Tensor> = { x, w: w.data, down, up };
  if (bias) inputs['bias'] = bias;
  if (add) inputs['add'] = add;
  if (dropout && rate > 0) inputs['seed'] = dropout.seed;
  return tf.tidy(() => run(inputs, attrs)[0]);
}

interface Attrs {
  out: number;
  in: number;
  storage: Storage;
  rank: number;
  scale: number;
  rate: number;
  stream: number;
}

const plain = define('LoraLinear', []);
const dropped = define('LoraLinearDropout', ['seed']);

/** Outputs y and h; h is for the backward pass only. */
function define(name: string, seed: readonly string[]) {
  return defineKernel<Attrs>({
    name,
    forward: (inputs, attrs) => {
      const h = branch(inputs, attrs);
      return [product(inputs, h, attrs), h];
    },
    gradient: {
      saveInputs: ['x', 'w', 'down', 'up', ...seed],
      saveOutputs: [false, true],
      backward: ([dy], saved, attrs) => {
        const [x, w, down, up] = saved;
        const h = saved[saved.length - 1];
        const [dh] = branchGradient(attrs.rate > 0 ? { dy, up, seed: saved[4] } : { dy, up }, attrs);
        return {
          x: () => inputGradient({ dy, w, dh, down }, attrs)[0],
          down: () => outerProduct({ a: dh, b: x }, { scale: 1 })[0],
          up: () => outerProduct({ a: dy, b: h }, { scale: attrs.scale })[0],
          add: () => passedOn(dy),
        };
      },
    },
  });
}

/** h = drop(x A^T), [..., r]. */
function branch({ x, down, seed }: Record<string, TensorInfo>, attrs: Attrs): TensorInfo {
  return gemm({
    M: rowsOf(x.shape),
    N: attrs.rank,
    K: attrs.in,
    a: x,
    aKind: 'rows',
    b: down,
    bKind: 'f32NT',
    dropout: dropoutOf(seed, attrs),
    half: false,
    shape: withLast(x.shape, attrs.rank),
  });
}

function product(
  { x, w, up, bias, add }: Record<string, TensorInfo>,
  h: TensorInfo,
  attrs: Attrs,
): TensorInfo {
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
    lowRank: { kind: 'NT', h, factor: up, rank: attrs.rank, scale: attrs.scale },
    half: true,
    shape: withLast(x.shape, attrs.out),
  });
}

/** dh = s drop(dy B), with the mask of the forward pass. */
const branchGradient = defineKernel<Attrs>({
  name: 'LoraBranchGradient',
  forward: ({ dy, up, seed }, attrs) =>
    gemm({
      M: rowsOf(dy.shape),
      N: attrs.rank,
      K: attrs.out,
      a: dy,
      aKind: 'rows',
      b: up,
      bKind: 'f32NN',
      dropout: dropoutOf(seed, attrs),
      scale: attrs.scale,
      half: false,
      shape: withLast(dy.shape, attrs.rank),
    }),
});

/** dx = dy W + dh A. */
const inputGradient = defineKernel<Attrs>({
  name: 'LoraInputGradient',
  forward: ({ dy, w, dh, down }, attrs) =>
    gemm({
      M: rowsOf(dy.shape),
      N: attrs.in,
      K: attrs.out,
      a: dy,
      aKind: 'rows',
      b: w,
      bKind: `${attrs.storage}NN`,
      rowWords: wordsAlong(attrs.storage, attrs.in),
      lowRank: { kind: 'NN', h: dh, factor: down, rank: attrs.rank, scale: 1 },
      half: true,
      shape: withLast(dy.shape, attrs.in),
    }),
});

/** scale a^T b over all rows: a [..., P], b [..., Q] to [P, Q]. */
const outerProduct = defineKernel<{ scale: number }>({
  name: 'LoraOuterProduct',
  forward: ({ a, b }, { scale }) => {
    const M = a.shape[a.shape.length - 1];
    const N = b.shape[b.shape.length - 1];
    return gemm({
      M,
      N,
      K: rowsOf(a.shape),
      a,
      aKind: 'columns',
      b,
      bKind: 'f32NN',
      scale,
      half: false,
      shape: [M, N],
    });
  },
});

function dropoutOf(seed: TensorInfo | undefined, attrs: Attrs): Dropout | undefined {
  return seed ? { rate: attrs.rate, seed, stream: attrs.stream } : undefined;
}

/**
 * Cases of the matrix product as GPUs run it: every kind of operand through staged tiles, in each arithmetic of the tier, k split over workgroups; whatever adapter the test runs on. Its own tiles run in the layers' cases.
 */
import * as tf from '@tensorflow/tfjs';
import type { Storage } from '../frozen/frozen';
import { testWeight } from '../frozen/frozen.testing';
import { compare, sample, type KernelCase, type Tolerance } from '../testing';
import { read, upload } from '../program';
import { convGradientReference, convReference } from '../conv2d/conv2d.reference';
import { linearGradientReference, linearReference } from '../linear/linear.reference';
import { gemm, type Gemm } from './gemm';
import { GPU_TILES, setHalfMath, tileName, type HalfMath, type Tile } from './tile';

/** f32: rounding of sums; f16: operands and products rounded to 11 bits. */
const PACKED: Tolerance = { f32: 1e-5, f16: 2e-3 };

const floats = (values: ArrayLike<number>, shape: number[]) =>
  upload(Float32Array.from(values), shape, 'test');

/** Runs one product with a tile and compares; `owned` are its inputs. Where it adds, what that gives beside an addition of its own. */
async function check(
  call: Gemm,
  tile: Tile,
  want: ArrayLike<number>,
  tolerance: Tolerance,
  owned: tf.Tensor[],
  math: HalfMath = 'multiply',
  adds = false,
) {
  setHalfMath(math);
  try {
    const y = gemm({ ...call, tile });
    const results = [await compare('y', y, want, tolerance)];
    if (adds) {
      const extra = sample(call.M * call.N, 9);
      const add = floats(extra, [...call.shape]);
      const z = gemm({ ...call, tile, add });
      const [before, after] = [await read(y), await read(z)];
      const other = after.filter((v, i) => v !== Math.fround(before[i] + extra[i])).length;
      results.push({ what: 'elements of y + add that are others', error: other, tolerance: 0 });
      tf.backend().disposeData(z.dataId);
      add.dispose();
    }
    tf.backend().disposeData(y.dataId);
    tf.dispose(owned);
    return results;
  } finally {
    setHalfMath();
  }
}

/** dy W + 0.5 h F. */
function backwardLowRank(
  tile: Tile,
  [M, N, K, rank]: [number, number, number, number],
  math: HalfMath,
  storage: Storage = 'half',
): KernelCase {
  return {
    name: `${tileName(tile)}, ${math}: [${M}, ${K}] x ${storage} [${K}, ${N}] + rank ${rank}`,
    run() {
      const dy = sample(M * K, 1);
      const { data: b, values: w, rowWords } = testWeight(storage, sample(N * K, 2, K ** -0.5, true), [K, N]);
      const h = sample(M * rank, 4);
      const factor = sample(rank * N, 5);
      const low = linearGradientReference(h, factor, M, rank, N);
      const want = linearGradientReference(dy, w, M, K, N).map((v, i) => v + 0.5 * low[i]);
      const a = floats(dy, [M, K]);
      const hs = floats(h, [M, rank]);
      const fs = floats(factor, [rank, N]);
      const lowRank = { kind: 'NN', h: hs, factor: fs, rank, scale: 0.5 } as const;
      return check(
        { M, N, K, a, aKind: 'rows', b, bKind: `${storage}NN`, rowWords, lowRank, half: true, shape: [M, N] },
        tile, want, PACKED, [a, b, hs, fs], math,
      ); // prettier-ignore
    },
  };
}

/** x W^T + bias + 0.5 h F^T, and where it `adds` + add. */
function forward(
  tile: Tile,
  [M, N, K, rank]: [number, number, number, number],
  math: HalfMath,
  storage: Storage = 'half',
  adds = false,
): KernelCase {
  return {
    name: `${tileName(tile)}, ${math}: [${M}, ${K}] x ${storage} [${N}, ${K}]^T + bias + rank ${rank}${adds ? ' + add' : ''}`,
    run() {
      const x = sample(M * K, 1);
      const { data: b, values: w, rowWords } = testWeight(storage, sample(N * K, 2, K ** -0.5, true), [N, K]);
      const bias = sample(N, 3);
      const h = sample(M * rank, 4);
      const factor = sample(N * rank, 5);
      const low = linearReference(h, factor, undefined, M, N, rank);
      const want = linearReference(x, w, bias, M, N, K).map((v, i) => v + 0.5 * low[i]);
      const a = floats(x, [M, K]);
      const c = floats(bias, [N]);
      const hs = floats(h, [M, rank]);
      const fs = floats(factor, [N, rank]);
      const lowRank = { kind: 'NT', h: hs, factor: fs, rank, scale: 0.5 } as const;
      return check(
        { M, N, K, a, aKind: 'rows', b, bKind: `${storage}NT`, rowWords, bias: c, lowRank, half: true, shape: [M, N] },
        tile, want, PACKED, [a, b, c, hs, fs], math, adds,
      ); // prettier-ignore
    },
  };
}

/** dy W. */
function backward(
  tile: Tile,
  [M, N, K]: [number, number, number],
  math?: HalfMath,
  storage: Storage = 'half',
  adds = false,
): KernelCase {
  return {
    name: `${tileName(tile)}, ${math ?? 'f32'}: [${M}, ${K}] x ${storage} [${K}, ${N}]${adds ? ' + add' : ''}`,
    run() {
      const dy = sample(M * K, 1);
      const { data: b, values: w, rowWords } = testWeight(storage, sample(N * K, 2, K ** -0.5, true), [K, N]);
      const a = floats(dy, [M, K]);
      const want = linearGradientReference(dy, w, M, K, N);
      return check(
        {
          M,
          N,
          K,
          a,
          aKind: 'rows',
          b,
          bKind: `${storage}NN`,
          rowWords,
          half: math !== undefined,
          shape: [M, N],
        },
        tile,
        want,
        PACKED,
        [a, b],
        math,
        adds,
      );
    },
  };
}

/** 3x3 convolution of stride 2, or its input gradient. */
function window(
  tile: Tile,
  [H, W, I, O]: [number, number, number, number],
  transposed: boolean,
  math?: HalfMath,
  storage: Storage = 'half',
  adds = false,
): KernelCase {
  return {
    name: `${tileName(tile)}, ${math ?? 'f32'}: ${storage} ${H}x${W}x${I} -> ${O}, stride 2${transposed ? ', transposed' : ''}${adds ? ' + add' : ''}`,
    run() {
      const shape = { batch: 1, H, W, in: I, out: O, stride: 2, pad: [1, 1, 1, 1] } as const;
      const [oh, ow] = [Math.floor((H - 1) / 2) + 1, Math.floor((W - 1) / 2) + 1];
      const made = testWeight(storage, sample(O * I * 9, 2, (9 * I) ** -0.5, true), [O, I], 9);
      const { data: b, values: w, rowWords, tapWords } = made;
      const look = { stride: 2, padTop: 1, padLeft: 1 };
      const packed = { b, taps: 9, rowWords, tapWords, half: math !== undefined } as const;
      if (transposed) {
        const dy = sample(oh * ow * O, 1);
        const a = floats(dy, [1, oh, ow, O]);
        const call: Gemm = {
          ...packed, M: H * W, N: I, K: O, a, aKind: 'convT', bKind: `${storage}NN`,
          window: { ...look, H: oh, W: ow, oh: H, ow: W }, shape: [1, H, W, I],
        }; // prettier-ignore
        return check(call, tile, convGradientReference(dy, w, shape), PACKED, [a, b], math, adds);
      }
      const x = sample(H * W * I, 1);
      const a = floats(x, [1, H, W, I]);
      const call: Gemm = {
        ...packed, M: oh * ow, N: O, K: I, a, aKind: 'conv', bKind: `${storage}NT`,
        window: { ...look, H, W, oh, ow }, shape: [1, oh, ow, O],
      }; // prettier-ignore
      return check(call, tile, convReference(x, w, undefined, shape), PACKED, [a, b], math, adds);
    },
  };
}

/** All but the first two. */
const [, , tall, wide, square, low, small, narrow, flat, dot] = GPU_TILES;

// The arithmetics of halves in a small tile, whose text differs from a large one's by its number of accumulators alone. The
// low-rank branch by vectors and not, the last stretch of the rank short. Of those that add, the flat one has k in parts.
export const cases: KernelCase[] = [
  forward(small, [34, 36, 100, 44], 'wide', 'half', true),
  forward(small, [35, 33, 261, 3], 'multiply', 'half', true),
  backwardLowRank(small, [35, 36, 40, 20], 'wide'),
  backwardLowRank(small, [35, 33, 40, 9], 'multiply'),
  forward(small, [34, 36, 128, 12], 'wide', 'nf4'),
  window(small, [5, 6, 64, 20], true, 'multiply', 'int8'),
  window(small, [5, 6, 20, 12], false, 'wide', 'half', true),
  backward(narrow, [130, 8, 300]),
  backward(flat, [8, 72, 1030], undefined, 'half', true),
  backward(dot, [18, 20, 1100]),
];

/** The sliced ones of many threads, which a CPU's compiler takes a quarter of a minute for: in f32, on one tier, in Node. */
export const slicedCases: KernelCase[] = [
  window(tall, [11, 10, 12, 20], false),
  backward(wide, [67, 132, 600]),
  backward(square, [67, 128, 300], undefined, 'int8'),
  backward(low, [35, 68, 300]),
];

/** The two largest tiles of one slice, and chains of halves in sliced ones: `npm run gpu` runs them where it is quick. */
export const largeTileCases: KernelCase[] = [
  ...GPU_TILES.slice(0, 2).flatMap((tile) => [
    forward(tile, [150, 140, 100, 8], 'multiply'),
    backward(tile, [150, 140, 68], 'multiply'),
    window(tile, [25, 24, 12, 132], false, 'multiply'),
    window(tile, [25, 24, 64, 132], true, 'multiply', 'int8'),
    forward(tile, [150, 140, 128, 8], 'multiply', 'nf4'),
  ]),
  ...slicedCases,
  window(dot, [5, 6, 64, 12], false, 'multiply', 'nf4'),
  backwardLowRank(small, [35, 64, 40, 9], 'wide', 'int8'),
  ...[tall, wide, square, low, dot].flatMap((tile) => [
    backward(tile, [150, 140, 268], 'multiply'),
    backward(tile, [150, 192, 268], 'multiply', 'int8'),
  ]),
];

/**
 * y = A B + bias + scale h F + add: the one matrix product under linear layers, LoRA and convolutions.
 * A [M, K] is dense, or gathered from an NHWC image; B holds packed halves or codes, either way round.
 * f32 tier: f32 throughout. f16 tiers (`half`): operands rounded to f16 (2^-11 relative), products summed four at a
 * time in f16, those sums in f32; CPU adapters round operands alike but multiply in f32 (`halfMath`). Where the output has too few tiles to
 * fill a GPU, k is split over workgroups (`cut.ts`) and the parts are added in a second pass, always in the same order.
 */
import * as tf from '@tensorflow/tfjs';
import type { TensorInfo } from '@tensorflow/tfjs';
import { gpu } from '../device';
import type { Storage } from '../frozen/frozen';
import {
  allocate,
  allocateActivation,
  dispatch,
  groups1d,
  LINEAR_GROUP,
  program,
  type Element,
} from '../program';
import {
  elementsOf,
  GEMM_PARAMS,
  gemmName,
  gemmWgsl,
  type AKind,
  type BKind,
  type GemmText,
} from './gemm.wgsl';
import { cutFor, stepsOf } from './cut';
import { halfMath, type Tile } from './tile';

/** How output pixels look at an NHWC source. */
export interface Window {
  /** The source: its height and width. */
  H: number;
  W: number;
  /** The rows of the product: M = batch * oh * ow. */
  oh: number;
  ow: number;
  stride: number;
  padTop: number;
  padLeft: number;
}

/** + scale h F^T (`NT`, F [N, rank]) or + scale h F (`NN`, F [rank, N]). */
export interface LowRank {
  kind: 'NT' | 'NN';
  /** [M, rank], or wider: then its columns from `column` on. */
  h: TensorInfo;
  column?: number;
  factor: TensorInfo;
  rank: number;
  scale: number;
}

export interface Gemm {
  M: number;
  N: number;
  /** Length of the reduction; of one tap for convolutions. */
  K: number;
  a: TensorInfo;
  aKind: AKind;
  b: TensorInfo;
  bKind: BKind;
  /** Packed B: words from one row to the next, and from one tap to the next. */
  rowWords?: number;
  tapWords?: number;
  taps?: 1 | 9;
  window?: Window;
  bias?: TensorInfo;
  lowRank?: LowRank;
  /** f32 [M, N], added last, in f32: bit for bit what an addition of its own would give. */
  add?: TensorInfo;
  /** Multiply in f16 where the tier has it. */
  half: boolean;
  shape: readonly number[];
  /** y is of the forward pass: see `allocateActivation`. */
  activation?: boolean;
  tile?: Tile;
}

/** Encodes the product and returns a freshly allocated y of `shape` (M * N elements). */
export function gemm(call: Gemm): TensorInfo {
  const { M, N, K, taps = 1, bias, lowRank, add, window } = call;
  const extent = { M, N, K, taps };
  const { tile, splits } = cutFor(extent, call.tile);
  const hRow = lowRank?.h.shape.at(-1) ?? 0;
  const hAt = lowRank?.column ?? 0;
  const text: GemmText = {
    a: call.aKind,
    b: call.bKind,
    aVec: K % 4 === 0,
    bVec: (call.bKind.endsWith('NT') ? K : N) % 4 === 0,
    nVec: N % 4 === 0,
    taps9: taps === 9,
    bias: bias !== undefined,
    lowRank: lowRank?.kind ?? 'none',
    rVec:
      tile.kind === 'shared' && lowRank !== undefined && [lowRank.rank, hRow, hAt].every((n) => n % 4 === 0),
    add: add !== undefined && splits === 1,
    half: call.half && gpu().f16 ? halfMath() : 'none',
    tile,
  };
  const perTap = Math.ceil(K / tile.bk);
  const total = stepsOf(tile, extent);
  const chunks = Math.ceil(total / splits);
  const nTiles = Math.ceil(N / tile.bn);
  const tiles = Math.ceil(M / tile.bm) * nTiles;
  const made = () => (call.activation ? allocateActivation : allocate)(call.shape);
  const y = splits === 1 ? made() : allocate([splits, M, N]);
  const [x, fold] = groups1d(tiles);
  dispatch(
    gemmProgram(text),
    [
      call.a,
      call.b,
      ...(bias ? [bias] : []),
      ...(lowRank ? [lowRank.h, lowRank.factor] : []),
      ...(add && text.add ? [add] : []),
      y,
    ],
    {
      M, N, K, nTiles, perTap, total, chunks,
      rowWords: call.rowWords ?? 0, tapWords: call.tapWords ?? 0,
      R: lowRank?.rank ?? 0, hRow, hAt, scale: lowRank?.scale ?? 0,
      ...(window ?? { H: 0, W: 0, oh: 0, ow: 0, stride: 0, padTop: 0, padLeft: 0 }),
    }, // prettier-ignore
    [x, fold, splits],
    2 * M * N * (K * taps + (lowRank?.rank ?? 0)),
  );
  if (splits === 1) return y;
  const sum = made();
  addParts(y, sum, splits, M * N, add);
  tf.backend().disposeData(y.dataId);
  return sum;
}

function gemmProgram(text: GemmText) {
  return program(gemmName(text), () => {
    const { whole, single } = BINDINGS[elementsOf(text.b)];
    const inputs: Record<string, Element> = {
      a: text.aVec ? 'vec4<f32>' : 'f32',
      b: text.bVec ? whole : single,
    };
    if (text.bias) inputs['bias'] = text.nVec ? 'vec4<f32>' : 'f32';
    if (text.lowRank !== 'none') {
      const staged = text.tile.kind === 'shared';
      const vector = text.lowRank === 'NT' ? text.rVec : staged && text.nVec;
      Object.assign(inputs, { h: text.rVec ? 'vec4<f32>' : 'f32', factor: vector ? 'vec4<f32>' : 'f32' });
    }
    if (text.add) inputs['add'] = text.nVec ? 'vec4<f32>' : 'f32';
    return {
      inputs,
      outputs: { y: text.nVec ? 'vec4<f32>' : 'f32' },
      params: GEMM_PARAMS,
      cut: 'linear',
      f16: text.half !== 'none',
      subgroups: text.tile.kind === 'lanes',
      wgsl: gemmWgsl(text),
    };
  });
}

/** How B is bound where it is loaded by whole vectors, and where not. Codes are never read but by the word. */
const BINDINGS: Readonly<Record<Storage, { whole: Element; single: Element }>> = {
  half: { whole: 'vec2<u32>', single: 'u32' },
  int8: { whole: 'u32', single: 'u32' },
  nf4: { whole: 'u32', single: 'u32' },
};

/** sum[i] = parts[0, i] + parts[1, i] + ... in that order, whatever runs first; and last `add`[i]. */
export function addParts(
  parts: TensorInfo,
  sum: TensorInfo,
  count: number,
  length: number,
  add?: TensorInfo,
): void {
  const width = length % 4 ? 1 : 4;
  const T = width === 4 ? 'vec4<f32>' : 'f32';
  const units = length / width;
  dispatch(
    program(`gemm-add-parts${add ? '-add' : ''}/${width}`, () => ({
      inputs: { parts: T, ...(add ? { add: T } : {}) },
      outputs: { total: T },
      params: { count: 'u32', length: 'u32' },
      wgsl: `${LINEAR_GROUP}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  let i = linearGroup(wid, nwg) * 64u + lid;
  if (i >= p.length) { return; }
  var v = ${T}(0.0);
  for (var s = 0u; s < p.count; s++) { v += parts[s * p.length + i]; }
  write_total(i, v${add ? ' + read_add(i)' : ''});
}`,
    })),
    [parts, ...(add ? [add] : []), sum],
    { count, length: units },
    groups1d(Math.ceil(units / 64)),
    count * length,
  );
}

/**
 * LoRA's thin products, f32 on every tier, of up to three modules that share their input: one dispatch for all of them on a
 * GPU, whose multiprocessors one module alone would leave idle; on a CPU adapter, where choosing between buffers is what
 * costs, one for each. h and dh hold the modules' columns side by side. k is split over workgroups as in `gemm.ts`, and parts
 * are added in the same order always. Long, as three products share one way to be grouped, cut and bound.
 */
import * as tf from '@tensorflow/tfjs';
import type { TensorInfo } from '@tensorflow/tfjs';
import { allocate, dispatch, groups1d, LINEAR_GROUP, program, type Element } from '../program';
import { cutFor, stepsOf, type Cut, type Extent } from './cut';
import { addParts } from './gemm';
import type { Tile } from './tile';
import { range } from './gemm.wgsl';
import {
  each,
  firstOperands,
  MODULE_PARAMS,
  MOST_MODULES,
  pick,
  secondOperands,
  THIN_PARAMS,
  thinName,
  thinWgsl,
  type ThinText,
} from './thin.wgsl';

export { MOST_MODULES } from './thin.wgsl';

/** One of the modules: its factors, how its branch is scaled, and which random numbers drop elements of its h. */
export interface ThinModule {
  /** [rank, in] and [out, rank]. */
  down: TensorInfo;
  up: TensorInfo;
  rank: number;
  scale: number;
  stream: number;
}

/** Where a module's gradients are added up: a flat tensor, and the elements at which `down`'s and `up`'s begin. */
export interface GradientPlace {
  flat: TensorInfo;
  down: number;
  up: number;
}

export interface ThinCall {
  modules: readonly ThinModule[];
  /** Rows of x and dy. */
  rows: number;
  in: number;
  out: number;
  /** Chance of a zero in h, in [0, 1), and int32 [1], which changes from step to step. */
  dropout?: { rate: number; seed: TensorInfo } | undefined;
  /** The adapter's, unless given. */
  tile?: Tile;
}

/** Columns of all modules. */
export const ranksOf = (modules: readonly Pick<ThinModule, 'rank'>[]) =>
  modules.reduce((sum, { rank }) => sum + rank, 0);

/** h = drop(x A^T) of every module, [rows, sum of ranks], from x [rows, in]. */
export function thinDown(call: ThinCall, x: TensorInfo): TensorInfo {
  const { modules, rows: M, in: K } = call;
  const all = ranksOf(modules);
  return summed(call, { M, N: all, K, taps: 1 }, (cut, groups, y) => {
    for (const group of groups) {
      const N = ranksOf(group.modules);
      run(
        { kind: 'down', aVec: K % 4 === 0, bVec: K % 4 === 0, nVec: whole(group, all) },
        { call, group, cut, all, M, N, K, tiles: tilesOf(cut, M, N) },
        [x, ...group.modules.map(({ down }) => down)],
        y,
      );
    }
  });
}

/** dh = scale drop(dy B) of every module, [rows, sum of ranks], from each module's dy [rows, out]. */
export function thinUp(call: ThinCall, dys: readonly TensorInfo[]): TensorInfo {
  const { modules, rows: M, out: K } = call;
  const widest = Math.max(...modules.map(({ rank }) => rank));
  const all = ranksOf(modules);
  return summed(call, { M: M * modules.length, N: widest, K, taps: 1 }, (cut, groups, y) => {
    for (const group of groups) {
      const tiles = group.modules.reduce((sum, { rank }) => sum + tilesOf(cut, M, rank), 0);
      run(
        { kind: 'up', aVec: K % 4 === 0, bVec: fours(group.modules), nVec: whole(group, all) },
        { call, group, cut, all, M, N: group.modules[0].rank, K, tiles },
        [...of(group, dys), ...group.modules.map(({ up }) => up)],
        y,
      );
    }
  });
}

/**
 * Adds dA = dh^T x and dB = scale dy^T h of every module where its gradients have their place: x [rows, in], each dy
 * [rows, out], dh and h as `thinUp` and `thinDown` gave them.
 */
export function thinGradients(
  call: ThinCall,
  { x, dh, dys, h }: { x: TensorInfo; dh: TensorInfo; dys: readonly TensorInfo[]; h: TensorInfo },
  places: readonly GradientPlace[],
): void {
  const { modules, rows: K, in: inn, out } = call;
  const all = ranksOf(modules);
  const widest = Math.max(...modules.map(({ rank }) => rank));
  const cut = cutFor({ M: widest, N: modules.length * (inn + out), K, taps: 1 }, call.tile);
  const vec = inn % 4 === 0 && out % 4 === 0;
  const parts = cut.splits > 1 ? allocate([cut.splits, all * (inn + out)]) : undefined;
  for (const group of grouped(modules, cut, places)) {
    const M = ranksOf(group.modules);
    const tiles = group.modules.reduce(
      (sum, { rank }) => sum + tilesOf(cut, rank, out),
      tilesOf(cut, M, inn),
    );
    run(
      { kind: 'gradients', aVec: false, bVec: vec, nVec: vec },
      { call, group, cut, all, M, N: inn, K, tiles, places: of(group, places) },
      [dh, h, x, ...of(group, dys)],
      parts ?? places[group.from].flat,
    );
  }
  if (!parts) return;
  for (const group of grouped(modules, undefined, places))
    addGradients(parts, call, group, cut.splits, of(group, places));
  tf.backend().disposeData(parts.dataId);
}

// ---------------------------------------------------------------------------------------------------------------

/** Modules of one dispatch, which follow each other: from which on, and at which column they begin. */
interface Group {
  modules: readonly ThinModule[];
  from: number;
  at: number;
}

const of = <T>({ from, modules }: Group, all: readonly T[]) => all.slice(from, from + modules.length);

/** As few as can be: of one module where the tile is a CPU's (`cut`), and never of two whose gradients lie in different tensors. */
function grouped(
  modules: readonly ThinModule[],
  cut: Cut | undefined,
  places?: readonly GradientPlace[],
): Group[] {
  const made: Group[] = [];
  let at = 0;
  for (const [i, module] of modules.entries()) {
    const last = made.at(-1);
    const joins =
      last !== undefined &&
      last.modules.length < MOST_MODULES &&
      (cut === undefined || cut.tile.kind === 'shared') &&
      places?.[i]?.flat.dataId === places?.[last.from]?.flat.dataId;
    if (joins) made[made.length - 1] = { ...last, modules: [...last.modules, module] };
    else made.push({ modules: [module], from: i, at });
    at += module.rank;
  }
  return made;
}

const fours = (modules: readonly ThinModule[]) => modules.every(({ rank }) => rank % 4 === 0);

/** Whether its columns are whole vectors of a row. */
const whole = ({ modules, at }: Group, all: number) => all % 4 === 0 && at % 4 === 0 && fours(modules);

const tilesOf = ({ tile }: Cut, M: number, N: number) => Math.ceil(M / tile.bm) * Math.ceil(N / tile.bn);

/** [rows, sum of ranks], once what `encode` makes of each part of k is added up. */
function summed(
  { modules, rows, tile }: ThinCall,
  extent: Extent,
  encode: (cut: Cut, groups: readonly Group[], y: TensorInfo) => void,
): TensorInfo {
  const cut = cutFor(extent, tile);
  const { splits } = cut;
  const all = ranksOf(modules);
  const shape = [rows, all];
  const y = allocate(splits === 1 ? shape : [splits, ...shape]);
  encode(cut, grouped(modules, cut), y);
  if (splits === 1) return y;
  const sum = allocate(shape);
  addParts(y, sum, splits, rows * all);
  tf.backend().disposeData(y.dataId);
  return sum;
}

interface Run {
  call: ThinCall;
  group: Group;
  cut: Cut;
  /** Columns of all modules, also of those in other dispatches. */
  all: number;
  M: number;
  N: number;
  K: number;
  /** Workgroups of a part of k. */
  tiles: number;
  places?: readonly GradientPlace[];
}

function run(
  kind: Pick<ThinText, 'kind' | 'aVec' | 'bVec' | 'nVec'>,
  { call, group, cut, all, M, N, K, tiles, places }: Run,
  inputs: readonly TensorInfo[],
  y: TensorInfo,
): void {
  const { tile, splits } = cut;
  const dropout = kind.kind === 'gradients' ? undefined : call.dropout;
  const text: ThinText = {
    ...kind,
    modules: group.modules.length,
    dropout: dropout !== undefined,
    parts: kind.kind === 'gradients' && splits > 1,
    tile,
  };
  const total = stepsOf(tile, { M, N, K, taps: 1 });
  const [x, fold] = groups1d(tiles);
  const params = {
    ...{ M, N, K, out: call.out, R: all, at: group.at, tiles, total },
    ...{ chunks: Math.ceil(total / splits), rate: dropout?.rate ?? 0 },
    ...moduleParams(group.modules, places),
  };
  const ranks = ranksOf(group.modules);
  const width = { down: call.in, up: call.out, gradients: call.in + call.out }[kind.kind];
  dispatch(
    thinProgram(text),
    [...inputs, ...(dropout ? [dropout.seed] : []), y],
    params,
    [x, fold, splits],
    2 * call.rows * ranks * width,
  );
}

function thinProgram(text: ThinText) {
  return program(thinName(text), () => {
    const bound = (names: readonly string[], vec: boolean): Record<string, Element> =>
      Object.fromEntries(names.map((name) => [name, vec ? 'vec4<f32>' : 'f32']));
    const written = { down: 'h', up: 'dh', gradients: text.parts ? 'parts' : 'flat' }[text.kind];
    return {
      inputs: {
        ...bound(firstOperands(text), text.aVec),
        ...bound(secondOperands(text), text.bVec),
        ...(text.dropout ? { seed: 'i32' as const } : {}),
      },
      outputs: bound([written], text.nVec && written !== 'flat'),
      params: THIN_PARAMS,
      cut: 'linear',
      subgroups: text.tile.kind === 'lanes',
      wgsl: thinWgsl(text),
    };
  });
}

/** Values of `MODULE_PARAMS`; zeros where there are fewer modules. */
function moduleParams(modules: readonly ThinModule[], places?: readonly GradientPlace[]) {
  return Object.fromEntries(
    range(MOST_MODULES).flatMap((j) => {
      const { rank, scale, stream } = modules.at(j) ?? { rank: 0, scale: 0, stream: 0 };
      const { down, up } = places?.at(j) ?? { down: 0, up: 0 };
      return Object.entries({ rank, scale, stream, down, up }).map(([name, value]) => [`${name}${j}`, value]);
    }),
  );
}

/** Adds up a group's parts, as they lie there (`thin.wgsl.ts`), and adds the sums to the flat gradient. */
function addGradients(
  parts: TensorInfo,
  { modules, in: inn, out }: ThinCall,
  group: Group,
  count: number,
  places: readonly GradientPlace[],
): void {
  const all = ranksOf(modules);
  const ranks = ranksOf(group.modules);
  const n = group.modules.length;
  dispatch(
    program(`gemm-add-parts-gradients${n}`, () => ({
      inputs: { parts: 'f32' },
      outputs: { flat: 'f32' },
      params: ADDED,
      wgsl: `${LINEAR_GROUP}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  let i = linearGroup(wid, nwg) * 64u + lid;
  if (i >= p.length) { return; }
  let isDown = i < p.ranks * p.inn;
  let rest = i - select(p.ranks * p.inn, 0u, isDown);
  let width = select(p.out, p.inn, isDown);
  let row = rest / width;
  let column = rest % width;
  let j = ${range(n - 1).reduce((before, k) => `${before} + select(0u, 1u, row >= p.first${k + 1})`, '0u')};
  let own = row - ${pick('first', n, 'j')};
  let start = select(p.all * p.inn, 0u, isDown) + (p.at + row) * width + column;
  var v = 0.0;
  for (var s = 0u; s < p.count; s++) { v += parts[s * p.all * (p.inn + p.out) + start]; }
  if (isDown) { flat[${pick('down', n, 'j')} + own * p.inn + column] += v; }
  else { flat[${pick('up', n, 'j')} + column * ${pick('rank', n, 'j')} + own] += ${pick('scale', n, 'j')} * v; }
}`,
    })),
    [parts, places[0].flat],
    {
      ...{ count, length: ranks * (inn + out), ranks, all, at: group.at, inn, out },
      ...moduleParams(group.modules, places),
      ...Object.fromEntries(
        range(MOST_MODULES).map((j) => [`first${j}`, ranksOf(group.modules.slice(0, j))]),
      ),
    },
    groups1d(Math.ceil((ranks * (inn + out)) / 64)),
    count * ranks * (inn + out),
  );
}

const ADDED = {
  ...({ count: 'u32', length: 'u32', ranks: 'u32', all: 'u32', at: 'u32', inn: 'u32', out: 'u32' } as const),
  ...MODULE_PARAMS,
  ...each('first', 'u32' as const),
};

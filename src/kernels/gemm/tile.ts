/**
 * Tile shapes of the matrix product, and in what arithmetic it is computed; which tile a product gets is `cut.ts`. A GPU
 * shares operand tiles through workgroup memory and keeps a register tile a thread; a software adapter pays dearly for
 * barriers and for loads that differ between lanes, so there each lane reads its own columns straight from memory and all
 * lanes share the rows.
 */
import { gpu, type Gpu } from '../device';
import { halvesHold } from '../halves';
import type { HalfMath } from '../tuned';

export { HALF_MATHS, type HalfMath } from '../tuned';

export interface Tile {
  /**
   * `shared`: operands staged in workgroup memory. `direct`: none, every lane reads its rows and columns itself.
   * `lanes`: as `direct`, but eight lanes read the rows for each other; needs subgroups of at least eight.
   */
  readonly kind: 'shared' | 'direct' | 'lanes';
  /** Rows and columns of the output that a workgroup makes, and the stretch of k staged at a time (multiples of 4). */
  readonly bm: number;
  readonly bn: number;
  readonly bk: number;
  /** Rows and columns that a thread makes; `tn` is a multiple of 4. Without staging, `tm == bm`, a multiple of 8 for `lanes`. */
  readonly tm: number;
  readonly tn: number;
  /**
   * So many sets of threads share the tile of a `shared` one, each with its part of every stretch of k; at its end their
   * sums are added, always in the same order. More warps to hide latency behind, without another dispatch. One if left out.
   */
  readonly slices?: number;
}

export class TileError extends Error {
  override readonly name = 'TileError';
}

/** Threads that together make the whole tile: all of the workgroup, or one slice of it. */
export function sliceThreads(tile: Tile): number {
  return (tile.bm / tile.tm) * (tile.bn / tile.tn);
}

/** Threads in a workgroup. */
export function threadsOf(tile: Tile): number {
  return sliceThreads(tile) * slicesOf(tile);
}

export const slicesOf = ({ slices = 1 }: Tile) => slices;

/** Part of a program's name. */
export function tileName(tile: Tile): string {
  const { kind, bm, bn, bk, tm, tn, slices } = tile;
  return `${kind}${bm}x${bn}x${bk}t${tm}x${tn}${slices === undefined ? '' : `s${slices}`}`;
}

/** What a GPU may get: large ones, which read least; sliced ones, where those are too few; narrow ones, for LoRA's factors. */
export const GPU_TILES: readonly Tile[] = [
  { kind: 'shared', bm: 128, bn: 128, bk: 16, tm: 8, tn: 8 },
  { kind: 'shared', bm: 128, bn: 64, bk: 16, tm: 8, tn: 8 },
  { kind: 'shared', bm: 128, bn: 64, bk: 16, tm: 8, tn: 8, slices: 2 },
  { kind: 'shared', bm: 64, bn: 128, bk: 16, tm: 8, tn: 8, slices: 2 },
  { kind: 'shared', bm: 64, bn: 64, bk: 32, tm: 8, tn: 8, slices: 4 },
  { kind: 'shared', bm: 32, bn: 64, bk: 32, tm: 8, tn: 8, slices: 8 },
  { kind: 'shared', bm: 32, bn: 32, bk: 32, tm: 4, tn: 4 },
  { kind: 'shared', bm: 64, bn: 16, bk: 32, tm: 4, tn: 4 },
  { kind: 'shared', bm: 16, bn: 64, bk: 32, tm: 4, tn: 4 },
  { kind: 'shared', bm: 16, bn: 16, bk: 128, tm: 4, tn: 4, slices: 16 },
];

export const SOFTWARE_TILES: readonly Tile[] = [
  { kind: 'lanes', bm: 8, bn: 32, bk: 64, tm: 8, tn: 4 },
  { kind: 'lanes', bm: 8, bn: 64, bk: 64, tm: 8, tn: 8 },
  { kind: 'lanes', bm: 16, bn: 32, bk: 64, tm: 16, tn: 4 },
  { kind: 'direct', bm: 4, bn: 64, bk: 64, tm: 4, tn: 8 },
  { kind: 'direct', bm: 8, bn: 32, bk: 64, tm: 8, tn: 4 },
  { kind: 'direct', bm: 4, bn: 32, bk: 64, tm: 4, tn: 4 },
  { kind: 'direct', bm: 2, bn: 32, bk: 64, tm: 2, tn: 4 },
];

let override: Tile | undefined;

/** Makes every later product use `tile`, until called with nothing: for tuning and for tests of other adapters' tiles. */
export function setTile(tile?: Tile): void {
  override = tile;
}

/** The override, if there is one. Throws `TileError` if it does not fit the adapter's limits. */
export function forcedTile(adapter: Gpu): Tile | undefined {
  if (override && !fits(override, adapter))
    throw new TileError(
      `Tile ${tileName(override)} is beyond this adapter's workgroup limits: choose a smaller one.`,
    );
  return override;
}

/** Whether the adapter can run the tile. */
export function fits(tile: Tile, adapter: Gpu = gpu()): boolean {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX, maxComputeWorkgroupStorageSize } =
    adapter.device.limits;
  const threads = threadsOf(tile);
  return (
    (tile.kind !== 'lanes' || (adapter.subgroups && adapter.minSubgroupSize >= 8)) &&
    threads <= Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX) &&
    sharedBytes(tile) <= maxComputeWorkgroupStorageSize
  );
}

/** How much of the rank is staged at a time beside halves: few rather than many, as workgroup memory is short. */
export const LOW_RANK_STEP = 8;

// Strides padded by one vector, so that neither the writes nor the reads of a subgroup pile up on one bank.
/** From one row of staged A to the next, and from one k of staged B to the next, in vectors of four. */
export const aStride = (bk: number) => bk / 4 + 1;
export const bStride = (tile: Tile) => tile.bn / 4 + 1;

/** Vectors in which all slices but the first hand over a thread's sums, one row of them at a time. */
export const handedOver = (tile: Tile) => (slicesOf(tile) - 1) * sliceThreads(tile) * (tile.tn / 4);

/** At most: of f32 operands, whose place the low-rank branch uses too, or of halves with that branch's f32 beside them. */
export function sharedBytes(tile: Tile): number {
  if (tile.kind !== 'shared') return 0;
  const vectors = (bk: number) => tile.bm * aStride(bk) + bk * bStride(tile);
  const staged = Math.max(16 * vectors(tile.bk), 8 * vectors(tile.bk) + 16 * vectors(LOW_RANK_STEP));
  return staged + 16 * handedOver(tile);
}

let half: HalfMath | undefined;

/** Forces how f16 tiers compute from now on; without an argument, as suits the adapter. For tests and tuning. */
export function setHalfMath(math?: HalfMath): void {
  half = math;
}

/**
 * How the open adapter computes on an f16 tier. A GPU does what was fastest when it was tuned, and without that multiplies in
 * f16; where its halves lose small numbers or hide an overflow, their products are summed in f32 whatever was measured. A CPU
 * has no f16 arithmetic and converts around every operation, three times slower: it rounds the operands to f16 all the same,
 * so that overflow and most of the rounding error are a GPU's.
 */
export function halfMath({ software, halves, tuning }: Gpu = gpu()): HalfMath {
  if (half) return half;
  if (software) return 'round';
  const math = tuning?.math ?? 'multiply';
  return math === 'multiply' && halves && !halvesHold(halves) ? 'wide' : math;
}

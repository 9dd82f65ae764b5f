/**
 * Tile shapes of the matrix product and which one an adapter gets. A GPU shares operand tiles through workgroup
 * memory and keeps a register tile a thread; a software adapter pays dearly for barriers and for loads that differ
 * between lanes, so there each lane reads its own columns straight from memory and all lanes share the rows.
 */
import { gpu, type Gpu } from '../device';
import { halvesHold } from '../halves';

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
}

export class TileError extends Error {
  override readonly name = 'TileError';
}

/** Threads in a workgroup. */
export function threadsOf(tile: Tile): number {
  return (tile.bm / tile.tm) * (tile.bn / tile.tn);
}

/** Part of a program's name. */
export function tileName(tile: Tile): string {
  return `${tile.kind}${tile.bm}x${tile.bn}x${tile.bk}t${tile.tm}x${tile.tn}`;
}

/** Shapes worth trying on a GPU, largest first, then those with few columns or few rows (LoRA factors). */
export const GPU_TILES: readonly Tile[] = [
  { kind: 'shared', bm: 128, bn: 128, bk: 16, tm: 8, tn: 8 },
  { kind: 'shared', bm: 128, bn: 64, bk: 16, tm: 8, tn: 8 },
  { kind: 'shared', bm: 64, bn: 64, bk: 32, tm: 8, tn: 8 },
  { kind: 'shared', bm: 64, bn: 64, bk: 16, tm: 8, tn: 4 },
  { kind: 'shared', bm: 64, bn: 64, bk: 16, tm: 4, tn: 8 },
  { kind: 'shared', bm: 32, bn: 64, bk: 32, tm: 4, tn: 4 },
  { kind: 'shared', bm: 32, bn: 32, bk: 32, tm: 4, tn: 4 },
  { kind: 'shared', bm: 64, bn: 16, bk: 32, tm: 4, tn: 4 },
  { kind: 'shared', bm: 16, bn: 64, bk: 32, tm: 4, tn: 4 },
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

/**
 * The tile for a product [M, K] x [K, N] on the open adapter; `whole` if K and N are multiples of 4 (other sizes are
 * rare, and long to compile in software when the tile is large). Throws `TileError` if an override does not fit the
 * adapter's limits.
 */
export function tileFor(M: number, N: number, whole: boolean, adapter: Gpu = gpu()): Tile {
  if (override) {
    if (!fits(override, adapter)) {
      throw new TileError(
        `Tile ${tileName(override)} is beyond this adapter's workgroup limits: choose a smaller one.`,
      );
    }
    return override;
  }
  if (adapter.software) {
    if (whole && M >= 8 && fits(SOFTWARE_TILES[0], adapter)) return SOFTWARE_TILES[0];
    if (whole && M >= 4 && N >= 256) return SOFTWARE_TILES[3];
    return SOFTWARE_TILES[M >= 4 ? 5 : 6];
  }
  return GPU_TILES.find((tile) => fits(tile, adapter) && suits(tile, M, N)) ?? GPU_TILES[6];
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

/** At most: of f32 operands, whose place the low-rank branch uses too, or of halves with that branch's f32 beside them. */
export function sharedBytes(tile: Tile): number {
  if (tile.kind !== 'shared') return 0;
  const vectors = (bk: number) => tile.bm * aStride(bk) + bk * bStride(tile);
  return Math.max(16 * vectors(tile.bk), 8 * vectors(tile.bk) + 16 * vectors(LOW_RANK_STEP));
}

/** Large tiles read least, but only where they waste little at the edges and still make groups enough for a GPU. */
function suits(tile: Tile, M: number, N: number): boolean {
  const tiles = Math.ceil(M / tile.bm) * Math.ceil(N / tile.bn);
  const waste = (tiles * tile.bm * tile.bn) / (M * N);
  const enough = tile.bm * tile.bn >= 128 * 64 ? 160 : tile.bm * tile.bn >= 64 * 64 ? 48 : 0;
  if (tile.bn <= 16) return N <= 16;
  if (tile.bm <= 16) return M <= 16;
  return tiles >= enough && waste < 1.3 && N > 16 && M > 16;
}

/**
 * How an f16 tier computes a product. `multiply`: operands staged as halves, products summed in halves four at a time, those
 * sums in f32. `wide`: staged as halves, widened where they are read, multiplied and summed in f32. `round`: rounded to
 * halves, but staged and multiplied in f32. Which is fastest differs by GPU: widening each sum of four costs Ampere and Ada
 * what the halves save.
 */
export const HALF_MATHS = ['multiply', 'wide', 'round'] as const;
export type HalfMath = (typeof HALF_MATHS)[number];

let half: HalfMath | undefined;

/** Forces how f16 tiers compute from now on; without an argument, as suits the adapter. For tests and tuning. */
export function setHalfMath(math?: HalfMath): void {
  half = math;
}

/**
 * How the open adapter computes on an f16 tier. A GPU multiplies in f16, unless its halves lose small numbers or hide an
 * overflow: then their products are summed in f32. A CPU has no f16 arithmetic and converts around every operation, three
 * times slower: it rounds the operands to f16 all the same, so that overflow and most of the rounding error are a GPU's.
 */
export function halfMath({ software, halves }: Gpu = gpu()): HalfMath {
  if (half) return half;
  if (software) return 'round';
  return halves && !halvesHold(halves) ? 'wide' : 'multiply';
}

/**
 * Into how many parts to cut the `total` steps of k: enough for some 256 workgroups, at least eight steps each.
 * A software adapter has a handful of cores and is filled by anything.
 */
export function splitsFor(tile: Tile, tiles: number, total: number, adapter: Gpu = gpu()): number {
  if (adapter.software && tile.kind !== 'shared')
    return tiles >= 4 ? 1 : Math.max(1, Math.min(4, Math.floor(total / 64)));
  return Math.max(1, Math.min(Math.floor(256 / tiles), Math.floor(total / 8), 64));
}

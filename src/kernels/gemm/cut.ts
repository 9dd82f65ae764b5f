/**
 * How a product is cut for an adapter: its tile, and into how many parts of k. On a GPU by what each cut would take on a card
 * with so many multiprocessors: the busiest one's workgroups, at the share of the rate that the warps resident there can
 * hide; the bytes; and for a split its second dispatch. The constants are estimates in common to the cards of a decade, and
 * only their ratios count; `npm run gpu` measures every tile beside the one chosen here.
 */
import { gpu, type Gpu } from '../device';
import {
  fits,
  forcedTile,
  GPU_TILES,
  SOFTWARE_TILES,
  sharedBytes,
  threadsOf,
  tileName,
  type Tile,
} from './tile';

/** A product [M, K] x [K, N], k running over `taps` stretches of K. */
export interface Extent {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly taps: number;
}

export interface Cut {
  readonly tile: Tile;
  /** Parts of k, each of whole steps of the tile. */
  readonly splits: number;
}

/** Multiprocessors of a GPU where none were measured: on a smaller card a few percent are lost, on a larger one little. */
export const MULTIPROCESSORS = 128;

/** The tile and split for a product on the open adapter, or the split for a given tile. Throws `TileError`. */
export function cutFor(extent: Extent, given?: Tile, adapter: Gpu = gpu()): Cut {
  const tile = given ?? forcedTile(adapter);
  if (adapter.software && tile?.kind !== 'shared') {
    const own = tile ?? softwareTile(extent, adapter);
    return { tile: own, splits: softwareSplits(own, extent) };
  }
  const multiprocessors = adapter.tuning?.multiprocessors ?? MULTIPROCESSORS;
  const { M, N, K, taps } = extent;
  const key = [multiprocessors, M, N, K, taps, tile ? tileName(tile) : ''].join();
  const { limits } = adapter.device;
  const cuts = known.get(limits) ?? new Map<string, Cut>();
  known.set(limits, cuts);
  const before = cuts.get(key);
  if (before) return before;
  const tiles = tile ? [tile] : GPU_TILES.filter((each) => fits(each, adapter));
  const cut = best(extent, tiles, multiprocessors);
  cuts.set(key, cut);
  return cut;
}

/** By an adapter's limits, of which a tile's fitting depends. */
const known = new WeakMap<GPUSupportedLimits, Map<string, Cut>>();

const SPLITS = [1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 24, 32];
/** Steps of k that a part has at least. */
const LEAST_STEPS = 4;

function best(extent: Extent, tiles: readonly Tile[], multiprocessors: number): Cut {
  let chosen: (Cut & Estimate) | undefined;
  for (const tile of tiles) {
    const steps = stepsOf(tile, extent);
    for (const wanted of SPLITS) {
      if (wanted > 1 && steps / wanted < LEAST_STEPS) break;
      const splits = Math.ceil(steps / Math.ceil(steps / wanted));
      const own = estimate(extent, { tile, splits }, multiprocessors);
      // Where memory is what takes the time, the least that is computed in vain.
      const less =
        !chosen || own.us < chosen.us || (own.us === chosen.us && own.computeUs < chosen.computeUs);
      if (less) chosen = { tile, splits, ...own };
    }
  }
  if (!chosen) throw new RangeError('No tile of the matrix product fits this adapter.');
  return { tile: chosen.tile, splits: chosen.splits };
}

export const stepsOf = ({ bk }: Tile, { K, taps }: Extent) => Math.ceil(K / bk) * taps;

/** Of one multiprocessor, in operations and bytes a microsecond, and what each holds. Published figures of 2020 to 2024, about. */
const EACH = {
  flops: 0.5e6,
  dram: 7.2e3,
  cache: 15e3,
  threads: 1536,
  workgroupBytes: 64 * 1024,
  registers: 65536,
};
const WARP = 32;
/** Guesses: from one dispatch to the next, and what a split's second one is worth avoiding beside that. */
const LAUNCH_US = 4;
const SECOND_US = 8;
/** A step of k cannot take less than to fetch from memory. */
const STEP_US = 0.5;
/** What of multiply-adds is left beside loads, conversions and barriers. */
const INSTRUCTIONS = 0.8;
/** By the accumulators of a thread: small ones load more for each. */
const REUSE: Readonly<Record<number, number>> = { 64: 1, 32: 0.85, 16: 0.65 };
const REGISTERS: Readonly<Record<number, number>> = { 64: 128, 32: 88, 16: 64 };

/** Microseconds, to compare cuts by: all in all, and of arithmetic alone. */
export interface Estimate {
  us: number;
  computeUs: number;
}

export function estimate(extent: Extent, { tile, splits }: Cut, multiprocessors: number): Estimate {
  const { M, N, K, taps } = extent;
  const threads = threadsOf(tile);
  const accumulators = tile.tm * tile.tn;
  const groups = Math.ceil(M / tile.bm) * Math.ceil(N / tile.bn) * splits;
  const each = (2 * tile.bm * tile.bn * K * taps) / splits;
  const resident = Math.max(
    1,
    Math.min(
      Math.floor(EACH.threads / threads),
      Math.floor(EACH.workgroupBytes / (sharedBytes(tile) + 1024)),
      Math.floor(EACH.registers / ((REGISTERS[accumulators] ?? 64) * threads)),
    ),
  );
  const rate = EACH.flops * INSTRUCTIONS * (REUSE[accumulators] ?? 0.65);
  const rounds = groups / multiprocessors;
  let computeUs = 0;
  for (let left = Math.ceil(rounds); left > 0; left -= resident) {
    const now = Math.min(left, resident);
    computeUs += (now * each) / (rate * hidden((now * threads) / WARP));
  }
  const stepsUs =
    STEP_US * Math.ceil(stepsOf(tile, extent) / splits) * Math.ceil(Math.ceil(rounds) / resident);
  const memoryUs = (4 * (M * K + M * N) + 2 * K * taps * N) / (EACH.dram * multiprocessors);
  const us = Math.max(computeUs, memoryUs, stepsUs) + LAUNCH_US;
  if (splits === 1) return { us, computeUs };
  const summed = 4 * (splits + 1) * M * N;
  const sumUs = summed / ((summed > 30e6 ? EACH.dram : EACH.cache) * multiprocessors);
  return { us: us + LAUNCH_US + SECOND_US + sumUs, computeUs };
}

/** The share of the issue rate that a loop with a barrier every step reaches with so many warps resident: a guess. */
function hidden(warps: number): number {
  return Math.min(0.85, 0.184 * Math.sqrt(Math.max(warps, 0.5)) + 0.12);
}

// ---------------------------------------------------------------------------------------------------------------

/** Sizes that are no multiples of four are rare, and long to compile in software when the tile is large. */
function softwareTile({ M, N, K }: Extent, adapter: Gpu): Tile {
  const whole = K % 4 === 0 && N % 4 === 0;
  if (whole && M >= 8 && fits(SOFTWARE_TILES[0], adapter)) return SOFTWARE_TILES[0];
  if (whole && M >= 4 && N >= 256) return SOFTWARE_TILES[3];
  return SOFTWARE_TILES[M >= 4 ? 5 : 6];
}

/** A software adapter has a handful of cores and is filled by anything. */
function softwareSplits(tile: Tile, extent: Extent): number {
  if (Math.ceil(extent.M / tile.bm) * Math.ceil(extent.N / tile.bn) >= 4) return 1;
  const steps = stepsOf(tile, extent);
  const wanted = Math.max(1, Math.min(4, Math.floor(steps / 64)));
  return Math.max(1, Math.ceil(steps / Math.ceil(steps / wanted)));
}

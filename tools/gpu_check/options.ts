/** What the check is asked for, and how much of it an adapter gets: a GPU all, a CPU or `--tiny` little of each part. */
import { parseArgs } from 'node:util';
import type { Gpu } from '../../src/kernels/device';
import { HALF_MATHS, type HalfMath } from '../../src/kernels/gemm/tile';
import type { TimingPlan } from '../bench/timing';

export interface CheckOptions {
  tiny: boolean;
  /** Time budget: nothing new is begun after so many seconds. */
  seconds: number;
}

/** How far each part goes. */
export interface CheckPlan {
  /** All kernel cases and goldens, or one case of each kernel and three goldens. */
  everything: boolean;
  /** Of the whole step and of the products' shapes. */
  model: 'sd15' | 'tiny';
  /** Pixels. */
  size: number;
  timing: TimingPlan;
  /** Bytes of each buffer of the bandwidth test. */
  copyBytes: number;
  launches: number;
  /** Numbers of workgroups, ascending. */
  stair: readonly number[];
  /** Multiply-adds of each thread of the stair. */
  stairTurns: number;
  /** On tiers with f16, the arithmetics whose times are taken. */
  maths: readonly HalfMath[];
  /** Timed steps, waited for one by one. */
  steps: number;
  /** Of the matrix products so many shapes, and at each the so many smallest tiles that fit; sliced ones take a CPU long. */
  products: { shapes: number; tiles: number; sliced: boolean; channelDivisor: number };
}

export const USAGE = `Usage: npm run gpu -- [options]      (JSON on standard output, progress on standard error)
  --tiny        a little of each part: a minute or so on two CPU cores
  --seconds N   begin nothing new after N seconds, and name what was left out; default 280`;

export class GpuUsageError extends Error {
  override readonly name = 'GpuUsageError';
}

/** Throws `GpuUsageError`; `undefined` means that help was asked for. */
export function parseOptions(args: readonly string[]): CheckOptions | undefined {
  const { tiny = false, seconds = '280', help } = parse(args);
  if (help) return undefined;
  const number = Number(seconds);
  if (!(number > 0 && number <= 86_400))
    throw new GpuUsageError(`--seconds is '${seconds}': give a number of seconds, at most 86400.`);
  return { tiny, seconds: number };
}

export function planCheck({ tiny }: CheckOptions, { software }: Pick<Gpu, 'software'>): CheckPlan {
  if (!tiny && !software) return { ...GPU, everything: true };
  return { ...SMALL, everything: !tiny };
}

/** Around the multiprocessors that GPUs have: 16 to 192, and twice those of the large ones. */
const STAIR = [
  1, 8, 16, 20, 24, 28, 32, 36, 40, 46, 48, 56, 60, 64, 66, 68, 70, 72, 76, 78, 80, 82, 84, 96, 108, 112, 114, 128,
  130, 132, 134, 142, 144, 148, 152, 160, 164, 170, 172, 188, 192, 216, 228, 256, 264, 268, 288,
]; // prettier-ignore

const GPU: Omit<CheckPlan, 'everything'> = {
  model: 'sd15',
  size: 512,
  timing: { minMs: 40, batches: 3 },
  copyBytes: 256 * 2 ** 20,
  launches: 2000,
  stair: STAIR,
  stairTurns: 40_000,
  maths: HALF_MATHS,
  steps: 15,
  products: { shapes: 99, tiles: 99, sliced: true, channelDivisor: 1 },
};

const SMALL: Omit<CheckPlan, 'everything'> = {
  model: 'tiny',
  size: 128,
  timing: { minMs: 1, batches: 1 },
  copyBytes: 4 * 2 ** 20,
  launches: 100,
  stair: [1, 2, 4, 8],
  stairTurns: 100,
  maths: ['multiply', 'round'],
  steps: 1,
  products: { shapes: 2, tiles: 1, sliced: false, channelDivisor: 5 },
};

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        tiny: { type: 'boolean' },
        seconds: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new GpuUsageError(error instanceof Error ? error.message : String(error));
  }
}

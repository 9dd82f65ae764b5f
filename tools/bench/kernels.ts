/** Every heavy shape once through our kernels and once through stock tfjs, in the same run and by the same clock. */
import { gpu } from '../../src/kernels/device';
import { trim } from '../../src/kernels/program';
import { Recorder } from '../../src/kernels/recording';
import { Scratch } from './fill';
import { shapesOf, type BenchPlan } from './options';
import { ourWork } from './ours';
import type { Roofline } from './roofline';
import { bytesOf, describeShape, directionsOf, flopsOf, type Direction, type Shape } from './shapes';
import { stockWork } from './stock';
import { recorded, timeOperations, timeReplayed, type Timing } from './timing';

export interface Rate extends Timing {
  gflops: number;
  gbPerSecond: number;
}

export interface KernelResult {
  name: string;
  direction: Direction;
  shape: string;
  flops: number;
  bytes: number;
  ours: Rate;
  dispatches: number;
  /** Programs that ran: the tile is in their names. */
  programs: string[];
  /** Of the measured multiply-add ceiling and of the measured copy. */
  shareOfRoofline: number;
  shareOfBandwidth: number;
  /** Null with a reason where stock tfjs cannot run this shape here. */
  stock: Rate | null;
  stockFailure: string | null;
  /** Stock's time over ours: above 1, ours is faster. */
  ratio: number | null;
}

export async function benchKernels(
  plan: BenchPlan,
  roofline: Roofline,
  progress: (line: string) => void,
): Promise<KernelResult[]> {
  const results: KernelResult[] = [];
  for (const shape of shapesOf(plan)) {
    for (const direction of directionsOf(shape)) {
      const result = await benchKernel(shape, direction, plan, roofline);
      results.push(result);
      const against =
        result.ratio === null ? `stock: ${result.stockFailure}` : `${result.ratio.toFixed(2)}x stock`;
      progress(`${result.name}, ${direction}: ${result.ours.gflops.toFixed(1)} GFLOP/s, ${against}`);
    }
  }
  return results;
}

async function benchKernel(
  shape: Shape,
  direction: Direction,
  plan: BenchPlan,
  roofline: Roofline,
): Promise<KernelResult> {
  const flops = flopsOf(shape, direction);
  const bytes = bytesOf(shape, direction);
  const rate = (timing: Timing): Rate => ({
    ...timing,
    gflops: flops / timing.ms / 1e6,
    gbPerSecond: bytes / timing.ms / 1e6,
  });

  const scratch = new Scratch();
  const recorder = new Recorder();
  const { all, segments, firstMs } = await recorded(recorder, ourWork(shape, direction, scratch));
  const items = direction === 'inputGradient' ? (segments.get('backward') ?? []) : all;
  if (!items.length) throw new Error(`${shape.name}, ${direction}: nothing was dispatched.`);
  const ours = rate({ ...(await timeReplayed(items, plan.timing)), firstMs });
  recorder.dispose();
  scratch.dispose();
  if (gpu().errors.length)
    throw new Error(`${shape.name}, ${direction}: the GPU reported: ${gpu().errors[0]}`);
  trim();

  const { stock, failure } = await measureStock(shape, direction, plan);
  return {
    name: shape.name,
    direction,
    shape: describeShape(shape),
    flops,
    bytes,
    ours,
    dispatches: items.length,
    programs: [...new Set(items.map(({ name }) => name))],
    shareOfRoofline: ours.gflops / roofline.gflops,
    shareOfBandwidth: ours.gbPerSecond / roofline.copyGbPerSecond,
    stock: stock && rate(stock),
    stockFailure: failure,
    ratio: stock && stock.ms / ours.ms,
  };
}

/** Stock tfjs knows no limits: what it cannot bind, the device reports, and the measurement is void. */
async function measureStock(
  shape: Shape,
  direction: Direction,
  plan: BenchPlan,
): Promise<{ stock: Timing | null; failure: string | null }> {
  const { errors } = gpu();
  const scratch = new Scratch();
  try {
    const stock = await timeOperations(stockWork(shape, direction, scratch), plan.timing);
    const [failure] = errors.splice(0);
    return failure ? { stock: null, failure } : { stock, failure: null };
  } catch (error) {
    errors.length = 0;
    return { stock: null, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    scratch.dispose();
    trim();
  }
}

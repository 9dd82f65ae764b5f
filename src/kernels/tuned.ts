/**
 * What of an adapter is measured rather than asked, as plain data: it is kept from run to run, and with a run's state. Apart
 * from who measures and who goes by it, as both must know it.
 */

/**
 * How an f16 tier computes a product. `multiply`: operands staged as halves, products summed in halves four at a time, those
 * sums in f32. `wide`: staged as halves, widened where they are read, multiplied and summed in f32. `round`: rounded to
 * halves, but staged and multiplied in f32. Which is fastest differs by GPU: widening each sum of four costs Ampere and Ada
 * what the halves save.
 */
export const HALF_MATHS = ['multiply', 'wide', 'round'] as const;
export type HalfMath = (typeof HALF_MATHS)[number];

export interface Tuning {
  /** Workgroups of 256 threads that run side by side at full speed; by it products are cut. */
  readonly multiprocessors?: number;
  /** The fastest arithmetic; missing where the tier has no f16. */
  readonly math?: HalfMath;
  /** Of matrix products in that arithmetic, in GFLOP/s: bounds the work of one submit, and of one dispatch. */
  readonly gflops?: number;
}

/** More than any GPU has, to notice nonsense. */
export const MOST_MULTIPROCESSORS = 1024;

/** From a cache or a file that may be anyone's: undefined where it is not what was written. */
export function readTuning(value: unknown): Tuning | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { multiprocessors, math, gflops } = value as Record<string, unknown>;
  const counted = Number.isInteger(multiprocessors) && Number(multiprocessors) >= 1;
  if (multiprocessors !== undefined && !(counted && Number(multiprocessors) <= MOST_MULTIPROCESSORS))
    return undefined;
  const known = HALF_MATHS.find((each) => each === math);
  if (math !== undefined && known === undefined) return undefined;
  if (gflops !== undefined && !(typeof gflops === 'number' && gflops > 0 && Number.isFinite(gflops)))
    return undefined;
  return {
    ...(multiprocessors === undefined ? {} : { multiprocessors: Number(multiprocessors) }),
    ...(known === undefined ? {} : { math: known }),
    ...(gflops === undefined ? {} : { gflops }),
  };
}

/**
 * Cards for which a step's time is predicted (`npm run bench -- --plan`). Multiprocessors, rates and bandwidths are the
 * makers' published figures at boost clock; what is guessed is marked so and is to be corrected by the first measurement.
 */

export interface Card {
  /** Streaming multiprocessors; Xe cores on Arc, cores on Apple's. */
  readonly multiprocessors: number;
  readonly f32Tflops: number;
  readonly dramGbPerSecond: number;
  /** Guess: what is read again from the second-level cache. */
  readonly cacheGbPerSecond: number;
  /** Bytes that the second-level cache surely holds of a producer's output. */
  readonly cachedBytes: number;
  readonly threads: number;
  /** Of workgroup memory a multiprocessor, in KiB. */
  readonly workgroupKib: number;
  /** Guess: from one dispatch to one that depends on it, in microseconds. */
  readonly launchUs: number;
  /** By counting instructions: the share of the f32 rate left where four products of halves are summed and widened. */
  readonly chains: number;
}

const card = (
  multiprocessors: number,
  [f32Tflops, dramGbPerSecond, cacheGbPerSecond, cachedBytes]: [number, number, number, number],
  [threads, workgroupKib]: [number, number],
  [launchUs, chains]: [number, number],
): Card => ({
  ...{ multiprocessors, f32Tflops, dramGbPerSecond, cacheGbPerSecond, cachedBytes },
  ...{ threads, workgroupKib, launchUs, chains },
});

export const CARDS = {
  '3090': card(82, [35.6, 936, 2200, 0], [1536, 100], [4, 0.67]),
  '4090': card(128, [82.6, 1008, 5000, 40e6], [1536, 100], [3.5, 0.67]),
  H100: card(132, [66.9, 3350, 5500, 40e6], [2048, 228], [3.5, 0.8]),
  'M3-Max': card(40, [14.2, 400, 1200, 0], [1024, 32], [8, 0.8]),
  'Arc-B580': card(20, [13.7, 456, 1500, 0], [1024, 128], [8, 1]),
} as const satisfies Record<string, Card>;

export type CardName = keyof typeof CARDS;

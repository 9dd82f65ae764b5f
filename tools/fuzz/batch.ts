/** What passes between the fuzzer and the thread its cases run in, and the limits that every case is held to. */

/** One case may take so much, and be ended when it takes `endMs`. */
export const LIMITS = { ms: 1000, bytes: 256 * 2 ** 20, endMs: 3000 } as const;

export interface Batch {
  readonly row: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** Two 32-bit integers: the case's number, and a count that moves with each case. */
  readonly place: SharedArrayBuffer;
  /** Collect garbage first, and measure by how much memory grows. */
  readonly weigh: boolean;
}

export interface Fault {
  readonly row: string;
  readonly seed: number;
  readonly number: number;
  readonly kind: 'error' | 'promise' | 'slow' | 'memory' | 'ended';
  readonly what: string;
  readonly input: string;
}

export interface Counts {
  cases: number;
  taken: number;
  /** By the name of the error. */
  refused: Record<string, number>;
  faults: Fault[];
  slowestMs: number;
  /** Memory grew by so much in a batch: no case took more. Only where the system tells. */
  mostBytes?: number;
}

/** Runs kernel cases outside Vitest, in a browser's worker or in Node, and says in sentences what is wrong with one. */
import type { Comparison } from '../src/kernels/testing';

/** What can be run and compared: a kernel's case, or a comparison with the reference's numbers. */
export interface Case {
  name: string;
  run(): Promise<Comparison[]>;
}

export interface CaseResult {
  name: string;
  ms: number;
  comparisons: Comparison[];
  /** What was thrown, for example the compiler's message. */
  error?: string;
}

/** Never throws: what the case throws is its result. */
export async function runCase({ name, run }: Case): Promise<CaseResult> {
  const started = performance.now();
  const spent = () => Math.round(performance.now() - started);
  try {
    const comparisons = await run();
    return { name, ms: spent(), comparisons };
  } catch (error) {
    return { name, ms: spent(), comparisons: [], error: String(error) };
  }
}

/** What is wrong with a case, one sentence each; empty if it passed. A case that compared nothing has not passed. */
export function complaints({ name, comparisons, error }: CaseResult): string[] {
  if (error !== undefined) return [`${name}: ${error}`];
  if (comparisons.length === 0) return [`${name}: compared nothing`];
  return comparisons
    .filter((c) => !(typeof c.error === 'number' && c.error <= c.tolerance))
    .map((c) => `${name}: ${c.what}: error ${c.error ?? 'not finite'} > ${c.tolerance}`);
}

/**
 * The order of test files: those that take longest first, so that at the end no core waits for the other. Vitest knows
 * durations only from a run before, which a fresh clone has not had.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** By computing time on two cores, most first; a file that is not here is short. */
export const LONGEST = [
  'src/training/step/steps.golden.test.ts',
  'src/training/loop/train.test.ts',
  'tools/gpu_check.test.ts',
  'src/training/plan/fit_memory.test.ts',
  'tools/faults.test.ts',
  'src/training/sampling/demo.golden.test.ts',
  'src/training/step/step.test.ts',
  'src/training/loop/adapting.test.ts',
  'src/training/loop/resume.test.ts',
  'src/training/loop/asks.test.ts',
  'src/training/plan/estimate.test.ts',
  'src/kernels/gemm/thin.test.ts',
  'src/kernels/gemm/gemm.test.ts',
  'src/kernels/attention/attention.test.ts',
  'src/training/step/gradients.golden.test.ts',
  'src/training/step/sdxl.golden.test.ts',
  'src/training/step/sd2.golden.test.ts',
  'tools/bench.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return longestFirst(await super.sort(files));
  }
}

/** Those that are named above in that order, then all others in the order they have. */
export function longestFirst<T extends Pick<TestSpecification, 'moduleId'>>(files: readonly T[]): T[] {
  return files.toSorted((a, b) => rank(a.moduleId) - rank(b.moduleId));
}

function rank(moduleId: string): number {
  const at = LONGEST.findIndex((path) => moduleId.endsWith(`/${path}`));
  return at < 0 ? LONGEST.length : at;
}

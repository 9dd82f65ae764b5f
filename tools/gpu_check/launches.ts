/** What a dispatch costs that computes nothing worth mentioning, replayed as in a training step. */
import type { Tensor } from '@tensorflow/tfjs';
import { dispatch, flush, listening, program, upload, type Dispatch } from '../../src/kernels/program';
import { timeReplayed, type TimingPlan } from '../bench/timing';

export interface Launches {
  /** Each reads what the one before it wrote: the GPU has to wait in between. */
  dependentUs: number;
  /** Nothing depends on anything. */
  independentUs: number;
  /** JavaScript's share of the latter. */
  issueUs: number;
  count: number;
}

export async function measureLaunches(count: number, timing: TimingPlan): Promise<Launches> {
  const [a, b, c] = [0, 1, 2].map(() => upload(new Float32Array(64), [64], 'bench'));
  const chain = await timeReplayed(repeated(count, [a, b], [b, a]), timing);
  const free = await timeReplayed(repeated(count, [a, b], [a, c]), timing);
  for (const tensor of [a, b, c]) tensor.dispose();
  return {
    dependentUs: (1000 * chain.bestMs) / count,
    independentUs: (1000 * free.bestMs) / count,
    issueUs: (1000 * free.issueMs) / count,
    count,
  };
}

/** The two dispatches in turn, `count` in all. */
function repeated(count: number, ...pairs: [from: Tensor, to: Tensor][]): Dispatch[] {
  const tiny = program('gpu-check-launch', () => ({
    inputs: { x: 'f32' },
    outputs: { y: 'f32' },
    wgsl: `
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) { y[i] = x[i] + 1.0; }`,
  }));
  const noted: Dispatch[] = [];
  listening(
    (item) => noted.push(item),
    () => {
      for (const [from, to] of pairs) dispatch(tiny, [from, to], {}, [1, 1, 1]);
    },
  );
  flush();
  return Array.from({ length: count }, (_, i) => noted[i % noted.length]);
}

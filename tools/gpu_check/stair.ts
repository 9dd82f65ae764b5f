/**
 * How many workgroups run at once: time against their number, each one as much arithmetic as a multiprocessor can do. Up to
 * the number of multiprocessors the time stays as it is, with one more it doubles. WebGPU does not tell that number, and
 * the choice of tiles depends on it.
 */
import { dispatch, upload } from '../../src/kernels/program';
import { busyWork } from '../../src/kernels/tuner';
import { timeOperations, type TimingPlan } from '../bench/timing';

export interface Stair {
  /** Workgroups and milliseconds. */
  points: (readonly [groups: number, ms: number])[];
  /** The last number of workgroups before the first rise; the multiprocessors lie between it and the next point. */
  multiprocessors: number | null;
}

export async function measureStair(
  groups: readonly number[],
  turns: number,
  timing: TimingPlan,
): Promise<Stair> {
  const y = upload(new Float32Array(Math.max(...groups)), [Math.max(...groups)], 'bench');
  const work = busyWork();
  const points: [number, number][] = [];
  for (const n of groups) {
    const { bestMs } = await timeOperations(() => dispatch(work, [y], { turns }, [n, 1, 1]), timing);
    points.push([n, bestMs]);
  }
  y.dispose();
  return { points, multiprocessors: firstRise(points) };
}

/** Null where the time rises nowhere by half, or from the first point on: then it is no stair. */
export function firstRise(points: Stair['points']): number | null {
  const [first] = points;
  if (!first) return null;
  const at = points.findIndex(([, ms]) => ms > 1.5 * first[1]);
  return at < 2 ? null : points[at - 1][0];
}

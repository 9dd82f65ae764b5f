/**
 * One time axis for the curve and the pictures beneath it. Columns are equally wide and begin where a sample was drawn
 * (or where round steps are, without samples); within a column the axis is even. So what lies below a point happened
 * then, also where someone asked for a sample in between.
 */
import { roundStep } from './scale';

export interface Column {
  step: number;
  /** 'drawn': there are pictures; 'due': the next ones; 'later': after those; 'mark': there are none to come. */
  kind: 'drawn' | 'due' | 'later' | 'mark';
}

export interface ColumnRequest {
  /** Steps at which there are samples, in any order. */
  drawn: readonly number[];
  /** Samples come every so many steps; 0: none do. */
  every: number;
  /** Steps done, and in all (0 while unknown). */
  step: number;
  steps: number;
  /** At least so many columns, as long as the run has them. */
  atLeast: number;
}

export function columnsOf({ drawn, every, step, steps, atLeast }: ColumnRequest): Column[] {
  const have = [...new Set(drawn)].sort((a, b) => a - b);
  if (!have.length && !every) return marks(Math.max(step, steps, 1), atLeast);
  const columns: Column[] = have.map((at) => ({ step: at, kind: 'drawn' }));
  const last = have.at(-1) ?? -1;
  let next = last < 0 ? 0 : every ? Math.floor(Math.max(last, step - 1) / every + 1) * every : steps;
  let kind: Column['kind'] = 'due';
  while (next > last && (kind === 'due' || columns.length < atLeast)) {
    const at = steps ? Math.min(next, steps) : next;
    if (at <= last || (steps && at === columns.at(-1)?.step)) break;
    columns.push({ step: at, kind });
    kind = 'later';
    if (!every) break;
    next += every;
  }
  return columns;
}

function marks(length: number, atLeast: number): Column[] {
  const every = Math.max(1, roundStep(length / atLeast));
  return Array.from({ length: Math.ceil(length / every) }, (_, i) => ({ step: i * every, kind: 'mark' }));
}

/** Where along the axis a position lies: 2.5 is the middle of the third column. `starts` ascend. */
export function along(starts: readonly number[], position: number, tail: number): number {
  const last = starts.length - 1;
  if (last < 0) return 0;
  let low = 0;
  for (let high = last; low < high;) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle] <= position) low = middle;
    else high = middle - 1;
  }
  const start = starts[low];
  const length = low < last ? starts[low + 1] - start : tail;
  return low + Math.min(1, Math.max(0, length > 0 ? (position - start) / length : 0));
}

/** Seconds at a step, between the points around it; beyond the last, at the pace of the latest. */
export function secondsAt(points: readonly { step: number; seconds: number }[], step: number): number {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last || step <= 0) return 0;
  if (step >= last.step) {
    const from = points[Math.max(0, points.length - 20)];
    const pace =
      last.step > from.step
        ? (last.seconds - from.seconds) / (last.step - from.step)
        : last.seconds / Math.max(1, last.step);
    return last.seconds + (step - last.step) * pace;
  }
  let low = 0;
  for (let high = points.length - 1; low < high;) {
    const middle = Math.floor((low + high) / 2);
    if ((points[middle] as { step: number }).step < step) low = middle + 1;
    else high = middle;
  }
  const after = points[low];
  const before = low > 0 ? points[low - 1] : { step: 0, seconds: 0 };
  const share = (step - before.step) / Math.max(1, after.step - before.step);
  return before.seconds + share * (after.seconds - before.seconds);
}

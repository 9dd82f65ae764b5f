/**
 * One way of timing for all of the bench: work is issued several times without waiting, then the queue is waited for;
 * the median of a few such batches counts. The first run, which compiles, is kept apart.
 */
import * as tf from '@tensorflow/tfjs';
import { gpu } from '../../src/kernels/device';
import { flush, listening, replayAll, type Dispatch } from '../../src/kernels/program';
import type { Recorder } from '../../src/kernels/recording';

export interface Timing {
  /** Of one run, GPU and host together, as they overlap. */
  ms: number;
  /** Of the fastest batch: far below `ms`, something else was using the machine. */
  bestMs: number;
  /** JavaScript's share of a run: what it took to issue it. Near `ms`, the host was the slower half. */
  issueMs: number;
  /** The very first run, shader compilation included. */
  firstMs: number;
  runsPerBatch: number;
  batches: number;
}

export interface TimingPlan {
  /** Length of a batch, at least. */
  minMs: number;
  batches: number;
}

/** `issue(n)` encodes the work n times and returns without waiting. */
export async function time(issue: (times: number) => void, plan: TimingPlan): Promise<Timing> {
  const batch = async (times: number) => {
    const started = performance.now();
    issue(times);
    flush();
    const issued = performance.now();
    await idle();
    return { ms: (performance.now() - started) / times, issueMs: (issued - started) / times };
  };
  const first = await batch(1);
  const second = await batch(1);
  const times = Math.min(1000, Math.max(1, Math.ceil(plan.minMs / Math.max(second.ms, 1e-3))));
  const batches = [];
  for (let i = 0; i < plan.batches; i++) batches.push(await batch(times));
  return {
    ms: median(batches.map(({ ms }) => ms)),
    bestMs: Math.min(...batches.map(({ ms }) => ms)),
    issueMs: median(batches.map(({ issueMs }) => issueMs)),
    firstMs: first.ms,
    runsPerBatch: times,
    batches: plan.batches,
  };
}

export interface Recorded {
  /** All of it, then each stretch that began at a `mark`. */
  all: readonly Dispatch[];
  segments: ReadonlyMap<string, readonly Dispatch[]>;
  firstMs: number;
}

/** Runs `work` once in the recorder's arena, as a training step is, and notes its dispatches. */
export async function recorded(
  recorder: Recorder,
  work: (mark: (segment: string) => void) => void,
): Promise<Recorded> {
  const all: Dispatch[] = [];
  const segments = new Map<string, Dispatch[]>();
  let open: Dispatch[] | undefined;
  flush();
  const started = performance.now();
  listening(
    (item) => {
      all.push(item);
      open?.push(item);
    },
    () => recorder.run(() => work((name) => segments.set(name, (open = [])))),
  );
  flush();
  await idle();
  return { all, segments, firstMs: performance.now() - started };
}

/** Times dispatches noted before, replayed. */
export function timeReplayed(items: readonly Dispatch[], plan: TimingPlan): Promise<Timing> {
  return time((times) => replayAll(Array.from({ length: times }, () => items).flat()), plan);
}

/** Times operations run through tfjs's engine, each in a scope of its own. */
export function timeOperations(work: () => void, plan: TimingPlan): Promise<Timing> {
  return time((times) => {
    for (let i = 0; i < times; i++) tf.tidy(work);
  }, plan);
}

export function idle(): Promise<undefined> {
  return gpu().device.queue.onSubmittedWorkDone();
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By linear interpolation between the values around it. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

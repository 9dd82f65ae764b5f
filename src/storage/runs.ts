/**
 * Runs and all that they leave: their curve, log, checkpoints and samples. One store, so that a run's checkpoint is
 * written, and older states let go, in one transaction; what reads them is told nothing of how they lie.
 */
import { get, promisifyRequest } from 'idb-keyval';
import type { RunPlan } from '../protocol/trainer';
import { appendTo, readLists } from './lists';
import { choice, number, reader, text } from './read_record';
import { readAll, records, under, write } from './records';

export type RunState = 'running' | 'paused' | 'stopped' | 'finished' | 'failed';

export interface Run {
  id: string;
  project: string;
  name: string;
  startedAt: number;
  changedAt: number;
  state: RunState;
  /** The configuration it runs, as YAML. */
  config: string;
  baseName: string;
  /** SHA-256 of the base model's file, once it is known. */
  baseSha256?: string;
  /** Name, size and date of that file then. */
  baseKey?: string;
  images: number;
  step: number;
  steps: number;
  seconds: number;
  plan?: RunPlan;
  /** Why it ended, if there is more to say than its state. */
  sentence?: string;
  /** The run or file whose LoRA it began from. */
  trainedFrom?: string;
  /** The program that trained it on another machine; what it left was brought in here. */
  elsewhere?: 'sd-scripts';
  /** Started although it needs more memory than its budget, which was set by hand. */
  anyway?: boolean;
  /** A step's usual time, as it was last known. */
  stepSeconds?: number;
  /** What a step was to take by the GPU's measured speed, where that was known when the run began. */
  expectedStepSeconds?: number;
  /** Its loss went from one level to a far higher one, at about this step, and nothing was done about it yet. */
  diverged?: { since: number; from?: number; to: number } | undefined;
}

export interface Point {
  step: number;
  epoch: number;
  loss: number;
  /** The U-Net's, or the text encoder's where that alone is trained. */
  learningRate: number;
  /** The text encoder's, where both are trained; runs from before it was told apart have none. */
  textLearningRate?: number;
  /** Runs from elsewhere may have none. */
  gradientNorm?: number;
  /** As in `StepReport`; points from before they were kept have none. */
  averageLoss?: number;
  lossScale?: number;
  stepSeconds?: number;
  gpuBytes?: number;
  /** Since the run began, pauses left out. */
  seconds: number;
}

export interface LogLine {
  at: number;
  text: string;
}

export interface Checkpoint {
  run: string;
  step: number;
  epoch: number;
  savedAt: number;
  name: string;
  lora: Blob;
  /** What the run resumes from; the newest two checkpoints have it. */
  state?: Blob;
  final: boolean;
}

export interface Sample {
  run: string;
  step: number;
  prompt: string;
  seed: number;
  width: number;
  height: number;
  /** PNG */
  image: Blob;
}

/** A picture as a run trains on it: what it was when the run began, whatever is done to the project meanwhile. */
export interface RunPicture {
  /** Of the picture in `pictures`, whose file it is. */
  id: string;
  name: string;
  caption: string;
  repeats: number;
  focus: readonly [number, number];
}

const RUN_STATES: readonly RunState[] = ['running', 'paused', 'stopped', 'finished', 'failed'];

/** Undefined for what is no run. What is missing of an old one stands at what shows it as ended and empty. */
export const readRun = reader<Run>(
  { id: text, project: text },
  {
    name: [text, ''],
    startedAt: [number, 0],
    changedAt: [number, 0],
    state: [choice(RUN_STATES), 'stopped'],
    config: [text, ''],
    baseName: [text, ''],
    images: [number, 0],
    step: [number, 0],
    steps: [number, 0],
    seconds: [number, 0],
  },
);

/** A resume may find the newest state unreadable; then there is one more. */
const STATES_KEPT = 2;

/**
 * Version 2: beside each run, under its project, that it is there, so that a project's runs are found without reading
 * those of all others.
 */
const store = records('runs', [
  async (of) => {
    const runs = await promisifyRequest<unknown[]>(of.getAll(under(['run'])));
    for (const run of runs.map(readRun)) if (run) putOf(of, run);
  },
]);

function putOf(to: IDBObjectStore, { project, id }: Pick<Run, 'project' | 'id'>): void {
  to.put(id, ['of', project, id]);
}

/** Newest first. */
export async function listRuns(project: string): Promise<Run[]> {
  const runs = await store('readonly', async (from) => {
    const ids = await promisifyRequest<string[]>(from.getAll(under(['of', project])));
    return Promise.all(ids.map((id) => promisifyRequest<unknown>(from.get(['run', id]))));
  });
  return runs
    .map(readRun)
    .filter((run) => run !== undefined)
    .sort((a, b) => b.startedAt - a.startedAt);
}

export async function getRun(id: string): Promise<Run | undefined> {
  return readRun(await get<unknown>(['run', id], store));
}

export function putRun(run: Run): Promise<void> {
  return write(store, 'the run', (to) => {
    to.put(run, ['run', run.id]);
    putOf(to, run);
    return undefined;
  });
}

export function putRunPictures(run: string, pictures: readonly RunPicture[]): Promise<void> {
  return write(store, 'the list of pictures', (to) => void to.put(pictures, ['pictures', run]));
}

/** In the order in which the run was given them. */
export async function getRunPictures(run: string): Promise<readonly RunPicture[]> {
  return (await get<readonly RunPicture[]>(['pictures', run], store)) ?? [];
}

/** With its curve, log, checkpoints and samples. */
export function deleteRun(id: string): Promise<void> {
  return write(store, 'the removal', async (from) => {
    const run = readRun(await promisifyRequest<unknown>(from.get(['run', id])));
    if (run) from.delete(['of', run.project, id]);
    for (const kind of ['run', 'pictures', 'points', 'log', 'checkpoint', 'sample'])
      from.delete(under([kind, id]));
  });
}

export function appendPoints(run: string, points: readonly Point[]): Promise<void> {
  return write(store, 'the loss curve', (to) => appendTo(to, ['points', run], points));
}

/**
 * By step. A run that resumed from an earlier step has taken some steps twice: those of the abandoned branch are left
 * out.
 */
export async function getPoints(run: string): Promise<Point[]> {
  const points: Point[] = [];
  for (const point of await readLists<Point>(store, ['points', run])) {
    while (points.length > 0 && points[points.length - 1].step >= point.step) points.pop();
    points.push(point);
  }
  return points;
}

export function appendLog(run: string, lines: readonly LogLine[]): Promise<void> {
  return write(store, 'the log', (to) => appendTo(to, ['log', run], lines));
}

export function getLog(run: string): Promise<LogLine[]> {
  return readLists<LogLine>(store, ['log', run]);
}

/** One of the same step is replaced. In the same transaction older checkpoints give up their states. */
export function putCheckpoint(checkpoint: Checkpoint): Promise<void> {
  const { run, step, lora, state } = checkpoint;
  const put = async (to: IDBObjectStore) => {
    to.put(checkpoint, ['checkpoint', run, step]);
    const all = await promisifyRequest<Checkpoint[]>(to.getAll(under(['checkpoint', run])));
    const withState = all.filter(({ state }) => state !== undefined).sort((a, b) => b.step - a.step);
    for (const older of withState.slice(STATES_KEPT)) {
      delete older.state;
      to.put(older, ['checkpoint', run, older.step]);
    }
  };
  return write(store, 'this checkpoint', put, lora.size + (state?.size ?? 0));
}

/** By step. */
export function listCheckpoints(run: string): Promise<Checkpoint[]> {
  return readAll<Checkpoint>(store, ['checkpoint', run]);
}

export function deleteCheckpoint(run: string, step: number): Promise<void> {
  return write(store, 'the removal', (from) => void from.delete(['checkpoint', run, step]));
}

/** One of the same step, prompt and seed is replaced. */
export function putSample(sample: Sample): Promise<void> {
  const { run, step, prompt, seed } = sample;
  const put = async (to: IDBObjectStore) => {
    const order = await promisifyRequest(to.count(under(['sample', run])));
    to.put({ ...sample, order }, ['sample', run, step, prompt, seed]);
  };
  return write(store, 'this sample', put, sample.image.size);
}

/** By step, and within one in the order in which they were put. */
export async function listSamples(run: string): Promise<Sample[]> {
  const stored = await readAll<Sample & { order: number }>(store, ['sample', run]);
  return stored.sort((a, b) => a.step - b.step || a.order - b.order);
}

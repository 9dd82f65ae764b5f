/**
 * Runs that a reload, a crash or a closed tab left in the middle: which there are, and what can still be had of them.
 * Storage only; going on is `TrainingRun`'s.
 */
import {
  deleteRun,
  getRun,
  listCheckpoints,
  listRuns,
  putRun,
  type Checkpoint,
  type Run,
} from '../../storage/runs';

/** The name of the Web Lock that a tab holds while it trains a run: what is locked is not unfinished. */
export function runLock(id: string): string {
  return `run ${id}`;
}

export interface Unfinished {
  run: Run;
  /** What it would go on from; none if it had not saved yet, and would start over. */
  newest: { step: number; savedAt: number } | undefined;
}

/** The newest run of the project that neither ended nor runs in any tab. */
export async function unfinishedRun(project: string): Promise<Unfinished | undefined> {
  const left = (await listRuns(project)).filter(({ state }) => state === 'running' || state === 'paused');
  if (!left.length) return undefined;
  const held = new Set(
    typeof navigator.locks === 'undefined'
      ? []
      : ((await navigator.locks.query()).held?.map(({ name }) => name) ?? []),
  );
  const run = left.find(({ id }) => !held.has(runLock(id)));
  return run && { run, newest: await resumableCheckpoint(run.id) };
}

type Resumable = Checkpoint & { state: Blob };

/** Checkpoints that still have their states, newest first. */
export async function resumableCheckpoints(run: string): Promise<Resumable[]> {
  const all = await listCheckpoints(run);
  return all.filter((each): each is Resumable => each.state !== undefined).reverse();
}

/** The newest of them. */
export async function resumableCheckpoint(run: string): Promise<Resumable | undefined> {
  return (await resumableCheckpoints(run))[0];
}

/** Ends the run where it last saved. Gives that checkpoint, or undefined if there is none. */
export async function takeNewest(id: string): Promise<Checkpoint | undefined> {
  const [run, checkpoints] = [await getRun(id), await listCheckpoints(id)];
  const newest = checkpoints.at(-1);
  if (!run || !newest) return undefined;
  await putRun({ ...run, state: 'stopped', step: newest.step, changedAt: Date.now() });
  return newest;
}

export function discardRun(id: string): Promise<void> {
  return deleteRun(id);
}

/** Puts a run that came back among those of a project: its record, curve, checkpoints and samples, all or none. */
import type { ReturnedRun } from '../../protocol/handover';
import type { Project } from '../../storage/projects';
import {
  appendLog,
  appendPoints,
  deleteRun,
  listRuns,
  putCheckpoint,
  putRun,
  putSample,
  type Run,
} from '../../storage/runs';
import { baseFiles } from './outgoing';

/** The one that was brought in before, if it is the same. */
export async function broughtBefore(project: string, returned: ReturnedRun): Promise<Run | undefined> {
  return (await listRuns(project)).find(
    ({ elsewhere, name, startedAt }) =>
      elsewhere !== undefined && name === returned.name && startedAt === returned.startedAt,
  );
}

/** Takes the place of `before`. `line` goes to the run's log. Rejects with StorageError; then nothing has changed. */
export async function keepReturned(
  project: Pick<Project, 'id' | 'base'>,
  returned: ReturnedRun,
  before: Run | undefined,
  line: string,
): Promise<Run> {
  const { name, startedAt, seconds, step, steps, images, config, loras, points, samples } = returned;
  const { baseSha256, trainedFrom } = returned;
  const run: Run = {
    ...{ id: crypto.randomUUID(), project: project.id, name, startedAt, changedAt: Date.now() },
    ...{ state: step >= steps ? 'finished' : 'stopped', config, images, step, steps, seconds },
    baseName: baseNameOf(returned.baseName, project.base),
    elsewhere: 'sd-scripts',
    ...(baseSha256 === undefined ? {} : { baseSha256 }),
    ...(trainedFrom === undefined ? {} : { trainedFrom }),
  };
  await putRun(run);
  try {
    await appendPoints(run.id, points);
    await appendLog(run.id, [{ at: Date.now(), text: line }]);
    for (const { step: at, epoch, name: file, file: lora, final, savedAt } of loras)
      await putCheckpoint({ run: run.id, step: at, epoch, savedAt, name: file, lora, final });
    for (const sample of samples) await putSample({ run: run.id, ...sample });
  } catch (error) {
    await deleteRun(run.id).catch(() => undefined);
    throw error;
  }
  if (before) await deleteRun(before.id);
  return run;
}

/** As the project calls it, where it is that file: names of ours have no ending, and the demo's is its own. */
function baseNameOf(theirs: string, base: Project['base']): string {
  if (!base) return theirs;
  const { baseName } = baseFiles(base, base.name);
  return baseName.replace(/\.safetensors$/, '') === theirs ? base.name : theirs;
}

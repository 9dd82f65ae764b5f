/** What the rail says of runs that are stored: how many checkpoints the project has, and a run that was left. */
import { listCheckpoints, listRuns } from '../../storage/runs';
import { unfinishedRun } from './unfinished';

class KeptRuns {
  checkpoints = $state(0);
  left: { step: number; steps: number } | undefined = $state.raw();
  #asked = 0;

  async look(project: string): Promise<void> {
    const asked = ++this.#asked;
    const [runs, left] = await Promise.all([
      listRuns(project).catch(() => []),
      unfinishedRun(project).catch(() => undefined),
    ]);
    const counts = await Promise.all(runs.map(async ({ id }) => (await listCheckpoints(id)).length));
    // Another project, or a later look at the same, may have been faster.
    if (asked !== this.#asked) return;
    this.checkpoints = counts.reduce((sum, count) => sum + count, 0);
    this.left = left && { step: left.run.step, steps: left.run.steps };
  }
}

export const keptRuns = new KeptRuns();

/** How much this browser keeps for the studio, how much more it would, whether it may throw it away, and what fills it. */
import { storedFiles } from './opfs';
import { listPictures } from './pictures';
import { listProjects, storedPaths } from './projects';
import { listCheckpoints, listRuns, listSamples } from './runs';

export interface Space {
  used: number;
  /** At least Chromium from 138 on says `used` and 10 GiB more, or the disk's size, whatever it will allow in truth. */
  quota: number;
  /** The browser will not clear it by itself when the disk fills up. */
  persisted: boolean;
}

export async function space(): Promise<Space> {
  const [{ usage = 0, quota = 0 }, persisted] = await Promise.all([
    navigator.storage.estimate(),
    navigator.storage.persisted(),
  ]);
  return { used: usage, quota, persisted };
}

/** Asks that nothing be thrown away; some browsers ask the person, others decide by themselves. */
export function persist(): Promise<boolean> {
  return navigator.storage.persist();
}

/** Bytes. A base model that two projects share counts with both. */
export interface ProjectUsage {
  project: string;
  /** With what the VAE said of them. */
  pictures: number;
  checkpoints: number;
  samples: number;
  base: number;
}

export async function usageByProject(): Promise<ProjectUsage[]> {
  const { latentBytes } = await import('./latents');
  const [projects, files, latents] = await Promise.all([listProjects(), storedFiles(), latentBytes()]);
  return Promise.all(
    projects.map(async (project) => {
      const [pictures, runs] = await Promise.all([listPictures(project.id), listRuns(project.id)]);
      const checkpoints = await Promise.all(runs.map(({ id }) => listCheckpoints(id)));
      const samples = await Promise.all(runs.map(({ id }) => listSamples(id)));
      return {
        project: project.id,
        pictures: sum([latents.get(project.id) ?? 0, ...pictures.map(({ byteLength }) => byteLength)]),
        checkpoints: sum(checkpoints.flat().map(({ lora, state }) => lora.size + (state?.size ?? 0))),
        samples: sum(samples.flat().map(({ image }) => image.size)),
        base: sum(storedPaths(project).map((path) => files.get(path) ?? 0)),
      };
    }),
  );
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What goes along of a project or of a run: settings, pictures as they are trained on, the LoRA so far. */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { FamilyName } from '../../formats/families/plain';
import type { OutgoingPicture } from '../../protocol/handover';
import { getImage } from '../../storage/pictures';
import type { BaseModelRef } from '../../storage/projects';
import { getRunPictures, listCheckpoints, type Run } from '../../storage/runs';
import { withTrigger } from '../../formats/dataset/trigger';
import { PictureMissingError } from '../picture_missing';
import { dataset } from '../pictures/dataset.svelte';
import { familyOfBase } from '../project/base_values';
import { settings } from '../project/settings.svelte';
import { configOf } from '../runs/run_config';
import { studio } from '../studio.svelte';

export interface Outgoing {
  readonly config: TrainConfig;
  readonly pictures: readonly OutgoingPicture[];
  /** The newest checkpoint's. */
  readonly lora?: { readonly name: string; readonly file: Blob; readonly step: number };
  /** Of the base model, where it is known. */
  readonly family?: FamilyName;
  readonly baseName: string;
  readonly vaeName?: string;
}

/** As the project stands now: a run from the beginning. Rejects with PictureMissingError. */
export async function outgoingProject(): Promise<Outgoing> {
  const { trigger, base } = studio.project;
  const { config } = settings;
  await dataset.flush();
  const pictures = dataset.used.map(({ id, name, caption, repeats, focus }) => {
    return { id, name, caption: withTrigger(caption, trigger), repeats, focus };
  });
  return {
    config,
    pictures: await withFiles(pictures),
    ...familyOf(base),
    ...baseFiles(base, base?.name ?? ''),
  };
}

/** As the run was begun, with what it has saved last. Rejects with PictureMissingError, and where its settings are not read any more. */
export async function outgoingRun(run: Run): Promise<Outgoing> {
  const [config, pictures, checkpoints] = await Promise.all([
    configOf(run),
    getRunPictures(run.id),
    listCheckpoints(run.id),
  ]);
  const newest = checkpoints.at(-1);
  const { base } = studio.project;
  return {
    config: config ?? settings.config,
    pictures: await withFiles(pictures),
    ...(newest ? { lora: { name: newest.name, file: newest.lora, step: newest.step } } : {}),
    ...familyOf(base?.name === run.baseName ? base : undefined),
    ...baseFiles(base?.name === run.baseName ? base : undefined, run.baseName),
  };
}

function familyOf(base: BaseModelRef | undefined): { family?: FamilyName } {
  const family = familyOfBase(base);
  return family ? { family } : {};
}

/** File names of a base model and its VAE by what it is called here: without endings, two of them joined. */
export function baseFiles(
  base: BaseModelRef | undefined,
  name: string,
): { baseName: string; vaeName?: string } {
  if (base?.where.in === 'demo' || name === 'demo') return { baseName: 'base.safetensors' };
  const where = base?.where;
  const count = where ? filesIn(where) : 1;
  const [first = '', second, ...more] = name.split(' + ');
  if (count === 2 && second !== undefined && more.length === 0)
    return { baseName: `${first}.safetensors`, vaeName: `${second}.safetensors` };
  // The parts of a folder in diffusers' layout.
  if (count > 1) return { baseName: name };
  return { baseName: `${name || 'model'}.safetensors` };
}

function filesIn(where: BaseModelRef['where']): number {
  switch (where.in) {
    case 'demo':
      return 1;
    case 'handle':
      return where.handles.length;
    case 'stored':
      return where.paths.length;
    case 'visit':
      return where.count;
  }
}

type Listed = Omit<OutgoingPicture, 'file'> & { readonly id: string };

/** References to files; none is read yet. */
function withFiles(pictures: readonly Listed[]): Promise<OutgoingPicture[]> {
  return Promise.all(
    pictures.map(async ({ id, name, caption, repeats, focus }) => {
      const file = await getImage(id);
      if (!file) throw new PictureMissingError(name);
      // A plain pair: the project's own may be watched, and what is watched cannot be sent.
      return { name, caption, repeats, focus: [focus[0], focus[1]] as const, file };
    }),
  );
}

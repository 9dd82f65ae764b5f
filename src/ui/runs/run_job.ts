/** From what is stored of a run to the job the trainer takes: files instead of references to them. */
import type { TrainJob } from '../../protocol/trainer';
import { getImage } from '../../storage/pictures';
import type { BaseModelRef } from '../../storage/projects';
import type { RunPicture } from '../../storage/runs';
import { card } from '../engine/card.svelte';
import { mergeList } from '../merge_list';
import { openBase } from '../engine/open_base';

export interface JobSource {
  /** YAML */
  config: string;
  base: BaseModelRef;
  project: string;
  pictures: readonly RunPicture[];
  pretrained?: Blob | undefined;
  state?: Blob | undefined;
  /** Those before it, newest first. */
  olderStates?: Blob[];
  /** Even over a budget that was set by hand. */
  anyway?: boolean | undefined;
}

/** A picture of the run whose file is gone: the run as it was cannot go on. */
export class PictureGoneError extends Error {
  override readonly name = 'PictureGoneError';
  readonly code = 'gone';
  readonly facts: { picture: string };
  constructor(picture: string) {
    super(`${picture} is no longer stored here, so this run cannot go on.`);
    this.facts = { picture };
  }
}

/** Rejects with `BaseModelUnreadable` or `PictureGoneError`. Call it from a click: a remembered file may need one. */
export async function jobFor(source: JobSource): Promise<TrainJob> {
  const { config, base, project, pictures, pretrained, state, olderStates, anyway } = source;
  return {
    config,
    base: await openBase(base, true),
    baseName: base.name,
    project,
    merges: await mergeList(),
    images: await Promise.all(
      pictures.map(async ({ id, name, caption, repeats, focus }) => {
        const file = await getImage(id);
        if (!file) throw new PictureGoneError(name);
        return { name, caption, repeats, focus, file };
      }),
    ),
    ...(card.gb === undefined ? {} : { cardGb: card.gb }),
    ...(anyway ? { anyway } : {}),
    ...(pretrained ? { pretrained } : {}),
    ...(state ? { state } : {}),
    ...(olderStates?.length ? { olderStates } : {}),
  };
}

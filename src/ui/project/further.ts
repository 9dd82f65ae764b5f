/** A new run that begins with a checkpoint: the settings as they are, the rank of the file, a name of its own. */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { Continuable } from '../../formats/reading/lora_reading';
import type { Checkpoint } from '../../storage/runs';
import { withReader } from '../engine/reader';

/** What a run begins with: a checkpoint of a run here, or a file of the person's. */
export type Beginning = Pick<Checkpoint, 'lora' | 'name'>;

/** Where the ranks differ, each is kept, and the highest is what the settings show. */
export interface Further extends Continuable {
  readonly config: TrainConfig;
}

type Read = (lora: Blob, base: readonly Blob[]) => Promise<Continuable>;

/**
 * `taken` are the names of runs there are already, `base` the base model's files, where they can be read now. Reads headers
 * only. Rejects with a sentence if the file cannot be read or continued, or does not fit the base model.
 */
export async function furtherFrom(
  { lora, name }: Beginning,
  settings: TrainConfig,
  taken: readonly string[],
  base: readonly Blob[] = [],
  read: Read = (...given) => withReader((reader) => reader.continuable(...given)),
): Promise<Further> {
  const found = await read(lora, base);
  const output_name = nextName(settings.output_name, taken);
  return {
    ...found,
    config: { ...settings, lora_rank: found.ranks.most, pretrained_lora: name, output_name },
  };
}

/** 'inkwash' -> 'inkwash-2' -> 'inkwash-3': the first that no run has. */
export function nextName(name: string, taken: readonly string[]): string {
  const [, stem = name, count = '1'] = /^(.+?)-(\d{1,3})$/.exec(name) ?? [];
  for (let i = Number(count); ; i++) {
    const next = i === 1 ? stem : `${stem}-${i}`;
    if (!taken.includes(next)) return next;
  }
}

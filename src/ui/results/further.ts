/** A new run that begins with a checkpoint: the settings as they are, the rank of the file, a name of its own. */
import { fromBlob } from '../../formats/byte_source';
import type { TrainConfig } from '../../formats/config_fields';
import { configFields } from '../../formats/config_fields';
import { LoraError, parseLora } from '../../formats/kohya_lora';
import type { Checkpoint } from '../../storage/runs';

/** What a run begins with: a checkpoint of a run here, or a file of the person's. */
export type Beginning = Pick<Checkpoint, 'lora' | 'name'>;

export interface Further {
  readonly config: TrainConfig;
  readonly rank: number;
}

/** `taken` are the names of runs there are already. Rejects with a sentence if the file cannot be read. */
export async function furtherFrom(
  { lora, name }: Beginning,
  settings: TrainConfig,
  taken: readonly string[],
): Promise<Further> {
  const { modules } = await parseLora(fromBlob(lora));
  const [{ rank }] = modules;
  const odd = modules.find((module) => module.rank !== rank || module.rank > configFields.lora_rank.max);
  if (odd) {
    throw new LoraError(
      'other-ranks',
      `It cannot be trained on: all its layers must have one rank, at most ${configFields.lora_rank.max}.`,
      odd.name,
    );
  }
  const output_name = nextName(settings.output_name, taken);
  return { rank, config: { ...settings, lora_rank: rank, pretrained_lora: name, output_name } };
}

/** 'inkwash' -> 'inkwash-2' -> 'inkwash-3': the first that no run has. */
export function nextName(name: string, taken: readonly string[]): string {
  const [, stem = name, count = '1'] = /^(.+?)-(\d{1,3})$/.exec(name) ?? [];
  for (let i = Number(count); ; i++) {
    const next = i === 1 ? stem : `${stem}-${i}`;
    if (!taken.includes(next)) return next;
  }
}

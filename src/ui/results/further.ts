/** A new run that begins with a checkpoint: the settings as they are, the rank of the file, a name of its own. */
import { fromBlob } from '../../formats/byte_source';
import type { TrainConfig } from '../../formats/config_fields';
import { parseLora } from '../../formats/kohya_lora';
import type { Checkpoint } from '../../storage/runs';

export interface Further {
  readonly config: TrainConfig;
  readonly rank: number;
}

/** `taken` are the names of runs there are already. Rejects with a sentence if the file cannot be read. */
export async function furtherFrom(
  { lora, name }: Checkpoint,
  settings: TrainConfig,
  taken: readonly string[],
): Promise<Further> {
  const { modules } = await parseLora(fromBlob(lora));
  const [{ rank }] = modules;
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

/** A new run that begins with a checkpoint: the settings as they are, the rank of the file, a name of its own. */
import { fromBlob } from '../../formats/safetensors/byte_source';
import type { TrainConfig } from '../../formats/config/config_fields';
import { checkRanks, matchLora, outlineLora, ranksOf } from '../../formats/lora/lora_outline';
import { targetsInCheckpoint } from '../../formats/lora/lora_targets';
import { readHeader } from '../../formats/safetensors/safetensors';
import type { Checkpoint } from '../../storage/runs';

/** What a run begins with: a checkpoint of a run here, or a file of the person's. */
export type Beginning = Pick<Checkpoint, 'lora' | 'name'>;

export interface Further {
  readonly config: TrainConfig;
  /** Of its layers: where they differ, each is kept, and the highest is what the settings show. */
  readonly ranks: { readonly least: number; readonly most: number };
  /** Embeddings bundled with it, which are not used. */
  readonly setAside: readonly string[];
}

/**
 * `taken` are the names of runs there are already, `base` the base model's files, where they can be read now. Reads headers
 * only. Rejects with a sentence if the file cannot be read or continued, or does not fit the base model.
 */
export async function furtherFrom(
  { lora, name }: Beginning,
  settings: TrainConfig,
  taken: readonly string[],
  base: readonly Blob[] = [],
): Promise<Further> {
  const { layers, setAside } = await outlineLora(fromBlob(lora));
  const { least, most } = ranksOf(layers);
  checkRanks(layers, most);
  const headers = await Promise.all(base.map((file) => readHeader(fromBlob(file))));
  if (headers.length > 0) matchLora(layers, targetsInCheckpoint(headers.map(({ tensors }) => tensors)));
  const output_name = nextName(settings.output_name, taken);
  return {
    ranks: { least, most },
    setAside,
    config: { ...settings, lora_rank: most, pretrained_lora: name, output_name },
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

/** The LoRA files that came back: of which run, at which step, and what their `ss_*` metadata tells of it. Headers only. */
import type { ReturnedFile } from '../../protocol/handover';
import { stemOf } from '../dataset/kinds';
import { outlineLora, ranksOf } from '../lora/lora_outline';
import { fromBlob } from '../safetensors/byte_source';
import { parseBoundedJson } from '../text/bounded_json';
import { readLoraName, type LoraName } from './returned_names';

/** What sd-scripts writes into a LoRA; what is missing is not known. Times in milliseconds since 1970. */
export interface LoraFacts {
  readonly epoch?: number;
  readonly maxSteps?: number;
  readonly batchesPerEpoch?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly images?: number;
  readonly baseName?: string;
  readonly baseSha256?: string;
}

export interface ReadLora {
  readonly file: ReturnedFile;
  readonly name: LoraName;
  /** `ss_output_name`, or its file's name without step or epoch. */
  readonly run: string;
  readonly step?: number;
  /** Highest of its layers. */
  readonly rank: number;
  readonly modules: number;
  readonly facts: LoraFacts;
}

/** Rejects with SafetensorsError or LoraError for what is no LoRA for a model of ours. */
export async function readLora(file: ReturnedFile): Promise<ReadLora> {
  const { layers, metadata } = await outlineLora(fromBlob(file.file));
  const name = readLoraName(file.path);
  const step = whole(metadata['ss_steps']);
  return {
    ...{ file, name, run: metadata['ss_output_name'] ?? name.stem },
    ...(step === undefined ? {} : { step }),
    ...{ rank: ranksOf(layers).most, modules: layers.length, facts: factsIn(metadata) },
  };
}

/** Of several runs the one that ended last, its files in order; a file without a time counts as older. */
export function byRun(read: readonly ReadLora[]): { mine: ReadLora[]; others: ReadLora[] } {
  const ended = ({ facts, file }: ReadLora) => facts.finishedAt ?? file.modified ?? 0;
  const newest = read.reduce<ReadLora | undefined>(
    (best, each) => (best && ended(best) >= ended(each) ? best : each),
    undefined,
  );
  const isMine = ({ run, facts }: ReadLora) =>
    run === newest?.run && facts.startedAt === newest.facts.startedAt;
  const order = ({ step, name }: ReadLora) => step ?? name.step ?? (name.epoch === undefined ? Infinity : name.epoch); // prettier-ignore
  return {
    mine: read.filter(isMine).sort((a, b) => order(a) - order(b)),
    others: read.filter((each) => !isMine(each)),
  };
}

function factsIn(metadata: Readonly<Record<string, string>>): LoraFacts {
  const base = metadata['ss_sd_model_name'];
  const sha256 = metadata['ss_new_sd_model_hash'];
  const [started, finished] = ['ss_training_started_at', 'ss_training_finished_at'].map((key) => {
    const seconds = Number(metadata[key]);
    return Number.isFinite(seconds) && seconds > 0 && seconds < 1e11 ? Math.round(seconds * 1000) : undefined;
  });
  const facts: { [K in keyof LoraFacts]: LoraFacts[K] | undefined } = {
    epoch: whole(metadata['ss_epoch']),
    maxSteps: whole(metadata['ss_max_train_steps']),
    batchesPerEpoch: whole(metadata['ss_num_batches_per_epoch']) || undefined,
    startedAt: started,
    finishedAt: finished,
    images: imagesIn(metadata),
    baseName: base && base !== 'None' ? stemOf(base) : undefined,
    baseSha256: sha256 && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined,
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** Without repeats where it says so. */
function imagesIn(metadata: Readonly<Record<string, string>>): number | undefined {
  const folders = metadata['ss_dataset_dirs'] ?? metadata['ss_datasets'];
  if (folders !== undefined && folders.length < 1_000_000) {
    try {
      const count = countIn(parseBoundedJson(folders, { values: 100_000, depth: 12 }));
      if (count > 0) return count;
    } catch {
      // Python's own notation, or cut: the other number then.
    }
  }
  return whole(metadata['ss_num_train_images']);
}

function countIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own: unknown = 'img_count' in value ? value.img_count : undefined;
  if (typeof own === 'number' && Number.isSafeInteger(own)) return own;
  return Object.values(value).reduce((sum: number, inner) => sum + countIn(inner), 0);
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

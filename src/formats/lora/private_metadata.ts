// What a LoRA file tells about its maker, chosen group by group, and the file written again with that and the same
// tensors byte for byte. How to apply the LoRA (kohya's `--no_metadata` leaves as much) always stays.
import type { ByteSource } from '../safetensors/byte_source';
import { loraHashes } from './kohya_lora';
import { minimalMetadata } from './kohya_metadata';
import { pythonJson, type PythonJson } from './python_str';
import { readHeader } from '../safetensors/safetensors';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';
import { JsonNumber, parseStrictJson, toCount, type JsonValue } from '../safetensors/strict_json';

/** What may stand in the file. */
export interface MetadataChoice {
  /** Trigger word, the LoRA's name, the base model and the comment. */
  readonly identity: boolean;
  /** Rank, rates, steps, seed, dates, counts of images. */
  readonly settings: boolean;
  /** How often each tag stands in the captions. */
  readonly tags: boolean;
  /** Names of the folders the images lay in. */
  readonly names: boolean;
  /** A small picture that the LoRA drew. */
  readonly thumbnail: boolean;
}

/**
 * All that kohya writes, so that WebUI fills its chips and others see what it was trained on. Privacy is a choice; a picture
 * is added only when it is asked for.
 */
export const usualChoice: MetadataChoice = {
  identity: true,
  settings: true,
  tags: true,
  names: true,
  thumbnail: false,
};

const identityKeys = new Set(
  [
    'output_name',
    'sd_model_name',
    'sd_model_hash',
    'new_sd_model_hash',
    'vae_name',
    'vae_hash',
    'new_vae_hash',
    'training_comment',
  ].map((key) => `ss_${key}`),
);
const folderKeys = new Set(['ss_dataset_dirs', 'ss_reg_dataset_dirs']);

/**
 * The metadata that a choice leaves of `full` (what the trainer wrote). The trigger word, which kohya has no key for,
 * stands where the model specification puts it, and so does `thumbnail`, the data URL of a small JPEG. Hashes of the file are left out: `rewriteLora` makes them.
 */
export function chooseMetadata(
  full: Readonly<Record<string, string>>,
  choice: MetadataChoice,
  trigger = '',
  thumbnail?: string,
): Record<string, string> {
  const kept: Record<string, string> = { ...minimalMetadata(full) };
  if (!choice.settings) delete kept['modelspec.date'];
  for (const [key, value] of Object.entries(full)) {
    if (!key.startsWith('ss_') || key in kept) continue;
    if (identityKeys.has(key)) {
      if (choice.identity) kept[key] = value;
    } else if (folderKeys.has(key)) {
      if (choice.names) kept[key] = value;
    } else if (key === 'ss_tag_frequency') {
      const counts = choice.tags ? tagCounts(value, choice.names) : undefined;
      if (counts !== undefined) kept[key] = counts;
    } else if (choice.settings) kept[key] = value;
  }
  delete kept['modelspec.thumbnail'];
  if (choice.thumbnail && thumbnail !== undefined) kept['modelspec.thumbnail'] = thumbnail;
  if (choice.identity && trigger.trim() !== '') kept['modelspec.trigger_phrase'] = trigger.trim();
  return kept;
}

/** The counts, under the folders' names or under numbers; undefined for what is no list of counts. */
function tagCounts(json: string, withNames: boolean): string | undefined {
  if (withNames) return json;
  let folders: JsonValue;
  try {
    folders = parseStrictJson(json);
  } catch {
    return undefined;
  }
  if (!(folders instanceof Map)) return undefined;
  const renamed = [...folders.values()].map((counts, index): [string, PythonJson] => [
    `set_${index + 1}`,
    counts instanceof Map ? new Map([...counts].map(([tag, count]) => [tag, countOf(count)])) : {},
  ]);
  return pythonJson(new Map(renamed));
}

function countOf(value: JsonValue): number {
  return value instanceof JsonNumber ? (toCount(value) ?? 0) : 0;
}

/** The same tensors with other metadata, and the hashes that belong to both. Throws SafetensorsError. */
export async function rewriteLora(
  source: ByteSource,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const header = await readHeader(source);
  const { dataStart } = header;
  const data = new Uint8Array(await source.slice(dataStart, source.byteLength));
  const tensors: TensorToWrite[] = [...header.tensors.values()].map(({ name, dtype, shape, start, end }) => ({
    name,
    dtype,
    shape,
    data: data.subarray(start - dataStart, end - dataStart),
  }));
  const rest = Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith('sshs_')));
  return writeSafetensors(tensors, { ...rest, ...(await loraHashes(tensors, rest)) });
}

// The folders that peft saves one adapter each in, `unet`, `text_encoder`, `text_encoder_2`, read as one LoRA: in peft's files
// a tensor's name does not say in which part of the model it is. Source: peft's `utils/save_and_load.py`, diffusers' names.
import { everyFamily } from '../families/families';
import type { ByteSource } from '../safetensors/byte_source';
import { readHeader } from '../safetensors/safetensors';
import { safetensorsHeader } from '../safetensors/safetensors_write';
import { strengthSaid } from './adapter_config';

/** One folder's file, and the text of the adapter_config.json beside it. */
export interface AdapterFolder {
  readonly folder: string;
  readonly source: ByteSource;
  readonly config?: string;
}

/** The names of folders that stand for parts of a model, of whatever family. */
export const ADAPTER_FOLDERS: readonly string[] = [
  ...new Set(everyFamily.flatMap(({ lora }) => Object.values(lora).map(({ folder }) => folder))),
];

/**
 * As one file, each tensor's name after its folder's, and in its metadata each folder's strength; nothing is copied. Throws
 * LoraError for a configuration that is none or of another method, SafetensorsError for a broken file.
 */
export async function joinedAdapters(folders: readonly AdapterFolder[]): Promise<ByteSource> {
  const read = await Promise.all(
    folders.map(async ({ folder, source, config }) => ({
      folder,
      source,
      said: config === undefined ? [] : strengthSaid(config),
      ...(await readHeader(source)),
    })),
  );
  const entries = read.flatMap(({ folder, tensors }) =>
    [...tensors.values()].map(({ start, end, name, ...entry }) => ({
      ...entry,
      name: `${folder}.${name}`,
      bytes: end - start,
    })),
  );
  const strengths = read.flatMap(({ folder, said }) =>
    said.map(([key, value]) => [`${folder}.${key}`, value]),
  );
  const header = safetensorsHeader(entries, {
    lora_adapter_metadata: JSON.stringify(Object.fromEntries(strengths)),
    ...Object.assign({}, ...read.map(({ metadata }) => metadata)),
  });
  const pieces = [
    { from: 0, until: header.length, read: async (start: number, end: number) => header.slice(start, end) },
  ];
  for (const { source, dataStart } of read) {
    const from = pieces[pieces.length - 1].until;
    const until = from + source.byteLength - dataStart;
    const moved = (at: number) => at + dataStart;
    pieces.push({
      from,
      until,
      read: async (start, end) => new Uint8Array(await source.slice(moved(start), moved(end))),
    });
  }
  const byteLength = pieces[pieces.length - 1].until;
  return {
    byteLength,
    async slice(start, end) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      for (const { from, until, read: piece } of pieces) {
        const [a, b] = [Math.max(start, from), Math.min(end, until)];
        if (a < b) bytes.set(await piece(a - from, b - from), a - start);
      }
      return bytes.buffer;
    },
  };
}

/**
 * A LoRA on disk by the path a person gives: a file, the folder that peft or diffusers saved it in, or the folder of peft's
 * folders that `npm run lora -- convert --to peft` writes. peft's strength stands in a file beside it, which is read with it.
 */
import { readFile, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ByteSource } from '../src/formats/safetensors/byte_source';
import { ADAPTER_CONFIG, ADAPTER_FILE, withAdapterConfig } from '../src/formats/lora/adapter_config';
import { ADAPTER_FOLDERS, joinedAdapters } from '../src/formats/lora/adapter_folders';
import { openSource } from './files';

const NAMES = [ADAPTER_FILE, 'pytorch_lora_weights.safetensors'];

/** Throws where there is no such file, LoraError where peft's configuration is of another method. */
export async function openLora(path: string): Promise<ByteSource> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return adapterFile(path);
  const inside = NAMES.map((name) => join(path, name)).find(existsSync);
  if (inside !== undefined) return adapterFile(inside);
  const parts = ADAPTER_FOLDERS.map((name) => join(path, name, ADAPTER_FILE)).filter(existsSync);
  if (parts.length > 0) return joinedAdapters(await Promise.all(parts.map(partOf)));
  throw new Error(
    `The folder "${path}" has neither ${NAMES.join(' nor ')} in it, nor peft's folders (${ADAPTER_FOLDERS.join(', ')}).`,
  );
}

/** Where peft's folder has a part's name, that says what part its tensors are of. */
async function adapterFile(file: string): Promise<ByteSource> {
  if (basename(file) !== ADAPTER_FILE) return openSource(file);
  const part = await partOf(file);
  if (ADAPTER_FOLDERS.includes(part.folder)) return joinedAdapters([part]);
  return part.config === undefined ? part.source : withAdapterConfig(part.source, part.config);
}

async function partOf(file: string) {
  const config = join(dirname(file), ADAPTER_CONFIG);
  return {
    folder: basename(dirname(resolve(file))),
    source: openSource(file),
    ...(existsSync(config) ? { config: await readFile(config, 'utf8') } : {}),
  };
}

/**
 * A LoRA on disk by the path a person gives: a file, or the folder that peft or diffusers saved it in. peft's strength
 * stands in a file beside it, which is read with it.
 */
import { readFile, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ByteSource } from '../src/formats/safetensors/byte_source';
import { ADAPTER_CONFIG, ADAPTER_FILE, withAdapterConfig } from '../src/formats/lora/adapter_config';
import { openSource } from './files';

const NAMES = [ADAPTER_FILE, 'pytorch_lora_weights.safetensors'];

/** Throws where there is no such file, LoraError where peft's configuration is of another method. */
export async function openLora(path: string): Promise<ByteSource> {
  const file = await lorasFile(path);
  const config = join(dirname(file), ADAPTER_CONFIG);
  const source = openSource(file);
  if (basename(file) !== ADAPTER_FILE || !existsSync(config)) return source;
  return withAdapterConfig(source, await readFile(config, 'utf8'));
}

async function lorasFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return path;
  const inside = NAMES.map((name) => join(path, name)).find(existsSync);
  if (inside === undefined) throw new Error(`The folder "${path}" has neither ${NAMES.join(' nor ')} in it.`);
  return inside;
}

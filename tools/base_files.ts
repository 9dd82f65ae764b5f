/** The files of a base model on disk: a single file, or those of a diffusers folder, shards included; and a VAE of its own. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainConfig } from '../src/formats/config/config_fields';
import type { ByteSource } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { openSource } from './files';
import { missingShards, modelFilesAmong } from '../src/formats/checkpoint/diffusers_files';

/** In the order in which a later VAE replaces an earlier one. Throws an error that names the setting and the path. */
export async function baseFiles({
  base_model,
  vae,
}: Pick<TrainConfig, 'base_model' | 'vae'>): Promise<string[]> {
  const second = existsSync(join(base_model, 'text_encoder_2')) ? ['text_encoder_2'] : [];
  const base = await filesAt('base_model', base_model, ['unet', 'vae', 'text_encoder', ...second]);
  return vae === ''
    ? base
    : [...base, ...(await filesAt('vae', vae, [existsSync(join(vae, 'vae')) ? 'vae' : '.']))];
}

/**
 * The same, opened. What is wrong with a file's header is thrown with the setting and that file's own path: of a folder's
 * several it would else be any.
 */
export async function openBase(config: Pick<TrainConfig, 'base_model' | 'vae'>): Promise<ByteSource[]> {
  const own = config.vae === '' ? 0 : (await baseFiles({ base_model: config.base_model, vae: '' })).length;
  const paths = await baseFiles(config);
  const sources = paths.map(openSource);
  for (const [i, source] of sources.entries())
    await naming(config.vae !== '' && i >= own ? 'vae' : 'base_model', paths[i], readHeader(source));
  return sources;
}

/** An error about a file's content says which file. */
export async function naming<T>(setting: string, path: string, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof Error) error.message = `${setting} "${path}": ${error.message}`;
    throw error;
  }
}

async function filesAt(setting: string, path: string, parts: readonly string[]): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new Error(`${setting}: there is no file "${path}".`);
  if (!found.isDirectory()) return [path];
  const lists = await Promise.all(parts.map((part) => filesIn(setting, path, part)));
  return lists.flat();
}

async function filesIn(setting: string, path: string, part: string): Promise<string[]> {
  const folder = join(path, part);
  const all = await readdir(folder).catch(() => []);
  const names = modelFilesAmong(all.map((name) => `./${name}`)).map((name) => name.slice(2));
  // A base without its VAE may get one of its own.
  if (names.length === 0 && part === 'vae' && setting === 'base_model') return [];
  if (names.length === 0) throw new Error(`${setting}: the folder "${folder}" has no .safetensors file.`);
  const [missing] = missingShards(names);
  if (missing !== undefined)
    throw new Error(`${setting}: the folder "${folder}" lacks ${missing}. Get it again.`);
  return names.map((name) => join(folder, name));
}

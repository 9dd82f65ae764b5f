/** The files of a base model on disk: a single file, or those of a diffusers folder, shards included; and a VAE of its own. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainConfig } from '../src/formats/config/config_fields';
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

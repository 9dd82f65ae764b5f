import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { baseFiles, openBase } from './base_files';

const root = await mkdtemp(join(tmpdir(), 'base-files-'));
afterAll(() => rm(root, { recursive: true }));

async function folder(name: string, ...files: string[]): Promise<string> {
  for (const file of files) {
    await mkdir(join(root, name, dirname(file)), { recursive: true });
    await writeFile(join(root, name, file), '');
  }
  return join(root, name);
}
const found = async (base_model: string, vae = '') =>
  (await baseFiles({ base_model, vae })).map((path) => path.slice(root.length + 1));

const text = 'text_encoder/model.safetensors';
const vaePart = 'vae/diffusion_pytorch_model.safetensors';

test('a file; a folder; a folder in shards', async () => {
  const file = join(await folder('one', 'photon.safetensors'), 'photon.safetensors');
  expect(await found(file)).toEqual(['one/photon.safetensors']);
  const plain = await folder(
    'plain',
    'unet/diffusion_pytorch_model.fp16.safetensors',
    vaePart,
    text,
    'safety_checker/model.safetensors',
  );
  expect(await found(plain)).toEqual([
    'plain/unet/diffusion_pytorch_model.fp16.safetensors',
    `plain/${vaePart}`,
    `plain/${text}`,
  ]);
  const shards = [1, 2].map((n) => `unet/diffusion_pytorch_model-0000${n}-of-00002.safetensors`);
  const sharded = await folder(
    'sharded',
    ...shards,
    'unet/diffusion_pytorch_model.safetensors.index.json',
    vaePart,
    text,
  );
  expect(await found(sharded)).toEqual([...shards, vaePart, text].map((name) => `sharded/${name}`));
});

test('the folder of a model with two text encoders', async () => {
  const second = 'text_encoder_2/model.safetensors';
  const names = ['unet/diffusion_pytorch_model.safetensors', vaePart, text, second];
  const two = await folder('two', ...names, 'tokenizer_2/merges.txt');
  expect(await found(two)).toEqual(names.map((name) => `two/${name}`));
});

test('a VAE of its own: a file, a folder, or that of a whole model', async () => {
  const base = await folder('no-vae', 'unet/diffusion_pytorch_model.safetensors', text);
  const file = join(await folder('vaes', 'mse.safetensors'), 'mse.safetensors');
  expect(await found(base)).toHaveLength(2);
  expect((await found(base, file)).at(-1)).toBe('vaes/mse.safetensors');
  const bare = await folder('bare-vae', 'config.json', 'diffusion_pytorch_model.safetensors');
  expect((await found(base, bare)).at(-1)).toBe('bare-vae/diffusion_pytorch_model.safetensors');
  const whole = await folder('whole', vaePart);
  expect((await found(base, whole)).at(-1)).toBe(`whole/${vaePart}`);
});

test('what is missing is named, with its setting', async () => {
  await expect(found(join(root, 'nowhere'))).rejects.toThrow(/base_model: there is no file/);
  const base = await folder('cut', 'unet/diffusion_pytorch_model-00002-of-00002.safetensors', vaePart, text);
  await expect(found(base)).rejects.toThrow(
    /base_model.*unet" lacks diffusion_pytorch_model-00001-of-00002\.safetensors/,
  );
  const empty = await folder('empty', 'unet/config.json', text);
  await expect(found(empty)).rejects.toThrow(/base_model.*unet" has no \.safetensors/);
  const file = join(await folder('one', 'photon.safetensors'), 'photon.safetensors');
  await expect(found(file, join(root, 'no-such-vae'))).rejects.toThrow(/vae: there is no file/);
  await expect(found(file, await folder('nothing', 'config.json'))).rejects.toThrow(
    /vae.*has no \.safetensors/,
  );
});

test('of several files the one that is damaged is named, and the setting it came by', async () => {
  const whole = writeSafetensors([{ name: 'a', dtype: 'F32', shape: [2], data: new Uint8Array(8) }]);
  const parts = ['unet/diffusion_pytorch_model.safetensors', vaePart, text];
  const base = await folder('damaged', ...parts);
  for (const part of parts) await writeFile(join(base, part), whole);
  expect(await openBase({ base_model: base, vae: '' })).toHaveLength(3);
  const vae = join(await folder('own', 'vae.safetensors'), 'vae.safetensors');
  await writeFile(vae, whole.slice(0, -1));
  await expect(openBase({ base_model: base, vae })).rejects.toThrow(`vae "${vae}": This file is cut short`);
  await writeFile(join(base, text), whole.slice(0, -1));
  await expect(openBase({ base_model: base, vae: '' })).rejects.toThrow(
    `base_model "${join(base, text)}": This file is cut short`,
  );
});

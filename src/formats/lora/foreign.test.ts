/**
 * Files that sd-scripts, diffusers, peft and OneTrainer wrote with their own code (reference/make_foreign_loras.py, and
 * make_foreign_sdxl_loras.py for SDXL): each holds the same layers with the same change, whatever it calls them and wherever
 * it says alpha. And sd-scripts' hashes.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { toFloats } from '../safetensors/halves';
import { fromBytes, type ByteSource } from '../safetensors/byte_source';
import { isFloatDtype, readHeader } from '../safetensors/safetensors';
import { sha256Hex } from '../safetensors/sha256';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';
import { ADAPTER_CONFIG, ADAPTER_FILE, withAdapterConfig } from './adapter_config';
import { ADAPTER_FOLDERS, joinedAdapters } from './adapter_folders';
import { legacyHash, loraHashes, parseLora, type LoraFile } from './kohya_lora';

const bytesOf = (name: string) =>
  new Uint8Array(readFileSync(new URL(`fixtures/foreign/${name}`, import.meta.url)));
const bytesOfSdxl = (name: string) =>
  new Uint8Array(readFileSync(new URL(`fixtures/foreign_sdxl/${name}`, import.meta.url)));
const source = (name: string) => fromBytes(bytesOf(name));
const sdxlSource = (name: string) => fromBytes(bytesOfSdxl(name));

async function peft(part: string): Promise<ByteSource> {
  const config = new TextDecoder().decode(bytesOf(`${part}/${ADAPTER_CONFIG}`));
  return withAdapterConfig(source(`${part}/${ADAPTER_FILE}`), config);
}

async function floats(file: ByteSource): Promise<Map<string, Float32Array>> {
  const read = new Map<string, Float32Array>();
  for (const { name, dtype, start, end } of (await readHeader(file)).tensors.values())
    read.set(name, toFloats(await file.slice(start, end), isFloatDtype(dtype) ? dtype : 'F32'));
  return read;
}

/** The sum over k of up [out, rank] · down [rank, in], times scale. */
function product({ up, down }: { up: Float32Array; down: Float32Array }, rank: number, scale: number) {
  const [outputs, inputs] = [up.length / rank, down.length / rank];
  return Array.from({ length: outputs * inputs }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < rank; k++)
      sum += up[Math.floor(at / inputs) * rank + k] * down[k * inputs + (at % inputs)];
    return scale * sum;
  });
}

/** alpha / rank · up·down of each layer, from what was given to the programs. */
const expected = () => floats(source('expected.safetensors'));

/** The same for SDXL, of rank 2 and alpha 3. */
async function expectedOfSdxl(): Promise<Map<string, ArrayLike<number>>> {
  const given = await floats(sdxlSource('expected.safetensors'));
  const half = (name: string) => given.get(name) ?? new Float32Array();
  const names = [...given.keys()].filter((name) => name.endsWith('.up')).map((name) => name.slice(0, -3));
  return new Map(
    names.map((name) => [name, product({ up: half(`${name}.up`), down: half(`${name}.down`) }, 2, 3 / 2)]),
  );
}

/** Within 1e-5: numbers of up to ten, in f32. */
function expectSame(modules: LoraFile['modules'], wanted: ReadonlyMap<string, ArrayLike<number>>) {
  expect(modules.map(({ name }) => name).sort()).toEqual([...wanted.keys()].sort());
  for (const { name, up, down, alpha, rank, upShape, downShape } of modules) {
    const theirs = wanted.get(name) ?? [];
    expect(theirs.length, name).toBe(upShape[0] * downShape[1]);
    const ours = product({ up, down }, rank, alpha / rank);
    const worst = ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i])), 0);
    expect(worst, name).toBeLessThan(1e-5);
  }
}

describe('the same change, written by', () => {
  it.each([
    ['sd-scripts, alpha an integer', 'sd_scripts', 3],
    ['diffusers, the strength in its metadata', 'diffusers', 3],
    ['diffusers, the strength in the values', 'diffusers_silent', 2],
    ['OneTrainer, for itself', 'onetrainer_internal', 3],
    ['OneTrainer, for kohya', 'onetrainer_kohya', 3],
    ['OneTrainer, for diffusers', 'onetrainer_diffusers', 2],
    ['OneTrainer, with peft’s halves and alpha beside', 'onetrainer_ab', 3],
  ])('%s', async (_, name, alpha) => {
    const { modules, setAside } = await parseLora(source(`${name}.safetensors`));
    expect(setAside).toEqual(name.startsWith('onetrainer') ? ['zk'] : []);
    expect(new Set(modules.map((module) => module.alpha))).toEqual(new Set([alpha]));
    expectSame(modules, await expected());
  });

  it.each([
    ['peft_unet', 'lora_unet_'],
    ['peft_text_encoder', 'lora_te_'],
  ])('%s', async (part, prefix) => {
    const { modules } = await parseLora(await peft(part));
    const mine = [...(await expected())].filter(([name]) => name.startsWith(prefix));
    expectSame(modules, new Map(mine));
  });
});

describe('the same change of SDXL, written by', () => {
  it.each([
    ['sd-scripts, alpha an integer', 'sd_scripts', 3],
    ['diffusers, the strength in its metadata', 'diffusers', 3],
    ['diffusers, the strength in the values', 'diffusers_silent', 2],
    ['OneTrainer, for itself', 'onetrainer_internal', 3],
    ['OneTrainer as it was, kohya’s prefixes before diffusers’ names', 'onetrainer_legacy', 3],
    ['OneTrainer, for kohya', 'onetrainer_kohya', 3],
    ['OneTrainer, for diffusers', 'onetrainer_diffusers', 2],
    ['OneTrainer, for ComfyUI', 'onetrainer_comfy', 3],
  ])('%s', async (_, name, alpha) => {
    const { family, modules, setAside } = await parseLora(sdxlSource(`${name}.safetensors`));
    expect(family).toBe('sdxl');
    expect(setAside).toEqual(name.startsWith('onetrainer') ? ['zk'] : []);
    expect(new Set(modules.map((module) => module.alpha))).toEqual(new Set([alpha]));
    expectSame(modules, await expectedOfSdxl());
  });

  it('peft, a folder for each part', async () => {
    const folders = ADAPTER_FOLDERS.map((folder) => ({
      folder,
      source: sdxlSource(`peft/${folder}/${ADAPTER_FILE}`),
      config: new TextDecoder().decode(bytesOfSdxl(`peft/${folder}/${ADAPTER_CONFIG}`)),
    }));
    const { family, modules } = await parseLora(await joinedAdapters(folders));
    expect(family).toBe('sdxl');
    expect(new Set(modules.map((module) => module.alpha))).toEqual(new Set([3]));
    expectSame(modules, await expectedOfSdxl());
  });
});

describe('hashes', () => {
  test('of sd-scripts’ own file', async () => {
    const file = source('sd_scripts.safetensors');
    const { tensors, metadata } = await readHeader(file);
    const again: TensorToWrite[] = [];
    for (const { start, end, ...entry } of tensors.values())
      again.push({ ...entry, data: new Uint8Array(await file.slice(start, end)) });
    const { sshs_model_hash, sshs_legacy_hash, ...rest } = metadata;
    expect(await loraHashes(again, rest)).toEqual({ sshs_model_hash, sshs_legacy_hash });
  });

  test('of one that reaches past the megabyte where the old hash begins', async () => {
    const wanted = JSON.parse(new TextDecoder().decode(bytesOf('hashes.json'))) as Record<string, string>;
    const numbers = Uint16Array.from({ length: 700_000 }, (_, i) => (i * 7919) % 30011);
    const tensors: TensorToWrite[] = [
      {
        name: 'a.lora_down.weight',
        dtype: 'F16',
        shape: [700, 1000],
        data: new Uint8Array(numbers.buffer),
      },
    ];
    const file = writeSafetensors(tensors, { ss_note: '中' });
    expect({
      ...(await loraHashes(tensors, { ss_note: '中', 'modelspec.title': 'x' })),
      ss_sd_model_hash: await legacyHash(file),
      ss_new_sd_model_hash: await sha256Hex(file),
    }).toEqual(wanted);
  });
});

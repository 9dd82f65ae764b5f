/**
 * Files that sd-scripts, diffusers, peft and OneTrainer wrote with their own code (reference/make_foreign_loras.py): each
 * holds the same six layers with the same change, whatever it calls them and wherever it says alpha. And sd-scripts' hashes.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { toFloats } from '../safetensors/halves';
import { fromBytes, type ByteSource } from '../safetensors/byte_source';
import { isFloatDtype, readHeader } from '../safetensors/safetensors';
import { sha256Hex } from '../safetensors/sha256';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';
import { ADAPTER_CONFIG, ADAPTER_FILE, withAdapterConfig } from './adapter_config';
import { legacyHash, loraHashes, parseLora, type LoraFile } from './kohya_lora';

const bytesOf = (name: string) =>
  new Uint8Array(readFileSync(new URL(`fixtures/foreign/${name}`, import.meta.url)));
const source = (name: string) => fromBytes(bytesOf(name));

async function peft(part: string): Promise<ByteSource> {
  const config = new TextDecoder().decode(bytesOf(`${part}/${ADAPTER_CONFIG}`));
  return withAdapterConfig(source(`${part}/${ADAPTER_FILE}`), config);
}

/** alpha / rank · up·down of each layer, from what was given to the programs. */
async function expected(): Promise<Map<string, Float32Array>> {
  const file = source('expected.safetensors');
  const changes = new Map<string, Float32Array>();
  for (const { name, dtype, start, end } of (await readHeader(file)).tensors.values())
    changes.set(name, toFloats(await file.slice(start, end), isFloatDtype(dtype) ? dtype : 'F32'));
  return changes;
}

async function expectSame(modules: LoraFile['modules'], mine: (name: string) => boolean = () => true) {
  const wanted = new Map([...(await expected())].filter(([name]) => mine(name)));
  expect(modules.map(({ name }) => name).sort()).toEqual([...wanted.keys()].sort());
  for (const { name, up, down, alpha, rank, upShape, downShape } of modules) {
    const [outputs, inputs] = [upShape[0], downShape[1]];
    const theirs = wanted.get(name) ?? new Float32Array();
    expect(theirs.length, name).toBe(outputs * inputs);
    let worst = 0;
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        let sum = 0;
        for (let k = 0; k < rank; k++) sum += up[o * rank + k] * down[k * inputs + i];
        worst = Math.max(worst, Math.abs((alpha / rank) * sum - theirs[o * inputs + i]));
      }
    }
    // Numbers of up to ten, in f32.
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
    await expectSame(modules);
  });

  it.each([
    ['peft_unet', 'lora_unet_'],
    ['peft_text_encoder', 'lora_te_'],
  ])('%s', async (part, prefix) => {
    const { modules } = await parseLora(await peft(part));
    await expectSame(modules, (name) => name.startsWith(prefix));
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

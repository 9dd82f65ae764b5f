/**
 * Against numpy's SVD and diffusers' fused weights (reference/make_merging_golden.py): resizing, and merging into a base
 * model. No GPU is needed for it.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { toFloats } from '../safetensors/halves';
import { isFloatDtype, readHeader, type SafetensorsFile } from '../safetensors/safetensors';
import { mapCheckpoint } from '../checkpoint/checkpoint_kind';
import { familyFacts } from '../families/families';
import { parseLora, type LoraModule } from '../lora/kohya_lora';
import { changeNorm, changeSvd } from './change';
import { mergedMetadata, planMerge } from './merge_base';
import { resizeModule } from './resize';
import { parseWeights } from './weights';

const bytesOf = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../../reference/golden/${name}`, import.meta.url)));
const golden = fromBytes(bytesOf('merging.safetensors'));
let header: SafetensorsFile;
beforeAll(async () => {
  header = await readHeader(golden);
});

async function floats(source = golden, { tensors } = header, name = ''): Promise<Float32Array> {
  const entry = tensors.get(name);
  if (!entry || !isFloatDtype(entry.dtype)) throw new Error(`The golden has no "${name}".`);
  return toFloats(await source.slice(entry.start, entry.end), entry.dtype);
}

async function moduleOf(name: string): Promise<LoraModule> {
  const shape = (half: string) => header.tensors.get(`${name}.${half}`)?.shape ?? [];
  const of = (what: string) => floats(golden, header, `${name}.${what}`);
  return {
    name: 'lora_unet_mid_block_attentions_0_proj_in',
    down: await of('down'),
    downShape: shape('down'),
    up: await of('up'),
    upShape: shape('up'),
    alpha: (await of('alpha'))[0],
  };
}

function product({ up, down, upShape: [outputs, rank], downShape: [, inputs] }: LoraModule): Float64Array {
  return Float64Array.from({ length: outputs * inputs }, (_, i) => {
    const [o, c] = [Math.floor(i / inputs), i % inputs];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += up[o * rank + k] * down[k * inputs + c];
    return sum;
  });
}

/** numpy gives zeros beyond the rank. */
function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) most = Math.max(most, Math.abs((a[i] ?? 0) - b[i]));
  return most;
}

describe('resizing equals numpy’s truncated SVD', () => {
  it.each([
    ['wide', [1, 3, 7]],
    ['tall', [2, 5]],
    ['narrow', [1, 4]],
    ['deficient', [2, 4]],
  ] as const)('%s', async (name, ranks) => {
    const module = await moduleOf(name);
    const values = await floats(golden, header, `${name}.values`);
    expect(farthest(changeSvd(module).values, values)).toBeLessThan(1e-5 * values[0]);
    const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    expect(Math.abs(changeNorm(module) / norm - 1)).toBeLessThan(1e-6);
    for (const rank of ranks) {
      const { module: resized, kept } = resizeModule(module, { rank });
      expect(resized.downShape[0]).toBe(rank);
      expect(resized.alpha / rank).toBeCloseTo(module.alpha / module.downShape[0], 12);
      const wanted = await floats(golden, header, `${name}.product_${rank}`);
      const most = wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      expect(farthest(product(resized), wanted)).toBeLessThan(1e-5 * most);
      expect(Math.abs(kept - (await floats(golden, header, `${name}.kept_${rank}`))[0])).toBeLessThan(1e-6);
    }
  });
});

it('merging gives diffusers’ fused weights, to the rounding of the base’s halves', async () => {
  const base = fromBytes(bytesOf('tiny-sd15.safetensors'));
  const lora = await parseLora(fromBytes(bytesOf('lora_init.safetensors')));
  const weights = parseWeights('unet=0.8,te=0.5');
  const [file] = await planMerge([base], [{ modules: lora.modules, weights }], (own) =>
    mergedMetadata(own, ['a']),
  );
  const pieces: Uint8Array[] = [];
  for await (const piece of file.pieces()) pieces.push(piece);
  const merged = new Uint8Array(Buffer.concat(pieces));
  expect(merged.length).toBe(file.bytes);
  expect(file.changed).toBe(210);

  const [before, after] = [await readHeader(base), await readHeader(fromBytes(merged))];
  expect([...after.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual(
    [...before.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape]),
  );
  const { parts } = mapCheckpoint(before.tensors.keys(), familyFacts.sd1);
  const fused = [...header.tensors.keys()].filter((name) => name.startsWith('fused.'));
  expect(fused.length).toBeGreaterThan(6);
  for (const name of fused) {
    const [, folder, path] = /^fused\.(unet|text_encoder)\.(.+)$/.exec(name) ?? [];
    const origin = parts[folder === 'unet' ? 'unet' : 'text1'].get(`${path}.weight`);
    const theirs = await floats(golden, header, name);
    const ours = await floats(fromBytes(merged), after, origin?.key);
    const plain = await floats(base, before, origin?.key);
    expect(farthest(plain, theirs), name).toBeGreaterThan(0.01);
    // Half a step of a half, which is 2^-11 of the value; and their sum, made in f32.
    for (let i = 0; i < theirs.length; i++)
      expect(Math.abs(ours[i] - theirs[i])).toBeLessThanOrEqual(Math.abs(theirs[i]) * 2 ** -11 + 2 ** -24);
  }
});

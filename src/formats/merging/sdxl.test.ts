/** SDXL's LoRAs as files: written in each notation and read back, merged into a checkpoint whose projections lie in one matrix. */
import { expect, it, test } from 'vitest';
import type { familyFacts } from '../families/families';
import { joinedAdapters, type AdapterFolder } from '../lora/adapter_folders';
import { parseLora, type LoraModule } from '../lora/kohya_lora';
import { verifyLora } from '../lora/verify_lora';
import { fromBytes } from '../safetensors/byte_source';
import { toFloats } from '../safetensors/halves';
import { readHeader } from '../safetensors/safetensors';
import { writeSafetensors } from '../safetensors/safetensors_write';
import { combineInto } from './made';
import { planMerge } from './merge_base';
import { parseWeights } from './weights';
import { writeAs, writings, type WrittenFile } from './written_as';

const module = (name: string, inputs: number, outputs: number, first: number): LoraModule => ({
  name,
  down: Float32Array.from({ length: 2 * inputs }, (_, i) => first + i),
  downShape: [2, inputs],
  up: Float32Array.from({ length: outputs * 2 }, (_, i) => i - first),
  upShape: [outputs, 2],
  alpha: 2,
});
const unet = module('lora_unet_input_blocks_4_1_proj_in', 3, 3, 1);
const first = module('lora_te1_text_model_encoder_layers_0_mlp_fc1', 3, 4, 2);
const second = module('lora_te2_text_model_encoder_layers_0_self_attn_k_proj', 3, 3, 3);
const modules = [unet, first, second];
const lora = {
  family: 'sdxl',
  modules,
  precision: 'float',
  metadata: { ss_base_model_version: 'sdxl_base_v1-0' },
} as const;

it.each(writings)('is read back as it was written, %s', async (writing) => {
  const files = await writeAs(writing, lora);
  // peft has a file a part, without the part's name: the folder's is put before it.
  const source = writing === 'peft' ? await joinedAdapters(foldersOf(files)) : fromBytes(files[0].bytes);
  const read = await parseLora(source);
  expect(read.family).toBe('sdxl');
  expect(new Map(read.modules.map(({ name, down, up }) => [name, { down, up }]))).toEqual(
    new Map(modules.map(({ name, down, up }) => [name, { down, up }])),
  );
  expect(read.modules.map(({ alpha }) => alpha)).toEqual([2, 2, 2]);
  if (writing === 'kohya') expect((await verifyLora(fromBytes(files[0].bytes))).modules).toBe(3);
});

function foldersOf(files: readonly WrittenFile[]): AdapterFolder[] {
  const text = ({ bytes }: WrittenFile) => new TextDecoder().decode(bytes);
  return [0, 2, 4].map((at) => ({
    folder: files[at].path?.split('/')[0] ?? '',
    source: fromBytes(files[at].bytes),
    config: text(files[at + 1]),
  }));
}

test.each([0, 1, 2])('peft’s folder %i alone is SDXL’s, with the strength beside it', async (index) => {
  const halved = modules.map((each) => ({ ...each, alpha: 1 }));
  const folder = foldersOf(await writeAs('peft', { ...lora, modules: halved }))[index];
  const source = await joinedAdapters([folder]);
  const read = await parseLora(source);
  expect(read).toMatchObject({ family: 'sdxl', modules: [{ ...halved[index] }] });
  // Read in pieces that begin and end anywhere.
  const whole = new Uint8Array(await source.slice(0, source.byteLength));
  for (const [start, end] of [
    [1, 9],
    [source.byteLength - 5, source.byteLength + 9],
  ])
    expect(new Uint8Array(await source.slice(start, end))).toEqual(whole.slice(start, end));
});

const clip = 'conditioner.embedders.1.model.';
const shapes: [string, number[]][] = [
  ['model.diffusion_model.input_blocks.0.0.weight', [1, 4, 3, 3]],
  ['model.diffusion_model.label_emb.0.0.weight', [1, 1]],
  ['model.diffusion_model.input_blocks.4.1.proj_in.weight', [3, 3]],
  ['conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc1.weight', [4, 3]],
  [`${clip}transformer.resblocks.0.attn.in_proj_weight`, [9, 3]],
  [`${clip}text_projection`, [3, 3]],
];
const base = fromBytes(
  writeSafetensors(
    shapes.map(([name, shape]) => ({
      name,
      dtype: 'F32',
      shape,
      data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)),
    })),
    {},
  ),
);

test('merges into the rows of its projection, and into no others', async () => {
  const weights = parseWeights('te=0.5');
  const [file] = await planMerge([base], [{ family: 'sdxl', modules, weights }], (own) => ({ ...own }));
  const pieces: Uint8Array[] = [];
  for await (const piece of file.pieces()) pieces.push(piece);
  const bytes = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
  const { tensors } = await readHeader(fromBytes(bytes));
  const values = (name: string) => {
    const { start = 0, end = 0 } = tensors.get(name) ?? {};
    return [...toFloats(bytes.slice(start, end).buffer, 'F32')];
  };
  const change = ({ down, up, upShape: [out], downShape: [, inputs] }: LoraModule, by: number) =>
    Array.from({ length: out * inputs }, (_, i) => {
      const [o, c] = [Math.floor(i / inputs), i % inputs];
      return by * (up[2 * o] * down[c] + up[2 * o + 1] * down[inputs + c]);
    });
  const none = new Array<number>(9).fill(0);
  expect(values(shapes[2][0])).toEqual(change(unet, 1));
  expect(values(shapes[3][0])).toEqual(change(first, 0.5));
  expect(values(shapes[4][0])).toEqual([...none, ...change(second, 0.5), ...none]);
  expect(values(shapes[5][0])).toEqual(none);
  expect(file.changed).toBe(3);
  // Two layers, though one matrix.
  const query = module('lora_te2_text_model_encoder_layers_0_self_attn_q_proj', 3, 3, 4);
  const [both] = await planMerge([base], [{ family: 'sdxl', modules: [query, second], weights }], () => ({}));
  expect(both.changed).toBe(2);
});

test('LoRAs and base models of two families do not go together', async () => {
  const own = module('lora_unet_mid_block_attentions_0_proj_in', 3, 3, 0);
  const weights = parseWeights('1');
  await expect(planMerge([base], [{ family: 'sd1', modules: [own], weights }], () => ({}))).rejects.toThrow(
    /This LoRA is for Stable Diffusion 1\.x, and the base model is SDXL/,
  );
  const named = (family: keyof typeof familyFacts, of: LoraModule) => ({
    name: of.name,
    weights,
    lora: {
      precision: 'float' as const,
      file: { family, modules: [{ ...of, rank: 2 }], metadata: {}, setAside: [] },
    },
  });
  await expect(combineInto([named('sdxl', unet), named('sd1', own)], undefined)).rejects.toThrow(
    /^These LoRAs are for different base models, SDXL and Stable Diffusion 1\.x:/,
  );
});

test('a base model that is none, or lacks what the LoRA changes, is named for what it is', async () => {
  const made = (without: RegExp, others: readonly (readonly [string, number[]])[] = []) =>
    fromBytes(
      writeSafetensors(
        [...shapes.filter(([name]) => !without.test(name)), ...others].map(([name, shape]) => ({
          name,
          dtype: 'F32' as const,
          shape,
          data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)),
        })),
      ),
    );
  const [input] = shapes;
  const channels = (count: number) => made(/input_blocks\.0/, [[input[0], [1, count, 3, 3]]]);
  const weights = parseWeights('1');
  const merged = (file: ReturnType<typeof made>) =>
    planMerge([file], [{ family: 'sdxl', modules, weights }], () => ({}));
  await expect(merged(channels(9))).rejects.toThrow(/^This is an inpainting model of SDXL/);
  await expect(merged(channels(8))).rejects.toThrow(/^This is an instruct-pix2pix model of SDXL/);
  await expect(
    merged(made(/embedders\.0/, [['conditioner.embedders.0.model.ln_final.bias', [1]]])),
  ).rejects.toThrow(/^This is the SDXL refiner/);
  const loraFile = fromBytes((await writeAs('kohya', lora))[0].bytes);
  await expect(merged(loraFile)).rejects.toMatchObject({
    name: 'CheckpointError',
    facts: { kind: 'lora' },
  });
  await expect(merged(made(/embedders/))).rejects.toThrow(
    /^The base model lacks the text encoder and the second text encoder\. Give the whole checkpoint/,
  );
  await expect(merged(made(/embedders\.1/))).rejects.toThrow(
    /^The base model lacks the second text encoder\./,
  );
  await expect(merged(made(/diffusion_model/))).rejects.toThrow(/^This is not a model that is known here/);
  // What the LoRA does not change may be missing.
  const [file] = await planMerge(
    [made(/embedders/)],
    [{ family: 'sdxl', modules: [unet], weights }],
    () => ({}),
  );
  expect(file.changed).toBe(1);
});

/** SDXL's LoRAs as files: written in each notation and read back, merged into a checkpoint whose projections lie in one matrix. */
import { expect, it, test } from 'vitest';
import type { familyFacts } from '../families/families';
import { parseLora, type LoraModule } from '../lora/kohya_lora';
import { verifyLora } from '../lora/verify_lora';
import { fromBytes } from '../safetensors/byte_source';
import { toFloats } from '../safetensors/halves';
import { readHeader } from '../safetensors/safetensors';
import { writeSafetensors } from '../safetensors/safetensors_write';
import { combineInto } from './made';
import { planMerge } from './merge_base';
import { parseWeights } from './weights';
import { writeAs, writings } from './written_as';

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
const lora = { modules, precision: 'float', metadata: { ss_base_model_version: 'sdxl_base_v1-0' } } as const;

it.each(writings)('is read back as it was written, %s', async (writing) => {
  const files = await writeAs(writing, lora);
  // peft has a file a part, without the part's name: a text encoder as narrow as this one tells nothing of itself.
  if (writing === 'peft') {
    expect(files.map(({ path }) => path?.split('/')[0])).toEqual(
      ['unet', 'text_encoder', 'text_encoder_2'].flatMap((folder) => [folder, folder]),
    );
    return;
  }
  const read = await parseLora(fromBytes(files[0].bytes));
  expect(read.family).toBe('sdxl');
  expect(new Map(read.modules.map(({ name, down, up }) => [name, { down, up }]))).toEqual(
    new Map(modules.map(({ name, down, up }) => [name, { down, up }])),
  );
  if (writing === 'kohya') expect((await verifyLora(fromBytes(files[0].bytes))).modules).toBe(3);
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
    /do not fit/,
  );
});

/** SD 2.x's LoRAs as files: what kohya's trainer shapes as convolutions are matrices to everyone else; merged into OpenCLIP's names. */
import { expect, it, test } from 'vitest';
import { parseLora, type LoraModule } from '../lora/kohya_lora';
import { fromBytes } from '../safetensors/byte_source';
import { toFloats } from '../safetensors/halves';
import { readHeader } from '../safetensors/safetensors';
import { writeSafetensors } from '../safetensors/safetensors_write';
import { planMerge } from './merge_base';
import { parseWeights } from './weights';
import { writeAs } from './written_as';

const module = (name: string, first: number): LoraModule => ({
  name,
  down: Float32Array.from({ length: 3 }, (_, i) => first + i),
  downShape: [1, 3],
  up: Float32Array.from({ length: 3 }, (_, i) => i - first),
  upShape: [3, 1],
  alpha: 1,
});
const unet = module('lora_unet_down_blocks_0_attentions_0_proj_in', 1);
const text = module('lora_te_text_model_encoder_layers_22_self_attn_v_proj', 2);
const modules = [unet, text];

it.each([
  ['kohya', `${unet.name}.lora_down.weight`, [1, 3, 1, 1]],
  ['diffusers', 'unet.down_blocks.0.attentions.0.proj_in.lora_A.weight', [1, 3]],
  ['peft', 'base_model.model.down_blocks.0.attentions.0.proj_in.lora_A.weight', [1, 3]],
] as const)('a projection as %s has it, and read back', async (writing, key, shape) => {
  const metadata = { ss_v2: 'True' };
  const [{ bytes }] = await writeAs(writing, { family: 'sd2', modules, precision: 'float', metadata });
  const { tensors } = await readHeader(fromBytes(bytes));
  expect(tensors.get(key)?.shape).toEqual(shape);
  const read = await parseLora(fromBytes(bytes));
  expect(read.modules.find(({ name }) => name === unet.name)).toMatchObject({ down: unet.down, up: unet.up });
  // peft's files have no metadata, and this model is too narrow to tell.
  if (writing !== 'peft') expect(read.family).toBe('sd2');
});

test('merges into matrices and into the third of three projections', async () => {
  const shapes: [string, number[]][] = [
    ['model.diffusion_model.input_blocks.0.0.weight', [1, 4, 3, 3]],
    ['model.diffusion_model.input_blocks.1.1.proj_in.weight', [3, 3]],
    ['cond_stage_model.model.transformer.resblocks.22.attn.in_proj_weight', [9, 3]],
    ['cond_stage_model.model.transformer.resblocks.23.attn.in_proj_weight', [9, 3]],
  ];
  const zeros = (shape: number[]) => new Uint8Array(4 * shape.reduce((a, b) => a * b, 1));
  const base = fromBytes(
    writeSafetensors(
      shapes.map(([name, shape]) => ({ name, dtype: 'F32', shape, data: zeros(shape) })),
      {},
    ),
  );
  const weights = parseWeights('1');
  const [file] = await planMerge([base], [{ family: 'sd2', modules, weights }], () => ({}));
  const pieces: Uint8Array[] = [];
  for await (const piece of file.pieces()) pieces.push(piece);
  const bytes = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
  const { tensors } = await readHeader(fromBytes(bytes));
  const values = ([name]: [string, number[]]) => {
    const { start = 0, end = 0 } = tensors.get(name) ?? {};
    return [...toFloats(bytes.slice(start, end).buffer, 'F32')];
  };
  const change = ({ up, down }: LoraModule) => [...up].flatMap((u) => [...down].map((d) => u * d));
  const none = (n: number) => new Array<number>(n).fill(0);
  expect(values(shapes[1])).toEqual(change(unet));
  expect(values(shapes[2])).toEqual([...none(18), ...change(text)]);
  expect(values(shapes[3])).toEqual(none(27));
  await expect(planMerge([base], [{ family: 'sd1', modules, weights }], () => ({}))).rejects.toThrow(
    /for Stable Diffusion 1\.x, and the base model is Stable Diffusion 2\.x/,
  );
});

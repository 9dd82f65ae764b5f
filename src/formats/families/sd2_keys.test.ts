/** SD 2.x's names: each form that they come in, and its files told from each other and from what is like them. */
import { describe, expect, it, test } from 'vitest';
import {
  familyOfFiles,
  identifyCheckpoint,
  mapCheckpoint,
  type CheckpointKind,
} from '../checkpoint/checkpoint_kind';
import { sd2Facts } from './sd2';

const mapped = (name: string) => sd2Facts.keyMap([name])(name);
const TEXT = 'cond_stage_model.model.';
const layer = 'text_model.encoder.layers.22.';

describe('one tensor', () => {
  it.each([
    [`${TEXT}token_embedding.weight`, 'text_model.embeddings.token_embedding.weight'],
    [`${TEXT}positional_embedding`, 'text_model.embeddings.position_embedding.weight'],
    [`${TEXT}ln_final.bias`, 'text_model.final_layer_norm.bias'],
    [`${TEXT}transformer.resblocks.22.mlp.c_fc.bias`, `${layer}mlp.fc1.bias`],
    // As some tools save it.
    ['cond_stage_model.transformer.text_model.final_layer_norm.bias', 'text_model.final_layer_norm.bias'],
    ['text_encoder/text_model.final_layer_norm.bias', 'text_model.final_layer_norm.bias'],
  ])('%s', (key, name) => {
    expect(mapped(key)).toEqual({ is: 'weights', tensors: [{ part: 'text1', name }] });
  });

  it('three projections lie in one matrix, by rows', () => {
    expect(mapped(`${TEXT}transformer.resblocks.22.attn.in_proj_bias`)).toMatchObject({
      tensors: ['q', 'k', 'v'].map((to, index) => ({
        name: `${layer}self_attn.${to}_proj.bias`,
        rows: { index, of: 3 },
      })),
    });
  });

  it.each([
    `${TEXT}transformer.resblocks.23.ln_1.weight`,
    `${TEXT}transformer.resblocks.23.attn.in_proj_weight`,
    `${TEXT}text_projection`,
    `${TEXT}logit_scale`,
    'text_projection.weight',
    'v_pred',
  ])('%s is left aside', (key) => {
    expect(mapped(key).is).toBe('ignored');
  });

  it.each([`${TEXT}transformer.resblocks.0.attn.bias`, `${TEXT}constructor`])('%s is unknown', (key) => {
    expect(mapped(key).is).toBe('unknown');
  });
});

const U = 'model.diffusion_model.';
type Shapes = Record<string, number[]>;
const unet: Shapes = {
  [`${U}input_blocks.0.0.weight`]: [320, 4, 3, 3],
  [`${U}input_blocks.1.1.proj_in.weight`]: [320, 320],
};
const taking = (channels: number): Shapes => ({
  ...unet,
  [`${U}input_blocks.0.0.weight`]: [320, channels, 3, 3],
});
const text: Shapes = { [`${TEXT}ln_final.weight`]: [1024] };
const vae: Shapes = { 'first_stage_model.decoder.conv_in.weight': [512, 4, 3, 3] };
const tensors = (shapes: Shapes) => new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape }]));

describe('a file', () => {
  const cases: [CheckpointKind, Shapes][] = [
    ['sd2', { ...unet, ...text, ...vae }],
    ['sd2-no-vae', { ...unet, ...text }],
    ['sd2-no-text', { ...unet, ...vae }],
    ['sd2-unet', unet],
    [
      'sd2-unet',
      { 'conv_in.weight': [320, 4, 3, 3], 'down_blocks.0.attentions.0.proj_in.weight': [320, 320] },
    ],
    // kohya's trainer has convolutions there, and some tools saved them; the width of the text tells.
    [
      'sd2',
      {
        ...unet,
        [`${U}input_blocks.1.1.proj_in.weight`]: [320, 320, 1, 1],
        [`${U}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight`]: [320, 1024],
        'cond_stage_model.transformer.text_model.final_layer_norm.bias': [1024],
        ...vae,
      },
    ],
    ['sd2-inpainting', { ...taking(9), ...text, ...vae }],
    ['sd2-inpainting', taking(9)],
    ['sd2-depth', { ...taking(5), ...text, ...vae }],
    ['sd2-upscaler', { ...taking(7), ...text, ...vae, [`${U}label_emb.weight`]: [1000, 1024] }],
    [
      'sd2-upscaler',
      {
        'conv_in.weight': [256, 7, 3, 3],
        'class_embedding.weight': [1000, 1024],
        'mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight': [1024, 1024],
      },
    ],
    ['sd2-unclip', { ...unet, ...text, ...vae, [`${U}label_emb.0.0.weight`]: [1280, 2048] }],
    ['sd1-pix2pix', { ...taking(8), ...text, ...vae }],
    ['text-encoder', text],
    // A later shard of SDXL's U-Net.
    ['unet', { 'up_blocks.0.attentions.0.proj_in.weight': [1280, 1280] }],
  ];
  it.each(cases)('%s', (kind, shapes) => {
    const identity = identifyCheckpoint(tensors(shapes));
    expect(identity.kind).toBe(kind);
    expect(identity.sentence).toMatch(
      kind === 'sd2' ? /2\.x checkpoint\.$/ : /Choose a Stable Diffusion 1\.x, 2\.x or SDXL/,
    );
  });
});

test('the files of a folder tell together what they are', () => {
  const files: Shapes[] = [
    { 'decoder.conv_in.weight': [512, 4, 3, 3] },
    { 'text_model.final_layer_norm.weight': [1024] },
    { 'conv_in.weight': [320, 4, 3, 3], 'down_blocks.0.attentions.0.proj_in.weight': [320, 320] },
  ];
  const folder = files.map(tensors);
  expect(familyOfFiles(folder)).toBe('sd2');
  expect(familyOfFiles(folder.slice(0, 2))).toBe('sd1');
  expect([...mapCheckpoint(folder[1].keys(), sd2Facts).parts.text1.keys()]).toEqual([
    'text_model.final_layer_norm.weight',
  ]);
});

/** SDXL's names: each form that they come in, and files of SDXL told from each other and from what is like them. */
import { describe, expect, it, test } from 'vitest';
import {
  familyOfFiles,
  identifyCheckpoint,
  mapCheckpoint,
  type CheckpointKind,
} from '../checkpoint/checkpoint_kind';
import { sdxlFacts } from './sdxl';

const mapped = (...names: string[]) => {
  const map = sdxlFacts.keyMap(names);
  return map(names[0]);
};
const FIRST = 'conditioner.embedders.0.transformer.text_model.';
const SECOND = 'conditioner.embedders.1.model.';
const layer = 'text_model.encoder.layers.31.';

describe('one tensor', () => {
  it.each([
    [`${FIRST}encoder.layers.3.mlp.fc1.bias`, 'text1', 'text_model.encoder.layers.3.mlp.fc1.bias'],
    [`${SECOND}token_embedding.weight`, 'text2', 'text_model.embeddings.token_embedding.weight'],
    [`${SECOND}positional_embedding`, 'text2', 'text_model.embeddings.position_embedding.weight'],
    [`${SECOND}ln_final.bias`, 'text2', 'text_model.final_layer_norm.bias'],
    [`${SECOND}transformer.resblocks.31.ln_2.weight`, 'text2', `${layer}layer_norm2.weight`],
    [`${SECOND}transformer.resblocks.31.mlp.c_proj.bias`, 'text2', `${layer}mlp.fc2.bias`],
    [`${SECOND}transformer.resblocks.31.attn.out_proj.weight`, 'text2', `${layer}self_attn.out_proj.weight`],
    ['text_encoder_2.text_projection.weight', 'text2', 'text_projection.weight'],
    ['text_encoder_2/text_model.final_layer_norm.bias', 'text2', 'text_model.final_layer_norm.bias'],
    ['text_encoder.text_model.final_layer_norm.bias', 'text1', 'text_model.final_layer_norm.bias'],
    ['model.diffusion_model.label_emb.0.0.weight', 'unet', 'add_embedding.linear_1.weight'],
    ['model.diffusion_model.label_emb.0.2.bias', 'unet', 'add_embedding.linear_2.bias'],
    ['add_embedding.linear_2.bias', 'unet', 'add_embedding.linear_2.bias'],
  ])('%s', (key, part, name) => {
    expect(mapped(key)).toEqual({ is: 'weights', tensors: [{ part, name }] });
  });

  it('three projections lie in one matrix, by rows', () => {
    const { tensors } = mapped(`${SECOND}transformer.resblocks.31.attn.in_proj_weight`) as {
      tensors: unknown;
    };
    expect(tensors).toEqual(
      ['q', 'k', 'v'].map((to, index) => ({
        part: 'text2',
        name: `${layer}self_attn.${to}_proj.weight`,
        rows: { index, of: 3 },
      })),
    );
  });

  it('the projection is applied from the right', () => {
    expect(mapped(`${SECOND}text_projection`)).toMatchObject({
      tensors: [{ part: 'text2', name: 'text_projection.weight', transposed: true }],
    });
  });

  it.each(['v_pred', 'ztsnr', 'denoiser.sigmas', `${SECOND}logit_scale`])('%s is left aside', (key) => {
    expect(mapped(key).is).toBe('ignored');
  });

  it.each([
    `${SECOND}transformer.resblocks.0.attn.bias`,
    `${SECOND}constructor`,
    'conditioner.embedders.2.x',
  ])('%s is unknown', (key) => {
    expect(mapped(key).is).toBe('unknown');
  });

  it('names without a folder are the second encoder’s where its projection or its depth tells', () => {
    const bare = 'text_model.encoder.layers.3.mlp.fc1.bias';
    const part = (...beside: string[]) => mapped(bare, ...beside);
    expect(part()).toMatchObject({ tensors: [{ part: 'text1' }] });
    expect(part('text_model.encoder.layers.11.mlp.fc1.bias')).toMatchObject({ tensors: [{ part: 'text1' }] });
    expect(part('text_projection.weight')).toMatchObject({ tensors: [{ part: 'text2' }] });
    expect(part('text_model.encoder.layers.12.mlp.fc1.bias')).toMatchObject({ tensors: [{ part: 'text2' }] });
  });
});

const U = 'model.diffusion_model.';
type Shapes = Record<string, number[]>;
const unet: Shapes = {
  [`${U}input_blocks.0.0.weight`]: [320, 4, 3, 3],
  [`${U}label_emb.0.0.weight`]: [1280, 2816],
};
const text1: Shapes = { [`${FIRST}final_layer_norm.weight`]: [768] };
const text2: Shapes = { [`${SECOND}ln_final.weight`]: [1280] };
const vae: Shapes = { 'first_stage_model.decoder.conv_in.weight': [512, 4, 3, 3] };
const all = { ...unet, ...text1, ...text2, ...vae };
const tensors = (shapes: Shapes) => new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape }]));

describe('a file', () => {
  const cases: [CheckpointKind, Shapes][] = [
    ['sdxl', all],
    ['sdxl', { ...all, v_pred: [0], ztsnr: [0] }],
    ['sdxl-no-vae', { ...unet, ...text1, ...text2 }],
    ['sdxl-no-text', { ...unet, ...vae }],
    ['sdxl-no-text', { ...unet, ...text1, ...vae }],
    ['sdxl-unet', unet],
    ['sdxl-unet', { 'conv_in.weight': [320, 4, 3, 3], 'add_embedding.linear_1.weight': [1280, 2816] }],
    ['sdxl-inpainting', { ...all, [`${U}input_blocks.0.0.weight`]: [320, 9, 3, 3] }],
    ['sdxl-pix2pix', { ...all, [`${U}input_blocks.0.0.weight`]: [320, 8, 3, 3] }],
    ['sdxl-refiner', { ...unet, ...vae, 'conditioner.embedders.0.model.ln_final.weight': [1280] }],
    ['sdxl-refiner', { 'conv_in.weight': [384, 4, 3, 3], 'add_embedding.linear_1.weight': [1536, 2560] }],
    ['text-encoder', text2],
    [
      'text-encoder',
      { 'text_model.final_layer_norm.weight': [1280], 'text_projection.weight': [1280, 1280] },
    ],
    // unCLIP has a label embedding, too; Stable Video Diffusion also SDXL's words for its encoder.
    ['sd2-unclip', { ...unet, ...vae, 'cond_stage_model.model.ln_final.weight': [1024] }],
    ['unknown', { ...all, [`${U}input_blocks.1.1.time_stack.0.attn1.to_q.weight`]: [320, 320] }],
  ];
  it.each(cases)('%s', (kind, shapes) => {
    const identity = identifyCheckpoint(tensors(shapes));
    expect(identity.kind).toBe(kind);
    expect(identity.sentence).toMatch(
      kind === 'sdxl' ? /SDXL checkpoint\.$/ : /Choose a Stable Diffusion 1\.x, 2\.x or SDXL/,
    );
  });
});

test('the files of a folder tell together what they are', () => {
  const files: Shapes[] = [
    { 'decoder.conv_in.weight': [512, 4, 3, 3] },
    { 'text_model.final_layer_norm.weight': [768] },
    { 'text_model.final_layer_norm.weight': [1280], 'text_projection.weight': [1280, 1280] },
    { 'conv_out.weight': [4, 320, 3, 3] },
    { 'conv_in.weight': [320, 4, 3, 3], 'add_embedding.linear_1.weight': [1280, 2816] },
  ];
  const folder = files.map(tensors);
  expect(familyOfFiles(folder)).toBe('sdxl');
  expect(familyOfFiles(folder.slice(0, 4))).toBe('sd1');
  expect(familyOfFiles([...folder, tensors({ 'lora_unet_x.alpha': [] })])).toBeUndefined();
  expect(familyOfFiles([])).toBeUndefined();
  const { parts } = mapCheckpoint(folder[2].keys(), sdxlFacts);
  expect([...parts.text2.keys()]).toEqual(['text_model.final_layer_norm.weight', 'text_projection.weight']);
});

/** Which LoRA files can be used, and what the others are called: by names and shapes as other programs write them. */
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { parseLora } from './kohya_lora';
import { familyFacts } from '../families/families';
import { LoraError } from './lora_error';
import { refuseOtherFamily } from './lora_kind';
import { checkRanks, outlineLora, ranksOf } from './lora_outline';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';

const zeros = (name: string, ...shape: number[]): TensorToWrite => ({
  name,
  dtype: 'F16',
  shape,
  data: new Uint8Array(2 * shape.reduce((a, b) => a * b, 1)),
});
const fileOf = (tensors: readonly TensorToWrite[], metadata: Record<string, string> = {}) =>
  fromBytes(writeSafetensors(tensors, metadata));

const at = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q';
const plain = [zeros(`${at}.lora_down.weight`, 4, 32), zeros(`${at}.lora_up.weight`, 32, 4)];
const pair = (layer: string, inputs = 32, outputs = 32): TensorToWrite[] => [
  zeros(`${layer}.lora_down.weight`, 4, inputs),
  zeros(`${layer}.lora_up.weight`, outputs, 4),
];

describe('named for what it is', () => {
  it.each<[string, TensorToWrite[], RegExp, Record<string, string>?]>([
    [
      'LoCon, by kernel',
      [
        ...plain,
        zeros('lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight', 4, 8, 3, 3),
        zeros('lora_unet_down_blocks_0_resnets_0_conv1.lora_up.weight', 8, 4, 1, 1),
      ],
      /LoCon/,
    ],
    [
      'LoCon, by its middle',
      [...plain, zeros('lora_unet_down_blocks_0_resnets_0_conv1.lora_mid.weight', 4, 4, 3, 3)],
      /LoCon/,
    ],
    ['a saved state of ours', [zeros('values', 4)], /saved state/, { format: 'lora-studio-state-2' }],
    ['LoHa', [zeros(`${at}.hada_w1_a`, 32, 4)], /LoHa/],
    ['LoHa of convolutions', [zeros(`${at}.hada_t1`, 4, 4, 3, 3)], /LoHa/],
    ['LoKr', [zeros(`${at}.lokr_w1`, 4, 4), zeros(`${at}.lokr_w2_a`, 8, 4)], /LoKr/],
    ['DoRA, LyCORIS', [...plain, zeros(`${at}.dora_scale`, 1, 32)], /DoRA/],
    ['DoRA, peft', [zeros('unet.mid_block.attentions.0.proj_in.lora_magnitude_vector', 32)], /DoRA/],
    ['OFT, sd-scripts', [zeros('oft_unet_mid_block_attentions_0_proj_in.oft_blocks', 4, 8, 8)], /OFT/],
    ['OFT, LyCORIS', [zeros(`${at}.oft_diag`, 4, 8, 8)], /OFT/],
    ['(IA)3', [zeros(`${at}.weight`, 32), zeros(`${at}.on_input`)], /\(IA\)3/],
    ['GLoRA', [zeros(`${at}.a1.weight`, 4, 32), zeros(`${at}.b1.weight`, 4, 32)], /GLoRA/],
    ['whole differences', [zeros(`${at}.diff`, 32, 32)], /whole weight differences/],
    [
      'the refiner of SDXL',
      pair('lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k', 1280),
      /for the SDXL refiner/,
    ],
    ['SD 3', pair('lora_unet_joint_blocks_3_x_block_attn_qkv'), /Stable Diffusion 3,/],
    ['Flux, sd-scripts', pair('lora_unet_double_blocks_0_img_attn_qkv'), /for Flux/],
    [
      'Flux, diffusers',
      [zeros('transformer.single_transformer_blocks.7.attn.to_q.lora_A.weight', 4, 32)],
      /for Flux/,
    ],
    [
      'a transformer',
      [zeros('transformer.transformer_blocks.0.attn.to_q.lora_A.weight', 4, 32)],
      /a transformer model/,
    ],
    [
      'a video model',
      [zeros('diffusion_model.blocks.0.self_attn.q.lora_A.weight', 4, 32)],
      /a transformer model/,
    ],
    ['textual inversion', [zeros('emb_params', 2, 768)], /textual-inversion embedding/],
    ['a ControlNet', [zeros('control_model.input_blocks.0.0.weight', 8, 4, 3, 3)], /ControlNet/],
    ['a base model', [zeros('model.diffusion_model.out.2.bias', 4)], /base model/],
    ['a VAE', [zeros('first_stage_model.decoder.conv_in.weight', 8, 4, 3, 3)], /base model/],
    ['something else', [...plain, zeros(`${at}.scale_norm`)], /not a LoRA that is known here.*scale_norm/],
  ])('%s', async (_, tensors, sentence, metadata) => {
    const error: unknown = await outlineLora(fileOf(tensors, metadata)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LoraError);
    expect((error as LoraError).message).toMatch(sentence);
    expect((error as LoraError).facts.said?.zh).toMatch(/\p{Script=Han}.*。/u);
  });

  it('a pickle by another name', async () => {
    const pickle = fromBytes(new Uint8Array([0x80, 2, 0x7d, 0x71, 0, 0x58, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    await expect(outlineLora(pickle)).rejects.toMatchObject({ code: 'pickle' });
  });

  it('one layer in two notations', async () => {
    const twice = [
      ...plain,
      zeros('unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight', 4, 32),
    ];
    await expect(outlineLora(fileOf(twice))).rejects.toThrow(/twice/);
  });
});

describe('for SDXL', () => {
  const second = 'text_model.encoder.layers.3.self_attn.q_proj';
  it.each<[string, TensorToWrite[], string, Record<string, string>?]>([
    [
      'text encoder',
      pair('lora_te1_text_model_encoder_layers_0_mlp_fc1'),
      'lora_te1_text_model_encoder_layers_0_mlp_fc1',
    ],
    [
      'kohya’s own names',
      pair('lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q'),
      'lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q',
    ],
    [
      'diffusers’ paths with kohya’s prefix',
      pair('lora_unet_mid_block_attentions_0_transformer_blocks_1_attn1_to_q'),
      'lora_unet_middle_block_1_transformer_blocks_1_attn1_to_q',
    ],
    [
      'peft',
      [
        zeros('unet.up_blocks.1.attentions.2.transformer_blocks.1.attn1.to_q.lora_A.weight', 4, 32),
        zeros('unet.up_blocks.1.attentions.2.transformer_blocks.1.attn1.to_q.lora_B.weight', 32, 4),
      ],
      'lora_unet_output_blocks_5_1_transformer_blocks_1_attn1_to_q',
    ],
    [
      'the checkpoint’s names',
      [
        zeros('diffusion_model.input_blocks.4.1.transformer_blocks.1.attn1.to_q.lora_A.weight', 4, 32),
        zeros('diffusion_model.input_blocks.4.1.transformer_blocks.1.attn1.to_q.lora_B.weight', 32, 4),
      ],
      'lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q',
    ],
    [
      'by the text’s width',
      pair('lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k', 2048),
      'lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k',
    ],
    [
      'the second encoder in diffusers’ folder',
      [
        zeros(`text_encoder_2.${second}.lora_A.weight`, 4, 1280),
        zeros(`text_encoder_2.${second}.lora_B.weight`, 1280, 4),
      ],
      'lora_te2_text_model_encoder_layers_3_self_attn_q_proj',
    ],
    [
      'the second encoder alone, by its width',
      [
        zeros(`base_model.model.${second}.lora_A.weight`, 4, 1280),
        zeros(`base_model.model.${second}.lora_B.weight`, 1280, 4),
      ],
      'lora_te2_text_model_encoder_layers_3_self_attn_q_proj',
    ],
    [
      'by its metadata',
      pair('lora_unet_down_blocks_1_attentions_0_proj_in'),
      'lora_unet_input_blocks_4_1_proj_in',
      { ss_base_model_version: 'sdxl_base_v1-0' },
    ],
  ])('%s', async (_, tensors, name, metadata) => {
    const { family, layers } = await outlineLora(fileOf(tensors, metadata));
    expect({ family, names: layers.map((layer) => layer.name) }).toEqual({ family: 'sdxl', names: [name] });
  });

  it('is not taken for Stable Diffusion 1.x’s, nor the reverse', async () => {
    expect((await outlineLora(fileOf(plain))).family).toBe('sd1');
    expect(() => {
      refuseOtherFamily('sdxl', familyFacts.sd1);
    }).toThrow(/LoRA is for SDXL, and the base model is Stable Diffusion 1\.x/);
    expect(() => {
      refuseOtherFamily('sd1', familyFacts.sdxl);
    }).toThrow(/LoRA is for Stable Diffusion 1\.x, and the base model is SDXL/);
    refuseOtherFamily('sdxl', familyFacts.sdxl);
  });
});

describe('for SD 2.x', () => {
  const text = 'text_model.encoder.layers.3.self_attn.q_proj';
  it.each<[string, TensorToWrite[], Record<string, string>?]>([
    [
      'by the text’s width',
      pair('lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_v', 1024),
    ],
    ['text encoder', pair('lora_te_text_model_encoder_layers_3_self_attn_q_proj', 1024, 1024)],
    [
      'text encoder, peft',
      [
        zeros(`base_model.model.${text}.lora_A.weight`, 4, 1024),
        zeros(`base_model.model.${text}.lora_B.weight`, 1024, 4),
      ],
    ],
    ['by kohya’s metadata', plain, { ss_v2: 'True' }],
    ['by its version', plain, { ss_base_model_version: 'sd_v2_v' }],
    ['by Stability’s', plain, { 'modelspec.architecture': 'stable-diffusion-v2-768-v/lora' }],
  ])('%s', async (_, tensors, metadata) => {
    expect((await outlineLora(fileOf(tensors, metadata))).family).toBe('sd2');
  });

  it.each([
    ['sd2', 'sd1', /LoRA is for Stable Diffusion 2\.x, and the base model is Stable Diffusion 1\.x/],
    ['sd1', 'sd2', /LoRA is for Stable Diffusion 1\.x, and the base model is Stable Diffusion 2\.x/],
    ['sd2', 'sdxl', /LoRA is for Stable Diffusion 2\.x, and the base model is SDXL/],
    ['sdxl', 'sd2', /LoRA is for SDXL, and the base model is Stable Diffusion 2\.x/],
  ] as const)('%s is not taken for %s’s', (lora, base, sentence) => {
    expect(() => {
      refuseOtherFamily(lora, familyFacts[base]);
    }).toThrow(sentence);
  });
});

describe('diffusers’ names', () => {
  const path = 'mid_block.attentions.0.transformer_blocks.0.attn1';
  const text = 'text_model.encoder.layers.1.self_attn.q_proj';
  it.each([
    ['peft', `unet.${path}.to_q.lora_A.weight`, `unet.${path}.to_q.lora_B.weight`, at],
    [
      'peft, bare',
      `base_model.model.${path}.to_q.lora_A.weight`,
      `base_model.model.${path}.to_q.lora_B.weight`,
      at,
    ],
    [
      'peft, an adapter’s name',
      `unet.${path}.to_q.lora_A.default.weight`,
      `unet.${path}.to_q.lora_B.default.weight`,
      at,
    ],
    ['before peft', `unet.${path}.to_q.lora.down.weight`, `unet.${path}.to_q.lora.up.weight`, at],
    [
      'processors',
      `unet.${path}.processor.to_q_lora.down.weight`,
      `unet.${path}.processor.to_q_lora.up.weight`,
      at,
    ],
    [
      'processors, bare',
      `${path}.processor.to_out_lora.down.weight`,
      `${path}.processor.to_out_lora.up.weight`,
      at.replace('to_q', 'to_out_0'),
    ],
    ['OneTrainer’s own', `unet.${path}.to_q.lora_down.weight`, `unet.${path}.to_q.lora_up.weight`, at],
    [
      'the checkpoint’s names, OneTrainer',
      'middle_block.1.transformer_blocks.0.attn1.to_q.lora_A.weight',
      'middle_block.1.transformer_blocks.0.attn1.to_q.lora_B.weight',
      at,
    ],
    [
      'the checkpoint’s names, ComfyUI',
      'diffusion_model.output_blocks.5.1.proj_in.lora_A.weight',
      'diffusion_model.output_blocks.5.1.proj_in.lora_B.weight',
      'lora_unet_up_blocks_1_attentions_2_proj_in',
    ],
    [
      'text encoder, ComfyUI',
      `text_encoders.clip_l.transformer.${text}.lora_A.weight`,
      `text_encoders.clip_l.transformer.${text}.lora_B.weight`,
      'lora_te_text_model_encoder_layers_1_self_attn_q_proj',
    ],
    [
      'text encoder',
      `text_encoder.${text}.lora_linear_layer.down.weight`,
      `text_encoder.${text}.lora_linear_layer.up.weight`,
      'lora_te_text_model_encoder_layers_1_self_attn_q_proj',
    ],
    [
      'text encoder, transformers 5',
      `text_encoder.${text.slice(11)}.lora_A.weight`,
      `text_encoder.${text.slice(11)}.lora_B.weight`,
      'lora_te_text_model_encoder_layers_1_self_attn_q_proj',
    ],
  ])('%s', async (_, down, up, layer) => {
    const { modules } = await parseLora(fileOf([zeros(down, 4, 32), zeros(up, 32, 4)]));
    expect(modules).toMatchObject([{ name: layer, rank: 4, alpha: 4, downShape: [4, 32], upShape: [32, 4] }]);
  });

  it('take their strength from the metadata, as peft does', async () => {
    const layers = ['to_q', 'to_k'].flatMap((name) => [
      zeros(`unet.${path}.${name}.lora_A.weight`, 4, 32),
      zeros(`unet.${path}.${name}.lora_B.weight`, 32, 4),
    ]);
    const alphas = async (said: unknown) => {
      const text = typeof said === 'string' ? said : JSON.stringify(said);
      const { modules } = await parseLora(fileOf(layers, { lora_adapter_metadata: text }));
      return Object.fromEntries(modules.map(({ name, alpha }) => [name.slice(-4), alpha]));
    };
    expect(await alphas({ 'unet.lora_alpha': 16 })).toEqual({ to_q: 16, to_k: 16 });
    expect(await alphas({ 'unet.lora_alpha': 16, 'unet.use_rslora': true })).toEqual({ to_q: 32, to_k: 32 });
    expect(await alphas({ 'unet.lora_alpha': 16, 'unet.alpha_pattern': { 'attn1.to_k': 2 } })).toEqual({
      to_q: 16,
      to_k: 2,
    });
    expect(await alphas({ 'text_encoder.lora_alpha': 16 })).toEqual({ to_q: 4, to_k: 4 });
    for (const broken of ['{', '[]', '{"unet.lora_alpha": "x"}', '{"unet.lora_alpha": -1}'])
      expect(await alphas(broken)).toEqual({ to_q: 4, to_k: 4 });
  });
});

it('a bundled embedding is set aside, by its name', async () => {
  const embeddings = ['zk', 'fox'].map((name) => zeros(`bundle_emb.${name}.string_to_param.*`, 2, 768));
  const { layers, setAside } = await outlineLora(fileOf([...plain, ...embeddings]));
  expect(layers.map(({ name }) => name)).toEqual([at]);
  expect([...setAside].sort()).toEqual(['fox', 'zk']);
  await expect(outlineLora(fileOf(embeddings))).rejects.toMatchObject({ code: 'no-modules' });
});

describe('ranks', () => {
  const layer = (rank: number) => ({ name: 'x', rank, downShape: [rank, 8], upShape: [8, rank] });
  it('of several sizes are one true sentence', () => {
    const layers = [layer(1), layer(64), layer(4)];
    expect(ranksOf(layers)).toEqual({ least: 1, most: 64 });
    expect(() => checkRanks(layers, 64)).not.toThrow();
    expect(() => checkRanks(layers, 128)).not.toThrow();
    // They are kept, whatever the settings say.
    expect(() => checkRanks(layers, 8)).not.toThrow();
    expect(() => checkRanks([layer(1), layer(160)], 8)).toThrow(/ranks 1 to 160\. Up to 128/);
    expect(() => checkRanks([layer(16)], 8)).toThrow(/has rank 16.*Set lora_rank to 16/);
  });
  it('above what can be set are no dead end', () => {
    expect(() => checkRanks([layer(160)], 128)).toThrow(
      /rank 160\. Up to 128.*drawn with.*npm run lora -- resize FILE --rank 128/,
    );
  });
});

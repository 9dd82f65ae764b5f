import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuMilliseconds } from '../../cpu_time.testing';
import {
  CheckpointError,
  identifyCheckpoint,
  mapCheckpoint,
  type CheckpointKind,
} from '../checkpoint/checkpoint_kind';
import { sd1Facts } from './sd1';
import { diffusersName, ldmLayout, sd1Layout } from './sd1_keys';

// The expectation is built by walking both architectures side by side, block by block, in the order they
// run; nothing in it divides indices as the mapping does.
type Pair = readonly [ldm: string, diffusers: string];

const params = (pairs: readonly Pair[]): Pair[] =>
  pairs.flatMap(([a, b]) => ['weight', 'bias'].map((kind): Pair => [`${a}.${kind}`, `${b}.${kind}`]));
const under = (ldm: string, diffusers: string, pairs: readonly Pair[]): Pair[] =>
  pairs.map(([a, b]) => [`${ldm}.${a}`, `${diffusers}.${b}`]);
const same = (...names: string[]): Pair[] => names.map((name) => [name, name]);

const resnet = (shortcut: boolean): Pair[] =>
  params([
    ['in_layers.0', 'norm1'],
    ['in_layers.2', 'conv1'],
    ['emb_layers.1', 'time_emb_proj'],
    ['out_layers.0', 'norm2'],
    ['out_layers.3', 'conv2'],
    ...(shortcut ? ([['skip_connection', 'conv_shortcut']] as const) : []),
  ]);

const attention = ['attn1', 'attn2'].flatMap((name) => [
  ...['to_q', 'to_k', 'to_v'].map((to) => `transformer_blocks.0.${name}.${to}.weight`),
  ...['weight', 'bias'].map((kind) => `transformer_blocks.0.${name}.to_out.0.${kind}`),
]);
const transformer: Pair[] = [
  ...params(same('norm', 'proj_in', 'proj_out')),
  ...same(...attention),
  ...params(
    same(
      ...['norm1', 'norm2', 'norm3', 'ff.net.0.proj', 'ff.net.2'].map(
        (name) => `transformer_blocks.0.${name}`,
      ),
    ),
  ),
];

/** The U-Net of `channels`, with attention in all levels but the last, `layers` resnets a level. */
function unet(channels: readonly number[], layers: number): Pair[] {
  const pairs = params([
    ['time_embed.0', 'time_embedding.linear_1'],
    ['time_embed.2', 'time_embedding.linear_2'],
    ['input_blocks.0.0', 'conv_in'],
    ['out.0', 'conv_norm_out'],
    ['out.2', 'conv_out'],
  ]);
  const last = channels.length - 1;
  const skips = [channels[0]];
  let width = channels[0];
  let input = 1;
  channels.forEach((size, level) => {
    for (let layer = 0; layer < layers; layer++, input++) {
      pairs.push(
        ...under(`input_blocks.${input}.0`, `down_blocks.${level}.resnets.${layer}`, resnet(width !== size)),
      );
      if (level < last)
        pairs.push(
          ...under(`input_blocks.${input}.1`, `down_blocks.${level}.attentions.${layer}`, transformer),
        );
      width = size;
      skips.push(width);
    }
    if (level < last) {
      pairs.push(...params([[`input_blocks.${input++}.0.op`, `down_blocks.${level}.downsamplers.0.conv`]]));
      skips.push(width);
    }
  });
  pairs.push(...under('middle_block.0', 'mid_block.resnets.0', resnet(false)));
  pairs.push(...under('middle_block.1', 'mid_block.attentions.0', transformer));
  pairs.push(...under('middle_block.2', 'mid_block.resnets.1', resnet(false)));
  let output = 0;
  [...channels].reverse().forEach((size, level) => {
    for (let layer = 0; layer <= layers; layer++, output++) {
      const shortcut = width + (skips.pop() ?? 0) !== size;
      pairs.push(
        ...under(`output_blocks.${output}.0`, `up_blocks.${level}.resnets.${layer}`, resnet(shortcut)),
      );
      let slot = 1;
      if (level > 0)
        pairs.push(
          ...under(
            `output_blocks.${output}.${slot++}`,
            `up_blocks.${level}.attentions.${layer}`,
            transformer,
          ),
        );
      if (layer === layers && level < last) {
        pairs.push(
          ...params([[`output_blocks.${output}.${slot}.conv`, `up_blocks.${level}.upsamplers.0.conv`]]),
        );
      }
      width = size;
    }
  });
  return pairs;
}

function vae(channels: readonly number[], layers: number): Pair[] {
  const block = (shortcut: boolean): Pair[] =>
    params([
      ...same('norm1', 'conv1', 'norm2', 'conv2'),
      ...(shortcut ? ([['nin_shortcut', 'conv_shortcut']] as const) : []),
    ]);
  const middle = [
    ...under('mid.block_1', 'mid_block.resnets.0', block(false)),
    ...under('mid.block_2', 'mid_block.resnets.1', block(false)),
    ...under(
      'mid.attn_1',
      'mid_block.attentions.0',
      params([
        ['norm', 'group_norm'],
        ['q', 'to_q'],
        ['k', 'to_k'],
        ['v', 'to_v'],
        ['proj_out', 'to_out.0'],
      ]),
    ),
    ...params([
      ['conv_in', 'conv_in'],
      ['norm_out', 'conv_norm_out'],
      ['conv_out', 'conv_out'],
    ]),
  ];
  const pairs = [
    ...under('encoder', 'encoder', middle),
    ...under('decoder', 'decoder', middle),
    ...params(same('quant_conv', 'post_quant_conv')),
  ];
  const last = channels.length - 1;
  let width = channels[0];
  channels.forEach((size, level) => {
    for (let i = 0; i < layers; i++, width = size) {
      pairs.push(
        ...under(
          `encoder.down.${level}.block.${i}`,
          `encoder.down_blocks.${level}.resnets.${i}`,
          block(width !== size),
        ),
      );
    }
    if (level < last)
      pairs.push(
        ...params([
          [`encoder.down.${level}.downsample.conv`, `encoder.down_blocks.${level}.downsamplers.0.conv`],
        ]),
      );
  });
  for (let level = last, order = 0; level >= 0; level--, order++) {
    for (let i = 0; i <= layers; i++, width = channels[level]) {
      pairs.push(
        ...under(
          `decoder.up.${level}.block.${i}`,
          `decoder.up_blocks.${order}.resnets.${i}`,
          block(width !== channels[level]),
        ),
      );
    }
    if (level > 0)
      pairs.push(
        ...params([[`decoder.up.${level}.upsample.conv`, `decoder.up_blocks.${order}.upsamplers.0.conv`]]),
      );
  }
  return pairs;
}

function text(layers: number): string[] {
  const layer = [
    'layer_norm1',
    'layer_norm2',
    'mlp.fc1',
    'mlp.fc2',
    ...['q', 'k', 'v', 'out'].map((p) => `self_attn.${p}_proj`),
  ];
  return [
    'text_model.embeddings.token_embedding.weight',
    'text_model.embeddings.position_embedding.weight',
    ...params(same('text_model.final_layer_norm')).map(([name]) => name),
    ...Array.from({ length: layers }, (_, i) =>
      params(same(...layer.map((name) => `text_model.encoder.layers.${i}.${name}`))).map(([name]) => name),
    ).flat(),
  ];
}

interface Expected {
  readonly key: string;
  readonly part: string;
  readonly name: string;
}

/** What one name means: one tensor, as it is. */
const to = (part: string, name: string) => ({ is: 'weights', tensors: [{ part, name }] });

function singleFile(
  channels: readonly number[],
  layers: number,
  vaeChannels: readonly number[],
  vaeLayers: number,
  textLayers: number,
): Expected[] {
  return [
    ...unet(channels, layers).map(([key, name]) => ({
      key: `model.diffusion_model.${key}`,
      part: 'unet',
      name,
    })),
    ...vae(vaeChannels, vaeLayers).map(([key, name]) => ({
      key: `first_stage_model.${key}`,
      part: 'vae',
      name,
    })),
    ...text(textLayers).map((name) => ({ key: `cond_stage_model.transformer.${name}`, part: 'text1', name })),
  ];
}

const sd15 = singleFile([320, 640, 1280, 1280], 2, [128, 256, 512, 512], 2, 12);
const shapes = (names: readonly string[], shape: Readonly<Record<string, number[]>> = {}) =>
  new Map(names.map((name) => [name, { shape: shape[name] ?? [1] }]));

/** Any code points, halves of surrogate pairs included. */
const anyText = (maxLength: number) =>
  fc.array(fc.nat(0x10ffff), { maxLength }).map((codes) => String.fromCodePoint(...codes));

describe('diffusersName', () => {
  it('maps all 686 + 248 + 196 tensors of SD 1.5, one to one', () => {
    const count = (part: string) => sd15.filter((entry) => entry.part === part).length;
    expect([count('unet'), count('vae'), count('text1')]).toEqual([686, 248, 196]);
    for (const { key, part, name } of sd15) expect(diffusersName(key), key).toEqual(to(part, name));
    expect(new Set(sd15.map(({ part, name }) => `${part} ${name}`)).size).toBe(1130);
    // The 197th name of the text encoder is no weight.
    expect(diffusersName('cond_stage_model.transformer.text_model.embeddings.position_ids').is).toBe(
      'ignored',
    );
  });

  it('maps other depths and numbers of levels, with the layout read off the names', () => {
    for (const [levels, layers] of [
      [1, 1],
      [2, 1],
      [3, 3],
      [4, 1],
      [4, 2],
      [5, 2],
    ]) {
      const channels = Array.from({ length: levels }, (_, i) => 32 * 2 ** i);
      const file = singleFile(channels, layers, channels, 1, 2);
      const names = file.map(({ key }) => key);
      expect(ldmLayout(names)).toEqual({ layersPerBlock: layers, vaeLevels: levels });
      const { parts, ignored, unknown } = mapCheckpoint(names, sd1Facts);
      expect([ignored, unknown]).toEqual([[], []]);
      expect(parts.unet.size + parts.vae.size + parts.text1.size).toBe(file.length);
      for (const { key, part, name } of file)
        expect(
          Object.entries(parts)
            .find(([p]) => p === part)?.[1]
            .get(name)?.key,
        ).toBe(key);
    }
  });

  it('leaves diffusers names as they are, bare or under their folder', () => {
    for (const { part, name } of sd15) {
      expect(diffusersName(name), name).toEqual(to(part, name));
      const folder = part === 'text1' ? 'text_encoder' : part;
      expect(diffusersName(`${folder}/${name}`)).toEqual(to(part, name));
      expect(diffusersName(`${folder}.${name}`)).toEqual(to(part, name));
    }
    expect(diffusersName('vae.down_blocks.0.resnets.0.conv1.weight').is).toBe('unknown');
  });

  it('knows a standalone VAE, old names of its attention, and text encoders without text_model', () => {
    for (const { key, part, name } of sd15.filter((entry) => entry.part === 'vae')) {
      expect(diffusersName(key.replace('first_stage_model.', ''))).toEqual(to(part, name));
    }
    const at = 'decoder.mid_block.attentions.0.';
    const renamed = ['query', 'key', 'value', 'proj_attn'].map((old) => diffusersName(`${at}${old}.weight`));
    expect(renamed).toEqual(
      ['to_q', 'to_k', 'to_v', 'to_out.0'].map((name) => to('vae', `${at}${name}.weight`)),
    );
    for (const name of text(12)) {
      const short = name.replace('text_model.', '');
      expect(diffusersName(`cond_stage_model.transformer.${short}`)).toEqual(to('text1', name));
      expect(diffusersName(short)).toEqual(to('text1', name));
    }
  });

  it('ignores what v1-5-pruned carries beside the model', () => {
    const junk =
      'model_ema.diffusion_modelinput_blocks00weight model_ema.decay model_ema.num_updates betas alphas_cumprod alphas_cumprod_prev sqrt_alphas_cumprod sqrt_one_minus_alphas_cumprod log_one_minus_alphas_cumprod sqrt_recip_alphas_cumprod sqrt_recipm1_alphas_cumprod posterior_variance posterior_log_variance_clipped posterior_mean_coef1 posterior_mean_coef2 first_stage_model.loss.logvar';
    for (const key of junk.split(' ')) expect(diffusersName(key).is, key).toBe('ignored');
    for (const key of [
      '',
      'x',
      'model.diffusion_model.',
      'model.diffusion_model.input_blocks.1.0',
      'model.diffusion_model.output_blocks.0.2.in_layers.0.weight',
      'first_stage_model.decoder.up.4.block.0.conv1.weight',
      'first_stage_model.encoder.up.0.block.0.conv1.weight',
      'cond_stage_model.model.ln_final.weight',
      'constructor',
      '__proto__',
    ]) {
      expect(diffusersName(key).is, key).toBe('unknown');
    }
  });

  it('answers any name, at once', () => {
    const piece = fc.constantFrom(
      'model.diffusion_model',
      'input_blocks',
      'first_stage_model',
      'encoder',
      'down',
      'block',
      'mid',
      'attn_1',
      '0',
      '1',
      '99999999',
      'weight',
      'constructor',
      '__proto__',
      '\n',
      'cond_stage_model.transformer',
      'unet',
      'vae',
      'query',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((p) => p.join('.')),
          anyText(12),
        ),
        (key) => {
          expect(['weights', 'ignored', 'unknown']).toContain(diffusersName(key, sd1Layout).is);
        },
      ),
      { numRuns: 1000 },
    );
    const start = cpuMilliseconds();
    for (const unit of ['a', '.', 'encoder.', 'model.diffusion_model.', '0'])
      diffusersName(unit.repeat(200_000));
    expect(cpuMilliseconds() - start).toBeLessThan(1000);
  });
});

describe('mapCheckpoint', () => {
  it('refuses a file in which two names mean one tensor', () => {
    const names = ['model.diffusion_model.input_blocks.0.0.weight', 'unet.conv_in.weight'];
    expect(() => mapCheckpoint(names, sd1Facts)).toThrow(CheckpointError);
    expect(() => mapCheckpoint(names, sd1Facts)).toThrow(/conv_in\.weight of the unet/);
  });
});

describe('identifyCheckpoint', () => {
  const keys = sd15.map(({ key }) => key);
  const pick = (part: string) => sd15.filter((entry) => entry.part === part).map(({ name }) => name);
  const conv = 'model.diffusion_model.input_blocks.0.0.weight';
  const proj = 'model.diffusion_model.input_blocks.1.1.proj_in.weight';
  const cases: [CheckpointKind, readonly string[], Record<string, number[]>?][] = [
    ['sd1', keys, { [conv]: [320, 4, 3, 3], [proj]: [320, 320, 1, 1] }],
    ['sd1', [...keys, 'model_ema.decay', 'betas']],
    [
      'sd1',
      [
        ...pick('unet').map((n) => `unet.${n}`),
        ...pick('vae').map((n) => `vae.${n}`),
        ...pick('text1').map((n) => `text_encoder.${n}`),
      ],
    ],
    ['sd1-inpainting', keys, { [conv]: [320, 9, 3, 3] }],
    ['sd1-pix2pix', keys, { [conv]: [320, 8, 3, 3] }],
    ['sd1-no-vae', keys.filter((key) => !key.startsWith('first_stage'))],
    ['sd1-no-text', keys.filter((key) => !key.startsWith('cond'))],
    ['sd3', ['model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight']],
    ['flux', ['double_blocks.0.img_attn.qkv.weight', 'single_blocks.0.linear1.weight']],
    ['lora', ['lora_unet_mid_block_attentions_0_proj_in.lora_down.weight']],
    ['lora', ['unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight']],
    ['lora', ['lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha']],
    ['embedding', ['emb_params']],
    ['controlnet', ['control_model.input_blocks.0.0.weight']],
    ['unet', pick('unet')],
    ['vae', pick('vae')],
    ['vae', sd15.filter((e) => e.part === 'vae').map((e) => e.key.replace('first_stage_model.', ''))],
    ['text-encoder', pick('text1')],
    ['empty', []],
    ['unknown', ['foo', 'bar.weight']],
  ];

  it.each(cases)('recognises %s', (kind, names, shape) => {
    const identity = identifyCheckpoint(shapes(names, shape));
    expect(identity.kind).toBe(kind);
    expect(identity.sentence).toMatch(
      kind === 'sd1' ? /Stable Diffusion 1\.x checkpoint\.$/ : /Choose a Stable Diffusion 1\.x, 2\.x or SDXL/,
    );
  });
});

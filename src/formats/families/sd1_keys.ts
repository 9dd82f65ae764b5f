// Names of SD 1.x's tensors: from the layout of single-file checkpoints (LDM, what people have on disk) to diffusers'
// names, which is what our models use. A pure function of the name and of two small counts; no tensor is
// read. Layouts: CompVis/stable-diffusion `openaimodel.py` and `model.py`; diffusers' UNet2DConditionModel.
//
// Shapes are not changed here, and two differ: the VAE's attention projections are 1x1 convolutions
// [C, C, 1, 1] in LDM and linear [C, C] in diffusers. The bytes are the same.

import type { MappedKey, PartName } from './family_facts';

/** What LDM's numbering hides: counts that its indices must be divided by. */
export interface LdmLayout {
  /** ResNets in one down block (SD 1.x: 2); an up block has one more. */
  readonly layersPerBlock: number;
  /** Resolutions of the VAE (SD 1.x: 4); LDM counts its decoder from the other end. */
  readonly vaeLevels: number;
}

export const sd1Layout: LdmLayout = { layersPerBlock: 2, vaeLevels: 4 };

/** Reads the layout's counts off the names themselves; SD 1.x's where the names do not tell. */
export function ldmLayout(names: Iterable<string>): LdmLayout {
  let firstDown = Infinity;
  let lastInput = 0;
  let vaeLevels = 0;
  for (const name of names) {
    const input = /^model\.diffusion_model\.input_blocks\.(\d{1,4})\.0\.(op\.)?/.exec(name);
    if (input) {
      lastInput = Math.max(lastInput, Number(input[1]));
      if (input[2]) firstDown = Math.min(firstDown, Number(input[1]));
    }
    const level = /^(?:first_stage_model\.)?encoder\.down\.(\d{1,4})\./.exec(name);
    if (level) vaeLevels = Math.max(vaeLevels, Number(level[1]) + 1);
  }
  // input_blocks: conv_in, then layersPerBlock resnets, then the first downsampler; one level has none.
  const layers = Number.isFinite(firstDown) ? firstDown - 1 : lastInput;
  return { layersPerBlock: layers || sd1Layout.layersPerBlock, vaeLevels: vaeLevels || sd1Layout.vaeLevels };
}

/**
 * Maps one tensor name of a checkpoint to its part and diffusers name. Takes the single-file layout, a
 * standalone VAE of the same layout, and diffusers' own names, bare or after `unet.`, `vae.`, `text_encoder.`
 * (or with a slash). EMA copies, noise schedules and position_ids are 'ignored'; the rest is 'unknown'.
 */
export function diffusersName(key: string, layout: LdmLayout = sd1Layout): MappedKey {
  if (key.startsWith('model.diffusion_model.')) return weights('unet', ldmUnet(key.slice(22), layout));
  if (key.startsWith('first_stage_model.')) {
    const rest = key.slice(18);
    if (/^(loss|model_ema)\./.test(rest)) return ignored('left over from training the VAE');
    return weights('vae', ldmVae(rest, layout));
  }
  if (key.startsWith('cond_stage_model.transformer.')) return textKey(key.slice(29));
  if (/^model_ema\./.test(key)) return ignored('a second, averaged copy of the weights');
  if (scheduleNames.test(key)) return ignored('a table of the noise schedule, which is computed instead');
  return diffusersKey(key, layout);
}

const scheduleNames =
  /^(betas|alphas_cumprod(_prev)?|sqrt_(one_minus_|recip_|recipm1_)?alphas_cumprod|log_one_minus_alphas_cumprod|posterior_\w+|lvlb_weights|ddim_\w+|logvar|scale_factor|global_step)$/;

function diffusersKey(key: string, layout: LdmLayout): MappedKey {
  const [, folder, rest] = /^(?:(unet|vae|text_encoder)[./])?([^]*)$/.exec(key) ?? [];
  const may = (wanted: string) => folder === undefined || folder === wanted;
  if (may('unet') && unetNames.test(rest)) return weights('unet', rest);
  // transformers 5 leaves `text_model.` out; its `encoder.layers.` is not the VAE's encoder.
  if (may('text_encoder') && textNames.test(rest)) return textKey(rest);
  if (may('vae') && /^(encoder|decoder|quant_conv|post_quant_conv)\./.test(rest)) {
    return weights('vae', diffusersVaeNames.test(rest) ? renewVaeAttention(rest) : ldmVae(rest, layout));
  }
  return UNKNOWN;
}

const textNames = /^(text_model\.|embeddings\.(token|position)_|encoder\.layers\.|final_layer_norm\.)/;
const unetNames =
  /^(conv_in|conv_out|conv_norm_out|time_embedding|add_embedding|down_blocks|mid_block|up_blocks)\./;
const diffusersVaeNames =
  /^((encoder|decoder)\.(conv_in|conv_out|conv_norm_out|(down|up)_blocks|mid_block)|quant_conv|post_quant_conv)\./;

function textKey(rest: string): MappedKey {
  if (rest.endsWith('embeddings.position_ids')) return ignored('the numbers 0 to 76, which are known');
  // Some merging tools drop `text_model.`; the rest of the name is the same.
  if (/^(embeddings|encoder|final_layer_norm)\./.test(rest)) return weights('text1', `text_model.${rest}`);
  return weights(
    'text1',
    /^text_model\.(embeddings|encoder|final_layer_norm)\./.test(rest) ? rest : undefined,
  );
}

const unetHeads = new Map([
  ['time_embed.0', 'time_embedding.linear_1'],
  ['time_embed.2', 'time_embedding.linear_2'],
  ['input_blocks.0.0', 'conv_in'],
  ['out.0', 'conv_norm_out'],
  ['out.2', 'conv_out'],
]);

const middleBlocks = ['mid_block.resnets.0', 'mid_block.attentions.0', 'mid_block.resnets.1'];

function ldmUnet(rest: string, { layersPerBlock }: LdmLayout): string | undefined {
  const head = /^(time_embed\.[02]|input_blocks\.0\.0|out\.[02])\.(weight|bias)$/.exec(rest);
  if (head) return `${unetHeads.get(head[1])}.${head[2]}`;

  const middle = /^middle_block\.([012])\.(.+)$/.exec(rest);
  if (middle) return inBlock(middleBlocks[Number(middle[1])], middle[2]);

  const block = /^(input|output)_blocks\.(\d{1,4})\.([012])\.(.+)$/.exec(rest);
  if (!block) return undefined;
  const [, side, number, slot, inner] = block;
  // A down block is layersPerBlock resnets and a downsampler, counted after conv_in; an up block is
  // layersPerBlock + 1 resnets, the upsampler sharing the last one's number.
  const stride = layersPerBlock + 1;
  if (side === 'input') {
    const index = Number(number) - 1;
    if (index < 0) return undefined;
    const [level, layer] = [Math.floor(index / stride), index % stride];
    if (layer < layersPerBlock) return unetLayer(`down_blocks.${level}`, layer, slot, inner);
    const op = /^op\.(weight|bias)$/.exec(inner);
    return op && slot === '0' ? `down_blocks.${level}.downsamplers.0.conv.${op[1]}` : undefined;
  }
  const [level, layer] = [Math.floor(Number(number) / stride), Number(number) % stride];
  const conv = /^conv\.(weight|bias)$/.exec(inner);
  if (conv && slot !== '0' && layer === layersPerBlock)
    return `up_blocks.${level}.upsamplers.0.conv.${conv[1]}`;
  return unetLayer(`up_blocks.${level}`, layer, slot, inner);
}

function unetLayer(block: string, layer: number, slot: string, inner: string): string | undefined {
  if (slot === '2') return undefined;
  return inBlock(`${block}.${slot === '0' ? 'resnets' : 'attentions'}.${layer}`, inner);
}

function inBlock(block: string, inner: string): string | undefined {
  if (block.includes('.attentions.')) {
    return /^(norm|proj_in|proj_out|transformer_blocks)\./.test(inner) ? `${block}.${inner}` : undefined;
  }
  const [, from, kind] = /^(.+)\.(weight|bias)$/.exec(inner) ?? [];
  const to = unetResnet.get(from);
  return to && `${block}.${to}.${kind}`;
}

const unetResnet = new Map([
  ['in_layers.0', 'norm1'],
  ['in_layers.2', 'conv1'],
  ['emb_layers.1', 'time_emb_proj'],
  ['out_layers.0', 'norm2'],
  ['out_layers.3', 'conv2'],
  ['skip_connection', 'conv_shortcut'],
]);

function ldmVae(rest: string, { vaeLevels }: LdmLayout): string | undefined {
  if (/^(post_)?quant_conv\.(weight|bias)$/.test(rest)) return rest;
  const match = /^(encoder|decoder)\.(.+)\.(weight|bias)$/.exec(rest);
  if (!match) return undefined;
  const [, side, path, kind] = match;
  const named = ldmVaePath(path, side === 'encoder' ? 'down' : 'up', vaeLevels);
  return named && `${side}.${named}.${kind}`;
}

function ldmVaePath(path: string, direction: 'down' | 'up', levels: number): string | undefined {
  if (path === 'conv_in' || path === 'conv_out') return path;
  if (path === 'norm_out') return 'conv_norm_out';
  const mid = /^mid\.block_([12])\.(norm1|conv1|norm2|conv2)$/.exec(path);
  if (mid) return `mid_block.resnets.${Number(mid[1]) - 1}.${mid[2]}`;
  const attention = /^mid\.attn_1\.(\w+)$/.exec(path);
  if (attention) {
    const to = vaeAttention.get(attention[1]);
    return to && `mid_block.attentions.0.${to}`;
  }
  const level = /^(down|up)\.(\d{1,4})\.(.+)$/.exec(path);
  if (!level || level[1] !== direction || Number(level[2]) >= levels) return undefined;
  // LDM numbers the decoder's levels by resolution, diffusers in the order they are run.
  const block = `${direction}_blocks.${direction === 'down' ? level[2] : levels - 1 - Number(level[2])}`;
  if (level[3] === `${direction}sample.conv`) return `${block}.${direction}samplers.0.conv`;
  const resnet = /^block\.(\d{1,4})\.(norm1|conv1|norm2|conv2|nin_shortcut)$/.exec(level[3]);
  if (!resnet) return undefined;
  return `${block}.resnets.${resnet[1]}.${resnet[2] === 'nin_shortcut' ? 'conv_shortcut' : resnet[2]}`;
}

/** LDM's names of the VAE's attention, and those diffusers used before 0.17. */
const vaeAttention = new Map([
  ['norm', 'group_norm'],
  ['q', 'to_q'],
  ['k', 'to_k'],
  ['v', 'to_v'],
  ['proj_out', 'to_out.0'],
  ['query', 'to_q'],
  ['key', 'to_k'],
  ['value', 'to_v'],
  ['proj_attn', 'to_out.0'],
]);

function renewVaeAttention(name: string): string {
  const old = /^(.+\.attentions\.\d{1,4}\.)(query|key|value|proj_attn)\.(weight|bias)$/.exec(name);
  return old ? `${old[1]}${vaeAttention.get(old[2])}.${old[3]}` : name;
}

export const UNKNOWN: MappedKey = { is: 'unknown' };

export function weights(part: PartName, name: string | undefined): MappedKey {
  return name === undefined ? UNKNOWN : { is: 'weights', tensors: [{ part, name }] };
}

export function ignored(reason: string): MappedKey {
  return { is: 'ignored', reason };
}

/** `v_pred`, `ztsnr` and EDM's: read by `checkpoint/marks.ts`. */
export const MARKS = /^(v_pred|ztsnr|edm_(mean|std)|edm_vpred\.sigma_(max|min)|denoiser\.sigmas)$/;
export const MARK = ignored('a mark of how the model was trained, without numbers of its weights');

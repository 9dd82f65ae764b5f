/**
 * A file with the header of a Stable Diffusion 1.5 checkpoint and a hole for its weights: 2.1 GB long, some 150 kB on disk.
 * Names and shapes are derived from the architecture (CompVis' single-file layout), so that no list has to be kept.
 */
import { open } from 'node:fs/promises';

type Shapes = Map<string, readonly number[]>;

const CHANNELS = 320;
const TIME = 4 * CHANNELS;
const CONTEXT = 768;
const VOCABULARY = 49_408;
const POSITIONS = 77;
const TEXT_LAYERS = 12;

/** Writes it; gives its length in bytes. */
export async function writeSparseSd15(path: string): Promise<number> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let at = 0;
  for (const [name, shape] of sd15Shapes()) {
    const end = at + 2 * shape.reduce((product, length) => product * length, 1);
    header[name] = { dtype: 'F16', shape, data_offsets: [at, end] };
    at = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = await open(path, 'w');
  try {
    await file.write(Buffer.concat([length, padded]));
    await file.truncate(8 + padded.length + at);
  } finally {
    await file.close();
  }
  return 8 + padded.length + at;
}

export function sd15Shapes(): Shapes {
  const shapes: Shapes = new Map();
  addUnet(shapes, 'model.diffusion_model');
  addVae(shapes, 'first_stage_model');
  addText(shapes, 'cond_stage_model.transformer.text_model');
  return shapes;
}

function layer(to: Shapes, name: string, weight: readonly number[], bias = true): void {
  to.set(`${name}.weight`, weight);
  if (bias) to.set(`${name}.bias`, [weight[0]]);
}

function conv(to: Shapes, name: string, inside: number, out: number, kernel: number): void {
  layer(to, name, [out, inside, kernel, kernel]);
}

function addUnet(to: Shapes, path: string): void {
  const res = (name: string, inside: number, out: number) => {
    layer(to, `${name}.in_layers.0`, [inside]);
    conv(to, `${name}.in_layers.2`, inside, out, 3);
    layer(to, `${name}.emb_layers.1`, [out, TIME]);
    layer(to, `${name}.out_layers.0`, [out]);
    conv(to, `${name}.out_layers.3`, out, out, 3);
    if (inside !== out) conv(to, `${name}.skip_connection`, inside, out, 1);
  };
  layer(to, `${path}.time_embed.0`, [TIME, CHANNELS]);
  layer(to, `${path}.time_embed.2`, [TIME, TIME]);
  conv(to, `${path}.input_blocks.0.0`, 4, CHANNELS, 3);
  const levels = [1, 2, 4, 4].map((factor) => factor * CHANNELS);
  const skips = [CHANNELS];
  let [channels, block] = [CHANNELS, 1];
  for (const [level, out] of levels.entries()) {
    for (let i = 0; i < 2; i++) {
      res(`${path}.input_blocks.${block}.0`, channels, out);
      if (level < 3) transformer(to, `${path}.input_blocks.${block}.1`, out);
      channels = out;
      skips.push(channels);
      block++;
    }
    if (level === 3) break;
    conv(to, `${path}.input_blocks.${block}.0.op`, channels, channels, 3);
    skips.push(channels);
    block++;
  }
  res(`${path}.middle_block.0`, channels, channels);
  transformer(to, `${path}.middle_block.1`, channels);
  res(`${path}.middle_block.2`, channels, channels);
  block = 0;
  for (let level = 3; level >= 0; level--) {
    const out = levels[level];
    for (let i = 0; i < 3; i++) {
      res(`${path}.output_blocks.${block}.0`, channels + (skips.pop() ?? 0), out);
      channels = out;
      if (level < 3) transformer(to, `${path}.output_blocks.${block}.1`, out);
      if (i === 2 && level > 0)
        conv(to, `${path}.output_blocks.${block}.${level < 3 ? 2 : 1}.conv`, out, out, 3);
      block++;
    }
  }
  layer(to, `${path}.out.0`, [CHANNELS]);
  conv(to, `${path}.out.2`, CHANNELS, 4, 3);
}

function transformer(to: Shapes, name: string, width: number): void {
  layer(to, `${name}.norm`, [width]);
  conv(to, `${name}.proj_in`, width, width, 1);
  const block = `${name}.transformer_blocks.0`;
  for (const [attention, context] of [
    ['attn1', width],
    ['attn2', CONTEXT],
  ] as const) {
    layer(to, `${block}.${attention}.to_q`, [width, width], false);
    layer(to, `${block}.${attention}.to_k`, [width, context], false);
    layer(to, `${block}.${attention}.to_v`, [width, context], false);
    layer(to, `${block}.${attention}.to_out.0`, [width, width]);
  }
  layer(to, `${block}.ff.net.0.proj`, [8 * width, width]);
  layer(to, `${block}.ff.net.2`, [width, 4 * width]);
  for (const norm of [1, 2, 3]) layer(to, `${block}.norm${norm}`, [width]);
  conv(to, `${name}.proj_out`, width, width, 1);
}

function addVae(to: Shapes, path: string): void {
  const levels = [128, 256, 512, 512];
  const res = (name: string, inside: number, out: number) => {
    layer(to, `${name}.norm1`, [inside]);
    conv(to, `${name}.conv1`, inside, out, 3);
    layer(to, `${name}.norm2`, [out]);
    conv(to, `${name}.conv2`, out, out, 3);
    if (inside !== out) conv(to, `${name}.nin_shortcut`, inside, out, 1);
  };
  const middle = (name: string) => {
    res(`${name}.block_1`, 512, 512);
    layer(to, `${name}.attn_1.norm`, [512]);
    for (const part of ['q', 'k', 'v', 'proj_out']) conv(to, `${name}.attn_1.${part}`, 512, 512, 1);
    res(`${name}.block_2`, 512, 512);
  };
  const [encoder, decoder] = [`${path}.encoder`, `${path}.decoder`];
  conv(to, `${encoder}.conv_in`, 3, 128, 3);
  let channels = 128;
  for (const [level, out] of levels.entries()) {
    for (const i of [0, 1]) {
      res(`${encoder}.down.${level}.block.${i}`, channels, out);
      channels = out;
    }
    if (level < 3) conv(to, `${encoder}.down.${level}.downsample.conv`, out, out, 3);
  }
  middle(`${encoder}.mid`);
  layer(to, `${encoder}.norm_out`, [512]);
  conv(to, `${encoder}.conv_out`, 512, 8, 3);
  conv(to, `${path}.quant_conv`, 8, 8, 1);
  conv(to, `${path}.post_quant_conv`, 4, 4, 1);
  conv(to, `${decoder}.conv_in`, 4, 512, 3);
  middle(`${decoder}.mid`);
  for (let level = 3; level >= 0; level--) {
    for (const i of [0, 1, 2]) {
      res(`${decoder}.up.${level}.block.${i}`, channels, levels[level]);
      channels = levels[level];
    }
    if (level > 0) conv(to, `${decoder}.up.${level}.upsample.conv`, channels, channels, 3);
  }
  layer(to, `${decoder}.norm_out`, [128]);
  conv(to, `${decoder}.conv_out`, 128, 3, 3);
}

function addText(to: Shapes, path: string): void {
  to.set(`${path}.embeddings.token_embedding.weight`, [VOCABULARY, CONTEXT]);
  to.set(`${path}.embeddings.position_embedding.weight`, [POSITIONS, CONTEXT]);
  for (let i = 0; i < TEXT_LAYERS; i++) {
    const name = `${path}.encoder.layers.${i}`;
    for (const part of ['q_proj', 'k_proj', 'v_proj', 'out_proj'])
      layer(to, `${name}.self_attn.${part}`, [CONTEXT, CONTEXT]);
    layer(to, `${name}.layer_norm1`, [CONTEXT]);
    layer(to, `${name}.mlp.fc1`, [4 * CONTEXT, CONTEXT]);
    layer(to, `${name}.mlp.fc2`, [CONTEXT, 4 * CONTEXT]);
    layer(to, `${name}.layer_norm2`, [CONTEXT]);
  }
  layer(to, `${path}.final_layer_norm`, [CONTEXT]);
}

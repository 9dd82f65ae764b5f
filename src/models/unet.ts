/**
 * UNet2DCondition of Stable Diffusion 1.x as a list of blocks, each a plain function of its inputs, so that a training
 * step can keep only block inputs and run any block again. Names are those of diffusers.
 * High-Resolution Image Synthesis with Latent Diffusion Models, Rombach et al. 2022.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { attention } from '../kernels/attention/attention';
import { timestepEmbedding } from '../kernels/embedding/embedding';
import { concatChannels } from '../kernels/layout/layout';
import { add, geglu, silu } from '../kernels/pointwise/pointwise';
import { range, type UnetConfig } from './config';
import { conv3x3, dense, norm, norm32, type Model } from './layers';

/** What every block sees besides its own input. */
export interface UnetInputs {
  /** silu(time embedding), [B, timeChannels]. */
  time: Tensor;
  /** Text hidden states, [B, tokens, contextChannels]. */
  context: Tensor;
}

export interface UnetBlock {
  name: string;
  /** Takes the latest output still on the skip stack as its second input. */
  takesSkip: boolean;
  /** Its output goes onto the skip stack too. */
  givesSkip: boolean;
  /** Path of the Transformer2DModel in it: where LoRA modules and the text's influence are. */
  transformer: string | undefined;
  run(m: Model, x: Tensor, inputs: UnetInputs, skip?: Tensor): Tensor;
}

/** The blocks in order of execution. The first takes the latents [B, H, W, 4], the last returns the prediction. */
export function unetBlocks(config: UnetConfig): UnetBlock[] {
  const { blockChannels, layersPerBlock, attention: attends, heads } = config;
  const levels = blockChannels.length;
  const blocks: UnetBlock[] = [];
  const block = (
    name: string,
    run: UnetBlock['run'],
    more: { takesSkip?: boolean; givesSkip?: boolean; transformer?: string } = {},
  ) =>
    blocks.push({
      name,
      run,
      takesSkip: more.takesSkip ?? false,
      givesSkip: more.givesSkip ?? false,
      transformer: more.transformer,
    });

  block('conv_in', (m, x) => conv3x3(m, 'conv_in', x), { givesSkip: true });
  for (const i of range(levels)) {
    for (const j of range(layersPerBlock)) {
      const path = `down_blocks.${i}`;
      const transformer = attends[i] ? `${path}.attentions.${j}` : undefined;
      block(
        `${path}.${j}`,
        (m, x, inputs) => {
          const h = resnet(m, `${path}.resnets.${j}`, x, inputs.time);
          return transformer ? transformer2d(m, transformer, h, inputs.context, heads) : h;
        },
        { givesSkip: true, ...(transformer ? { transformer } : {}) },
      );
    }
    if (i < levels - 1) {
      const path = `down_blocks.${i}.downsamplers.0.conv`;
      block(path, (m, x) => conv3x3(m, path, x, { stride: 2 }), { givesSkip: true });
    }
  }
  block(
    'mid_block',
    (m, x, inputs) => {
      const h = resnet(m, 'mid_block.resnets.0', x, inputs.time);
      const attended = transformer2d(m, 'mid_block.attentions.0', h, inputs.context, heads);
      return resnet(m, 'mid_block.resnets.1', attended, inputs.time);
    },
    { transformer: 'mid_block.attentions.0' },
  );
  for (const i of range(levels)) {
    const path = `up_blocks.${i}`;
    for (const j of range(layersPerBlock + 1)) {
      const transformer = attends[levels - 1 - i] ? `${path}.attentions.${j}` : undefined;
      const upsampler = j === layersPerBlock && i < levels - 1 ? `${path}.upsamplers.0.conv` : undefined;
      block(
        `${path}.${j}`,
        (m, x, inputs, skip) => {
          if (!skip) throw new Error(`${path}.${j} takes a skip connection.`);
          let h = resnet(m, `${path}.resnets.${j}`, concatChannels(x, skip), inputs.time);
          if (transformer) h = transformer2d(m, transformer, h, inputs.context, heads);
          return upsampler ? conv3x3(m, upsampler, h, { upsample: true }) : h;
        },
        { takesSkip: true, ...(transformer ? { transformer } : {}) },
      );
    }
  }
  block('conv_out', (m, x) => conv3x3(m, 'conv_out', norm32(m, 'conv_norm_out', x, 1e-5, { silu: true })));
  return blocks;
}

/** Where the weights keep `timestepFrequencies` of the first level's width; no checkpoint has it. */
export const FREQUENCIES = 'time_frequencies';

/** silu(MLP(sinusoids of t)): [B] -> [B, timeChannels]. Every resnet projects it. */
export function timeEmbedding(m: Model, t: Tensor): Tensor {
  const sinusoids = timestepEmbedding(t, m.weights.vector(FREQUENCIES));
  const hidden = silu(dense(m, 'time_embedding.linear_1', sinusoids));
  return silu(dense(m, 'time_embedding.linear_2', hidden));
}

/** The whole U-Net without a tape: latents [B, H, W, 4], t [B], context [B, tokens, C] -> prediction [B, H, W, 4]. */
export function unet(m: Model, blocks: readonly UnetBlock[], x: Tensor, t: Tensor, context: Tensor): Tensor {
  return tf.tidy(() => {
    const inputs = { time: timeEmbedding(m, t), context };
    const skips: Tensor[] = [];
    let h = x;
    for (const block of blocks) {
      const skip = block.takesSkip ? skips.pop() : undefined;
      const out = tf.tidy(() => block.run(m, h, inputs, skip));
      skip?.dispose();
      if (h !== x && !skips.includes(h)) h.dispose();
      if (block.givesSkip) skips.push(out);
      h = out;
    }
    return h;
  });
}

/** ResnetBlock2D: [B, H, W, C] -> [B, H, W, C']; `time` is silu'd already. */
export function resnet(m: Model, path: string, x: Tensor, time: Tensor | undefined, eps = 1e-5): Tensor {
  const shift = time ? dense(m, `${path}.time_emb_proj`, time) : undefined;
  const h = conv3x3(m, `${path}.conv1`, norm32(m, `${path}.norm1`, x, eps, { silu: true }));
  const normed = norm32(m, `${path}.norm2`, h, eps, { silu: true, ...(shift ? { shift } : {}) });
  const residual = m.weights.has(`${path}.conv_shortcut.weight`) ? dense(m, `${path}.conv_shortcut`, x) : x;
  return add(residual, conv3x3(m, `${path}.conv2`, normed));
}

/** Transformer2DModel with one BasicTransformerBlock: tokens are the pixels. */
function transformer2d(m: Model, path: string, x: Tensor, context: Tensor, heads: number): Tensor {
  const [B = 1, H = 1, W = 1, C = 1] = x.shape;
  const block = `${path}.transformer_blocks.0`;
  let h = dense(m, `${path}.proj_in`, norm32(m, `${path}.norm`, x, 1e-6)).reshape([B, H * W, C]);
  const attend = (name: string, queries: Tensor, states: Tensor) =>
    dense(
      m,
      `${block}.${name}.to_out.0`,
      attention(
        dense(m, `${block}.${name}.to_q`, queries),
        dense(m, `${block}.${name}.to_k`, states),
        dense(m, `${block}.${name}.to_v`, states),
        { heads },
      ),
    );
  const normed = norm(m, `${block}.norm1`, h);
  h = add(h, attend('attn1', normed, normed));
  h = add(h, attend('attn2', norm(m, `${block}.norm2`, h), context));
  const wide = dense(m, `${block}.ff.net.0.proj`, norm(m, `${block}.norm3`, h)); // [B, N, 8C]
  h = add(h, dense(m, `${block}.ff.net.2`, geglu(wide)));
  return add(x, dense(m, `${path}.proj_out`, h.reshape([B, H, W, C])));
}

/** Names and shapes (torch order) of all parameters, for checking checkpoints and predicting memory. */
export function unetShapes(config: UnetConfig): Map<string, number[]> {
  const { blockChannels: channels, layersPerBlock, timeChannels, contextChannels: ctx } = config;
  const levels = channels.length;
  const shapes = new Map<string, number[]>();
  const at = (i: number) => channels[i] ?? 0;
  const affine = (path: string, ...weight: number[]) => {
    shapes.set(`${path}.weight`, weight);
    shapes.set(`${path}.bias`, [weight[0] ?? 0]);
  };
  const addResnet = (path: string, cin: number, cout: number) => {
    affine(`${path}.norm1`, cin);
    affine(`${path}.conv1`, cout, cin, 3, 3);
    affine(`${path}.time_emb_proj`, cout, timeChannels);
    affine(`${path}.norm2`, cout);
    affine(`${path}.conv2`, cout, cout, 3, 3);
    if (cin !== cout) affine(`${path}.conv_shortcut`, cout, cin, 1, 1);
  };
  const addTransformer = (path: string, c: number) => {
    const block = `${path}.transformer_blocks.0`;
    affine(`${path}.norm`, c);
    affine(`${path}.proj_in`, c, c, 1, 1);
    affine(`${path}.proj_out`, c, c, 1, 1);
    for (const i of [1, 2, 3]) affine(`${block}.norm${i}`, c);
    for (const [name, from] of [
      ['attn1', c],
      ['attn2', ctx],
    ] as const) {
      shapes.set(`${block}.${name}.to_q.weight`, [c, c]);
      shapes.set(`${block}.${name}.to_k.weight`, [c, from]);
      shapes.set(`${block}.${name}.to_v.weight`, [c, from]);
      affine(`${block}.${name}.to_out.0`, c, c);
    }
    affine(`${block}.ff.net.0.proj`, 8 * c, c);
    affine(`${block}.ff.net.2`, c, 4 * c);
  };

  affine('conv_in', at(0), config.inChannels, 3, 3);
  affine('time_embedding.linear_1', timeChannels, at(0));
  affine('time_embedding.linear_2', timeChannels, timeChannels);
  const skips = [at(0)];
  for (const i of range(levels)) {
    for (const j of range(layersPerBlock)) {
      addResnet(`down_blocks.${i}.resnets.${j}`, j === 0 ? at(Math.max(0, i - 1)) : at(i), at(i));
      if (config.attention[i]) addTransformer(`down_blocks.${i}.attentions.${j}`, at(i));
      skips.push(at(i));
    }
    if (i < levels - 1) {
      affine(`down_blocks.${i}.downsamplers.0.conv`, at(i), at(i), 3, 3);
      skips.push(at(i));
    }
  }
  const bottom = at(levels - 1);
  addResnet('mid_block.resnets.0', bottom, bottom);
  addTransformer('mid_block.attentions.0', bottom);
  addResnet('mid_block.resnets.1', bottom, bottom);
  let current = bottom;
  for (const i of range(levels)) {
    const c = at(levels - 1 - i);
    for (const j of range(layersPerBlock + 1)) {
      addResnet(`up_blocks.${i}.resnets.${j}`, current + (skips.pop() ?? 0), c);
      if (config.attention[levels - 1 - i]) addTransformer(`up_blocks.${i}.attentions.${j}`, c);
      current = c;
    }
    if (i < levels - 1) affine(`up_blocks.${i}.upsamplers.0.conv`, c, c, 3, 3);
  }
  affine('conv_norm_out', at(0));
  affine('conv_out', config.outChannels, at(0), 3, 3);
  return shapes;
}

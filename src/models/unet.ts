/**
 * UNet2DCondition as a list of blocks, each a plain function of its inputs, so that a training step can keep only block
 * inputs and run any block again: a resnet is a block, and so is every transformer block, whatever the depth. Names are
 * those of diffusers; shapes are in unet_shapes.ts. High-Resolution Image Synthesis with Latent Diffusion Models, Rombach
 * et al. 2022; depth and the added time vector: SDXL, Podell et al. 2023.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { attention, type AttentionOptions } from '../kernels/attention/attention';
import { timestepEmbedding } from '../kernels/embedding/embedding';
import { concatChannels, reshaped } from '../kernels/layout/layout';
import { add, geglu, silu } from '../kernels/pointwise/pointwise';
import { range, type UnetConfig } from './config';
import { conv3x3, dense, denseOfSame, norm32, residualNorm, residualNorm32, type Model } from './layers';

/** What every block sees besides its own input. */
export interface UnetInputs {
  /** silu(time embedding), [B, timeChannels]. */
  time: Tensor;
  /** Text hidden states, [B, tokens, contextChannels]. */
  context: Tensor;
  /** Nothing reads the block's output, it only runs for its gradients: what would be computed for it alone is left out. */
  unread?: boolean;
}

export interface UnetBlock {
  name: string;
  /** Takes the latest output still on the skip stack as its second input. */
  takesSkip: boolean;
  /** Its output goes onto the skip stack too. */
  givesSkip: boolean;
  /** Does the text reach it? */
  seesContext: boolean;
  /** Does the time embedding, and what is added to it? */
  seesTime: boolean;
  /** Paths of what it computes with: its modules are these and all below them. See `ownsModule`. */
  owns: readonly string[];
  run(m: Model, x: Tensor, inputs: UnetInputs, skip?: Tensor): Tensor;
}

/** Whether the module at this diffusers path is the block's. Every module of a U-Net but time's is one block's. */
export function ownsModule({ owns }: Pick<UnetBlock, 'owns'>, path: string): boolean {
  return owns.some((own) => path === own || path.startsWith(`${own}.`));
}

/** The blocks in order of execution. The first takes the latents [B, H, W, 4], the last returns the prediction. */
export function unetBlocks(config: UnetConfig): UnetBlock[] {
  const { blockChannels, layersPerBlock, depths, middleDepth, heads } = config;
  const precision = config.attention;
  const levels = blockChannels.length;
  const blocks: UnetBlock[] = [];
  const block = (
    name: string,
    owns: readonly string[],
    run: UnetBlock['run'],
    more: Partial<Pick<UnetBlock, 'takesSkip' | 'givesSkip' | 'seesContext' | 'seesTime'>> = {},
  ) =>
    blocks.push({
      takesSkip: false,
      givesSkip: false,
      seesContext: false,
      seesTime: false,
      name,
      owns,
      run,
      ...more,
    });

  /**
   * A Transformer2DModel. The block before it has left its output on the skip stack; the last of these takes it, for the
   * residual. With `upsampler` that one enlarges its output too.
   */
  const transformer = (
    path: string,
    level: number,
    depth: number,
    givesSkip: boolean,
    upsampler?: string,
  ) => {
    for (const k of range(depth)) {
      const own = `${path}.transformer_blocks.${k}`;
      const run = (m: Model, h: Tensor, inputs: UnetInputs) =>
        transformerBlock(m, own, h, inputs, { heads: at(heads, level), precision });
      if (k === 0)
        block(
          own,
          [`${path}.norm`, `${path}.proj_in`, own],
          (m, x, inputs) => run(m, transformerIn(m, path, x), inputs),
          { seesContext: true },
        );
      else block(own, [own], run, { seesContext: true });
    }
    const own = `${path}.proj_out`;
    block(
      own,
      upsampler ? [own, upsampler] : [own],
      (m, h, { unread }, skip) => {
        const x = taken(own, skip);
        const y = dense(m, own, reshaped(h, x.shape), { add: x, unread });
        return upsampler ? conv3x3(m, upsampler, y, { upsample: true, unread }) : y;
      },
      { takesSkip: true, givesSkip },
    );
  };

  block('conv_in', ['conv_in'], (m, x) => conv3x3(m, 'conv_in', x), { givesSkip: true });
  for (const i of range(levels)) {
    const path = `down_blocks.${i}`;
    for (const j of range(layersPerBlock)) {
      const own = `${path}.resnets.${j}`;
      block(own, [own], (m, x, inputs) => resnet(m, own, x, inputs), { givesSkip: true, seesTime: true });
      if (at(depths, i) > 0) transformer(`${path}.attentions.${j}`, i, at(depths, i), true);
    }
    if (i < levels - 1) {
      const own = `${path}.downsamplers.0.conv`;
      block(own, [own], (m, x, { unread }) => conv3x3(m, own, x, { stride: 2, unread }), { givesSkip: true });
    }
  }
  const [before, after] = ['mid_block.resnets.0', 'mid_block.resnets.1'];
  block(before, [before], (m, x, inputs) => resnet(m, before, x, inputs), {
    givesSkip: middleDepth > 0,
    seesTime: true,
  });
  if (middleDepth > 0) transformer('mid_block.attentions.0', levels - 1, middleDepth, false);
  block(after, [after], (m, x, inputs) => resnet(m, after, x, inputs), { seesTime: true });
  for (const i of range(levels)) {
    const path = `up_blocks.${i}`;
    const level = levels - 1 - i;
    for (const j of range(layersPerBlock + 1)) {
      const own = `${path}.resnets.${j}`;
      const upsampler = j === layersPerBlock && i < levels - 1 ? `${path}.upsamplers.0.conv` : undefined;
      const attends = at(depths, level) > 0;
      const enlarge = attends ? undefined : upsampler;
      block(
        own,
        enlarge ? [own, enlarge] : [own],
        (m, x, inputs, skip) => {
          const h = resnet(m, own, concatChannels(x, taken(own, skip)), inputs);
          return enlarge ? conv3x3(m, enlarge, h, { upsample: true, unread: inputs.unread }) : h;
        },
        { takesSkip: true, givesSkip: attends, seesTime: true },
      );
      if (attends) transformer(`${path}.attentions.${j}`, level, at(depths, level), false, upsampler);
    }
  }
  block('conv_out', ['conv_norm_out', 'conv_out'], (m, x) =>
    conv3x3(m, 'conv_out', norm32(m, 'conv_norm_out', x, 1e-5, { silu: true })),
  );
  return blocks;
}

function at(of: readonly number[], level: number): number {
  return of[level] ?? 0;
}

function taken(path: string, skip: Tensor | undefined): Tensor {
  if (!skip) throw new Error(`${path} takes a skip connection.`);
  return skip;
}

/** Where the weights keep `timestepFrequencies` of the first level's width; no checkpoint has it. */
export const FREQUENCIES = 'time_frequencies';

/**
 * silu(MLP(sinusoids of t) + MLP'(added)): t [B], added [B, addChannels] where the U-Net takes such a vector ->
 * [B, timeChannels]. Every resnet projects it.
 */
export function timeEmbedding(m: Model, t: Tensor, added?: Tensor): Tensor {
  const sinusoids = timestepEmbedding(t, m.weights.vector(FREQUENCIES));
  const hidden = silu(dense(m, 'time_embedding.linear_1', sinusoids));
  const time = dense(m, 'time_embedding.linear_2', hidden);
  if (!added) return silu(time);
  const more = silu(dense(m, 'add_embedding.linear_1', added));
  return silu(add(time, dense(m, 'add_embedding.linear_2', more)));
}

/**
 * The whole U-Net without a tape: latents [B, H, W, 4], t [B], context [B, tokens, C], added [B, addChannels] where it
 * takes such a vector -> prediction [B, H, W, 4].
 */
export function unet(
  m: Model,
  blocks: readonly UnetBlock[],
  x: Tensor,
  t: Tensor,
  context: Tensor,
  added?: Tensor,
): Tensor {
  return tf.tidy(() => {
    const inputs = { time: timeEmbedding(m, t, added), context };
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
function resnet(m: Model, path: string, x: Tensor, { time, unread }: UnetInputs): Tensor {
  const shift = dense(m, `${path}.time_emb_proj`, time);
  const { normed, residual } = residualNorm32(m, `${path}.norm1`, x, 1e-5, { silu: true });
  const h = conv3x3(m, `${path}.conv1`, normed);
  const wide = norm32(m, `${path}.norm2`, h, 1e-5, { silu: true, shift });
  const add = m.weights.has(`${path}.conv_shortcut.weight`)
    ? dense(m, `${path}.conv_shortcut`, residual, { unread })
    : residual;
  return conv3x3(m, `${path}.conv2`, wide, { add, unread });
}

/** The way into a Transformer2DModel: [B, H, W, C] -> [B, H W, C], tokens are the pixels. */
function transformerIn(m: Model, path: string, x: Tensor): Tensor {
  const [B = 1, H = 1, W = 1, C = 1] = x.shape;
  return reshaped(dense(m, `${path}.proj_in`, norm32(m, `${path}.norm`, x, 1e-6)), [B, H * W, C]);
}

/** BasicTransformerBlock: [B, N, C] -> [B, N, C]. */
function transformerBlock(
  m: Model,
  block: string,
  x: Tensor,
  { context, unread }: UnetInputs,
  options: AttentionOptions,
): Tensor {
  const attend = (name: string, [q, k, v]: readonly Tensor[], residual: Tensor) =>
    dense(m, `${block}.${name}.to_out.0`, attention(q, k, v, options), { add: residual });
  const of = (name: string, projections: readonly string[], states: Tensor) =>
    denseOfSame(
      m,
      projections.map((one) => `${block}.${name}.${one}`),
      states,
    );
  const first = residualNorm(m, `${block}.norm1`, x);
  const own = of('attn1', ['to_q', 'to_k', 'to_v'], first.normed);
  const second = residualNorm(m, `${block}.norm2`, attend('attn1', own, first.residual));
  const queries = dense(m, `${block}.attn2.to_q`, second.normed);
  const read = of('attn2', ['to_k', 'to_v'], context);
  const third = residualNorm(m, `${block}.norm3`, attend('attn2', [queries, ...read], second.residual));
  const wide = dense(m, `${block}.ff.net.0.proj`, third.normed); // [B, N, 8C]
  return dense(m, `${block}.ff.net.2`, geglu(wide), { add: third.residual, unread });
}

/**
 * AutoencoderKL: pixels in [-1, 1] <-> latents of an eighth of their size. Only inference: it is never trained here.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { attention } from '../kernels/attention/attention';
import { trim } from '../kernels/program';
import { range, type VaeConfig } from './config';
import { conv3x3, dense, norm32, type Model } from './layers';

const EPS = 1e-6;

/** Images [B, H, W, 3] -> moments [B, H/8, W/8, 2 x latentChannels]: mean, then log-variance (not clamped). */
export function vaeEncode(m: Model, config: VaeConfig, images: Tensor): Tensor {
  const levels = config.blockChannels.length;
  return chain(images, [
    (x) => conv3x3(m, 'encoder.conv_in', x),
    ...range(levels).flatMap((i) => [
      ...range(config.layersPerBlock).map(
        (j) => (x: Tensor) => block(m, `encoder.down_blocks.${i}.resnets.${j}`, x),
      ),
      // The encoder pads right and bottom only, as the original implementation does.
      ...(i < levels - 1
        ? [
            (x: Tensor) =>
              conv3x3(m, `encoder.down_blocks.${i}.downsamplers.0.conv`, x, { stride: 2, pad: [0, 1, 0, 1] }),
          ]
        : []),
    ]),
    ...middle(m, 'encoder.mid_block'),
    (x) => conv3x3(m, 'encoder.conv_out', norm32(m, 'encoder.conv_norm_out', x, EPS, { silu: true })),
    (x) => dense(m, 'quant_conv', x),
  ]);
}

/** The half of the VAE that a tensor is of: pictures to latents, or latents to pictures. */
export function vaeHalf(name: string): VaeHalf {
  return /^(?:encoder|quant_conv)\./.test(name) ? 'encoder' : 'decoder';
}
export type VaeHalf = 'encoder' | 'decoder';

/** Latents [B, h, w, 4], already divided by the scaling factor -> images [B, 8h, 8w, 3] in about [-1, 1]. */
export function vaeDecode(m: Model, config: VaeConfig, latents: Tensor): Tensor {
  const levels = config.blockChannels.length;
  return chain(latents, [
    (x) => dense(m, 'post_quant_conv', x),
    (x) => conv3x3(m, 'decoder.conv_in', x),
    ...middle(m, 'decoder.mid_block'),
    ...range(levels).flatMap((i) => [
      ...range(config.layersPerBlock + 1).map(
        (j) => (x: Tensor) => block(m, `decoder.up_blocks.${i}.resnets.${j}`, x),
      ),
      ...(i < levels - 1
        ? [(x: Tensor) => conv3x3(m, `decoder.up_blocks.${i}.upsamplers.0.conv`, x, { upsample: true })]
        : []),
    ]),
    (x) => conv3x3(m, 'decoder.conv_out', norm32(m, 'decoder.conv_norm_out', x, EPS, { silu: true })),
  ]);
}

export function vaeShapes(config: VaeConfig): Map<string, number[]> {
  const { blockChannels: channels, layersPerBlock, latentChannels: z } = config;
  const levels = channels.length;
  const at = (i: number) => channels[i] ?? 0;
  const shapes = new Map<string, number[]>();
  const affine = (path: string, ...weight: number[]) => {
    shapes.set(`${path}.weight`, weight);
    shapes.set(`${path}.bias`, [weight[0] ?? 0]);
  };
  const addResnet = (path: string, cin: number, cout: number) => {
    affine(`${path}.norm1`, cin);
    affine(`${path}.conv1`, cout, cin, 3, 3);
    affine(`${path}.norm2`, cout);
    affine(`${path}.conv2`, cout, cout, 3, 3);
    if (cin !== cout) affine(`${path}.conv_shortcut`, cout, cin, 1, 1);
  };
  const addMiddle = (path: string) => {
    const c = at(levels - 1);
    addResnet(`${path}.resnets.0`, c, c);
    affine(`${path}.attentions.0.group_norm`, c);
    for (const name of ['to_q', 'to_k', 'to_v', 'to_out.0']) affine(`${path}.attentions.0.${name}`, c, c);
    addResnet(`${path}.resnets.1`, c, c);
  };
  affine('encoder.conv_in', at(0), 3, 3, 3);
  affine('decoder.conv_in', at(levels - 1), z, 3, 3);
  for (const i of range(levels)) {
    for (const j of range(layersPerBlock)) {
      addResnet(`encoder.down_blocks.${i}.resnets.${j}`, j === 0 ? at(Math.max(0, i - 1)) : at(i), at(i));
    }
    if (i < levels - 1) affine(`encoder.down_blocks.${i}.downsamplers.0.conv`, at(i), at(i), 3, 3);
    const up = at(levels - 1 - i);
    for (const j of range(layersPerBlock + 1)) {
      addResnet(
        `decoder.up_blocks.${i}.resnets.${j}`,
        j === 0 ? at(Math.min(levels - 1, levels - i)) : up,
        up,
      );
    }
    if (i < levels - 1) affine(`decoder.up_blocks.${i}.upsamplers.0.conv`, up, up, 3, 3);
  }
  addMiddle('encoder.mid_block');
  addMiddle('decoder.mid_block');
  affine('encoder.conv_norm_out', at(levels - 1));
  affine('encoder.conv_out', 2 * z, at(levels - 1), 3, 3);
  affine('decoder.conv_norm_out', at(0));
  affine('decoder.conv_out', 3, at(0), 3, 3);
  affine('quant_conv', 2 * z, 2 * z, 1, 1);
  affine('post_quant_conv', z, z, 1, 1);
  return shapes;
}

/** `resnet` without time, its activations given back as soon as they are used: at full resolution each is 134 MB. */
function block(m: Model, path: string, x: Tensor): Tensor {
  const first = tf.tidy(() =>
    conv3x3(m, `${path}.conv1`, norm32(m, `${path}.norm1`, x, EPS, { silu: true })),
  );
  // Where the width changes, what norm1 gave has a size that nothing else here can use.
  if (first.size !== x.size) trim();
  const normed = norm32(m, `${path}.norm2`, first, EPS, { silu: true });
  first.dispose();
  const residual = m.weights.has(`${path}.conv_shortcut.weight`) ? dense(m, `${path}.conv_shortcut`, x) : x;
  return conv3x3(m, `${path}.conv2`, normed, { add: residual });
}

function middle(m: Model, path: string): ((x: Tensor) => Tensor)[] {
  return [
    (x) => block(m, `${path}.resnets.0`, x),
    (x) => selfAttention(m, `${path}.attentions.0`, x),
    (x) => block(m, `${path}.resnets.1`, x),
  ];
}

/** One head over all pixels. */
function selfAttention(m: Model, path: string, x: Tensor): Tensor {
  const [B = 1, H = 1, W = 1, C = 1] = x.shape;
  const tokens = norm32(m, `${path}.group_norm`, x, EPS).reshape([B, H * W, C]);
  const h = attention(
    dense(m, `${path}.to_q`, tokens),
    dense(m, `${path}.to_k`, tokens),
    dense(m, `${path}.to_v`, tokens),
    { heads: 1 },
  );
  return dense(m, `${path}.to_out.0`, h.reshape([B, H, W, C]), { add: x });
}

/**
 * Runs one layer after another, keeping no activation longer than the next layer needs it, and none of a level's buffers
 * where the next has other sizes.
 */
function chain(input: Tensor, layers: ((x: Tensor) => Tensor)[]): Tensor {
  let x = input;
  for (const layer of layers) {
    const y = tf.tidy(() => layer(x));
    const sized = x.size === y.size;
    if (x !== input) x.dispose();
    if (!sized) trim();
    x = y;
  }
  return x;
}

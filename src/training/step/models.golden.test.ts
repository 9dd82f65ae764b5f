/**
 * Text encoder, VAE and U-Net against diffusers and transformers in float64. Tolerances: f32 differs from float64 by
 * rounding alone, some 1e-6 after forty layers, so 1e-4 is far off any mistake; f16 products carry 2^-11 each, of which
 * a percent remains in outputs after averaging.
 */
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { read } from '../../kernels/program';
import { encodeText } from '../../models/clip';
import { unet } from '../../models/unet';
import { vaeDecode, vaeEncode } from '../../models/vae';
import { encodeCaption } from '../data/dataset';
import { expectClose, golden, onTiers } from '../golden.testing';
import { posteriorSample } from '../data/latents';

const TOLERANCE = { f32: 1e-4, f16: 1e-2, 'f16-subgroups': 1e-2 };

onTiers((base, tier) => {
  const tolerance = TOLERANCE[tier];

  test('text encoder', async () => {
    const want = await golden('text');
    const { text1: text } = base();
    for (const skip of [1, 2]) {
      const ids = tf.tensor2d(want.ints('ids'), [2, 77], 'int32');
      const states = encodeText({ weights: text.weights }, text.config, ids, skip);
      expectClose(`clip skip ${skip}`, await read(states), want.floats(`clip_skip_${skip}`), tolerance);
    }
  });

  test('text encoder, 225 tokens', async () => {
    const want = await golden('text');
    const ids = want.ints('long_ids');
    const [bos, eos] = [ids[0], ids[226]];
    const chunks = [0, 1, 2].flatMap((c) => [bos, ...ids.subarray(1 + 75 * c, 76 + 75 * c), eos]);
    for (const skip of [1, 2]) {
      const { context } = await encodeCaption(base(), Int32Array.from(chunks), skip);
      expectClose(`clip skip ${skip}`, context, want.floats(`long_clip_skip_${skip}`), tolerance);
    }
  });

  test('VAE encoder', async () => {
    const want = await golden('vae');
    const { vae } = base();
    const image = tf.tensor4d(want.floats('image_nhwc'), [1, 64, 96, 3]);
    const moments = await read(tf.tidy(() => vaeEncode({ weights: vae.weights }, vae.config, image)));
    const mean = moments.filter((_, i) => i % 8 < 4);
    const logvar = moments.filter((_, i) => i % 8 >= 4).map((v) => Math.min(20, Math.max(-30, v)));
    expectClose('mean', mean, want.floats('mean_nhwc'), tolerance);
    expectClose('log variance', logvar, want.floats('logvar_nhwc'), tolerance);
    const sample = posteriorSample(moments, want.floats('eps_nhwc'), 4, vae.config.scaling);
    expectClose('sample', sample, want.floats('sample_nhwc'), tolerance);
  });

  test('VAE decoder', async () => {
    const want = await golden('vae');
    const { vae } = base();
    const latent = tf.tidy(() => tf.div(tf.tensor4d(want.floats('latent_nhwc'), [1, 8, 12, 4]), 0.18215));
    const picture = tf.tidy(() => vaeDecode({ weights: vae.weights }, vae.config, latent));
    expectClose('picture', await read(picture), want.floats('decoded_nhwc'), tolerance);
  });

  test('U-Net', async () => {
    const want = await golden('unet');
    const { weights, blocks } = base().unet;
    const out = unet(
      { weights },
      blocks,
      tf.tensor4d(want.floats('latent_nhwc'), [2, 16, 24, 4]),
      tf.tensor1d([...want.ints('timesteps')], 'float32'),
      tf.tensor3d(want.floats('context'), [2, 77, 64]),
    );
    expect(out.shape).toEqual([2, 16, 24, 4]);
    expectClose('prediction', await read(out), want.floats('out_nhwc'), tolerance);
  });

  test('U-Net, 227 tokens', async () => {
    const want = await golden('unet');
    const { weights, blocks } = base().unet;
    const out = unet(
      { weights },
      blocks,
      tf.tensor4d(want.floats('long_latent_nhwc'), [1, 16, 16, 4]),
      tf.tensor1d([...want.ints('long_timesteps')], 'float32'),
      tf.tensor3d(want.floats('long_context'), [1, 227, 64]),
    );
    expectClose('prediction', await read(out), want.floats('long_out_nhwc'), tolerance);
  });
});

/**
 * A second model, with channels of several widths and weights made by a hash: what 32 channels cannot show, the
 * timestep's effect and groups of several channels among it. `reference/golden/README.md` has the formula.
 */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { f32ToF16 } from '../../formats/safetensors/halves';
import { gpu } from '../../kernels/device';
import { read } from '../../kernels/program';
import { relativeError } from '../../kernels/testing';
import { encodeText } from '../../models/clip';
import { LoraParameters } from '../../models/lora';
import { unet } from '../../models/unet';
import { vaeDecode, vaeEncode } from '../../models/vae';
import { differentiate, goldenBatch } from '../differentiate.testing';
import { expectClose, expectGradients, golden, onTiers } from '../golden.testing';
import { hashedCheckpoint, hashedLora, hashedWeights } from '../hashed_weights.testing';
import { loraShapes } from './lora_file';
import { configOf } from './base_model';

interface Varied {
  rank: number;
  alpha: number;
  tensors: Record<string, number[]>;
  lora: Record<string, number[]>;
}

const VARIED = JSON.parse(
  readFileSync(new URL('../../../reference/golden/varied.json', import.meta.url), 'utf8'),
) as Varied;

onTiers(
  (base, tier) => {
    const tolerance = tier === 'f32' ? 1e-4 : 1e-2;

    test('text encoder', async () => {
      const want = await golden('varied');
      const { text1: text } = base();
      const ids = tf.tensor2d(want.ints('ids'), [2, 77], 'int32');
      expectClose(
        'states',
        await read(encodeText({ weights: text.weights }, text.config, ids)),
        want.floats('context'),
        tolerance,
      );
    });

    test('VAE', async () => {
      const want = await golden('varied');
      const { vae } = base();
      const image = tf.tensor4d(want.floats('image_nhwc'), [1, 48, 64, 3]);
      const moments = await read(tf.tidy(() => vaeEncode({ weights: vae.weights }, vae.config, image)));
      expectClose(
        'mean',
        moments.filter((_, i) => i % 8 < 4),
        want.floats('mean_nhwc'),
        tolerance,
      );
      const latent = tf.tensor4d(
        want.floats('latent_nhwc').map((v) => v / 0.18215),
        [1, 6, 8, 4],
      );
      const picture = tf.tidy(() => vaeDecode({ weights: vae.weights }, vae.config, latent));
      expectClose('picture', await read(picture), want.floats('decoded_nhwc'), tolerance);
    });

    test.each([
      ['timesteps', 'out_nhwc'],
      ['other_timesteps', 'out_other_timesteps_nhwc'],
    ])('U-Net at %s', async (timesteps, out) => {
      const want = await golden('varied');
      const { weights, blocks } = base().unet;
      const prediction = unet(
        { weights },
        blocks,
        tf.tensor4d(want.floats('noisy_nhwc'), [2, 16, 24, 4]),
        tf.tensor1d([...want.ints(timesteps)], 'float32'),
        tf.tensor3d(want.floats('context'), [2, 77, 128]),
      );
      expectClose('prediction', await read(prediction), want.floats(out), tolerance);
    });

    test('U-Net and text encoder with a LoRA', async () => {
      const want = await golden('varied');
      const { unet: u, text1: text } = base();
      const shapes = loraShapes(configOf(base()), {
        train_unet: true,
        train_text_encoder: true,
        lora_rank: VARIED.rank,
        lora_alpha: VARIED.alpha,
      });
      const lora = new LoraParameters(shapes);
      lora.set(({ name }) => hashedPair(name));
      const ids = tf.tensor2d(want.ints('ids'), [2, 77], 'int32');
      const context = encodeText({ weights: text.weights, lora: lora.of('text1') }, text.config, ids);
      expectClose('context', await read(context), want.floats('lora_context'), tolerance);
      const prediction = unet(
        { weights: u.weights, lora: lora.of('unet') },
        u.blocks,
        tf.tensor4d(want.floats('noisy_nhwc'), [2, 16, 24, 4]),
        tf.tensor1d([...want.ints('timesteps')], 'float32'),
        context,
      );
      expectClose('prediction', await read(prediction), want.floats('lora_out_nhwc'), tolerance);
      lora.dispose();
    });

    test('loss and gradients', async () => {
      const want = await golden('varied');
      const { loss, gradients } = await differentiate(
        base(),
        {
          text: 'trained',
          trainUnet: true,
          chunks: 1,
          clipSkip: 1,
          vPrediction: false,
          firstKeptBlock: 9,
          record: false,
        },
        goldenBatch(want, 'ids'),
        { rank: VARIED.rank, alpha: VARIED.alpha, values: hashedPair },
      );
      expect(relativeError([loss], want.floats('loss'))).toBeLessThan(tolerance);
      expectGradients(want, 'grad', gradients, tier);
      expect(gpu().errors).toEqual([]);
    });
  },
  () => hashedCheckpoint(VARIED.tensors),
);

test('the hash gives the reference its weights', () => {
  const name = 'model.diffusion_model.input_blocks.0.0.weight';
  const halves = f32ToF16(hashedWeights(name, [64, 4, 3, 3]).subarray(0, 3));
  expect([...halves]).toEqual([
    ...f32ToF16(Float32Array.of(-0.119873046875, -0.207763671875, 0.0941162109375)),
  ]);
});

function hashedPair(module: string) {
  const shape = (half: string) => VARIED.lora[`${module}.${half}.weight`];
  const [rank = 0, inputs = 0] = shape('lora_down');
  return hashedLora(module, { rank, in: inputs, out: shape('lora_up')[0] ?? 0 });
}

/**
 * Eight steps with guidance 5 against diffusers' schedulers, and the decoded picture. Guidance multiplies what f16
 * rounds away by five, eight times over: hence 5 % there, where f32 stays within 1e-3 of diffusers' own f32 arithmetic.
 */
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { expectClose, golden, onTiers } from '../golden.testing';
import { decodeLatents, sampleLatents } from './sample';
import { SAMPLERS } from './samplers';

onTiers((base, tier) => {
  test.each(SAMPLERS)('%s', async (sampler) => {
    const want = await golden('sampling');
    const context = want.floats('context');
    const before = tf.memory().numTensors;
    const latents = await sampleLatents(base(), undefined, {
      negative: { context: context.slice(0, 77 * 64) },
      prompt: { context: context.slice(77 * 64) },
      width: 128,
      height: 128,
      sampler,
      spacing: 'leading',
      steps: 8,
      guidance: want.floats('guidance')[0],
      vPrediction: false,
      noise: want.floats('noise_nhwc'),
    });
    expectClose('latents', latents, want.floats(`${sampler}/latent_nhwc`), tier === 'f32' ? 1e-3 : 5e-2);
    if (sampler === 'ddim') {
      const picture = await decodeLatents(base().vae, want.floats('ddim/latent_nhwc'), 128, 128);
      expectClose('picture', picture, want.floats('ddim/decoded_nhwc'), tier === 'f32' ? 1e-4 : 1e-2);
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

/**
 * The demo checkpoint that ships with the app draws here what it draws in diffusers: same words, same noise, twenty
 * DDIM steps with guidance 4, and the decoded picture. Made by `reference/demo/golden.py`.
 */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { makeTokenizer } from '../../formats/captions/tokenizer';
import { captionIds, encodeCaption } from '../data/dataset';
import { expectClose, golden, onTiers } from '../golden.testing';
import { decodeLatents, sampleLatents } from './sample';

const PROMPTS = [
  'a red star on a dark blue background, top left',
  'two small green circles on a yellow background',
];
const SIZE = 64;

onTiers(
  (base, tier) => {
    test.each(PROMPTS)('%s', async (prompt) => {
      const want = await golden('demo');
      const index = PROMPTS.indexOf(prompt);
      const row = (values: Float32Array) => part(values, index);
      const tokenizer = makeTokenizer(
        file('public/clip/merges.txt').toString('utf8'),
        base().text1.config.vocabulary,
      );
      const ids = captionIds(tokenizer, prompt, 75);
      expect([...ids]).toEqual([...want.ints('ids').subarray(77 * index, 77 * (index + 1))]);

      const states = await encodeCaption(base(), ids, 1);
      expectClose('text', states.context, row(want.floats('context')), tier === 'f32' ? 1e-5 : 5e-3);
      const before = tf.memory().numTensors;
      const latents = await sampleLatents(base(), undefined, {
        prompt: states,
        negative: await encodeCaption(base(), captionIds(tokenizer, '', 75), 1),
        width: SIZE,
        height: SIZE,
        sampler: 'ddim',
        spacing: 'leading',
        steps: want.ints('steps')[0],
        guidance: want.floats('guidance')[0],
        vPrediction: false,
        noise: row(want.floats('noise_nhwc')),
      });
      expectClose('latents', latents, row(want.floats('latent_nhwc')), tier === 'f32' ? 1e-3 : 1e-1);
      const picture = await decodeLatents(base().vae, row(want.floats('latent_nhwc')), SIZE, SIZE);
      expectClose('picture', picture, row(want.floats('picture_nhwc')), tier === 'f32' ? 1e-4 : 2e-2);
      expect(tf.memory().numTensors).toBe(before);
    });
  },
  () => fromBytes(new Uint8Array(file('public/demo/base.safetensors'))),
);

function part(values: Float32Array, index: number): Float32Array {
  const size = values.length / PROMPTS.length;
  return values.slice(size * index, size * (index + 1));
}

function file(path: string): Buffer {
  return readFileSync(new URL(`../../../${path}`, import.meta.url));
}

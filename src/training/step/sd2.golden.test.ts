/**
 * A Stable Diffusion 2.x in miniature against diffusers and transformers in float64, for both kinds of prediction: text
 * states, every gradient, training and sampling. Tolerances as for SD 1.x: f32 is rounding alone; f16 gradients by their
 * direction.
 */
import { expect, test } from 'vitest';
import { relativeError } from '../../kernels/testing';
import { encodeCaption } from '../data/dataset';
import { describedModel, GOLDEN_STEP, hashedStart } from '../described.testing';
import { differentiate, goldenPictures } from '../differentiate.testing';
import { compareGradients, type Golden } from '../golden_numbers.testing';
import { expectClose, expectGradients, expectSteps, golden, onTiers } from '../golden.testing';
import { trainPictures } from '../golden_steps.testing';
import { hashedCheckpoint } from '../hashed_weights.testing';
import { sampleLatents } from '../sampling/sample';
import { configOf } from './base_model';
import { loraShapes } from './lora_file';

const SD2 = describedModel('sd2');
/** Values of one text. */
const CONTEXT = 77 * 64;

const start = hashedStart(SD2);

onTiers(
  (base, tier) => {
    const f32 = tier === 'f32';
    const tolerance = f32 ? 1e-4 : 1e-2;

    test('text states, of the layer but one too, and of a long prompt', async () => {
      const want = await golden('sd2');
      const ids = want.ints('ids').slice(0, 77);
      const states = async (of: Int32Array, skip: number) => (await encodeCaption(base(), of, skip)).context;
      expectClose('context', await states(ids, 1), row(want, 'context', 0), tolerance);
      if (!f32) return;
      expectClose('clip skip 2', await states(ids, 2), row(want, 'context_skip_2', 0), tolerance);
      expectClose('long', await states(want.ints('long_ids'), 1), want.floats('long_context'), tolerance);
    });

    test('loss and every gradient of the U-Net’s LoRA, with all of it recomputed', async () => {
      const want = await golden('sd2');
      const { loss, gradients } = await differentiate(
        base(),
        GOLDEN_STEP,
        { ...goldenPictures(want), context: want.floats('context') },
        start,
      );
      expect(relativeError([loss], want.floats('epsilon/loss'))).toBeLessThan(tolerance);
      expectGradients(want, 'epsilon', gradients, tier);
    });

    test('predicting v, gradients of text encoder and U-Net', async () => {
      const want = await golden('sd2');
      const { loss, gradients } = await differentiate(
        base(),
        { ...GOLDEN_STEP, text: 'trained', vPrediction: true, firstKeptBlock: f32 ? 9 : 999 },
        { ...goldenPictures(want), ids: want.ints('ids') },
        start,
      );
      expect(relativeError([loss], want.floats('with_text/loss'))).toBeLessThan(tolerance);
      const compared = compareGradients(want, 'with_text', gradients, tier);
      expect(compared).toHaveLength(2 * 138);
      for (const { what, error, tolerance } of compared) expect(error, what).toBeLessThan(tolerance);
    });

    test('predicting v, thirty steps of AdamW, recorded', async () => {
      const want = await golden('sd2');
      const got = await trainPictures(base(), want, start, { ...GOLDEN_STEP, vPrediction: true }, (step) => ({
        context: row(want, 'context', step % 2),
      }));
      expectSteps(got, want, start, 'steps', tier);
    });

    if (!f32) return;

    test('the LoRA’s modules are those of the reference, by kohya’s names and as it shapes them', () => {
      const settings = { train_unet: true, train_text_encoder: true, lora_rank: 1, lora_alpha: 1 };
      const all = loraShapes(configOf(base()), settings);
      const got = Object.fromEntries(all.map(({ name, in: inputs, out }) => [name, [inputs, out]]));
      expect(got).toEqual(SD2.lora);
      expect(all.filter(({ conv }) => conv).every(({ path }) => /proj_(in|out)$/.test(path))).toBe(true);
      expect(all.filter(({ conv }) => conv)).toHaveLength(32);
    });

    test('predicting v, gradients of the U-Net alone', async () => {
      const want = await golden('sd2');
      const { loss, gradients } = await differentiate(
        base(),
        { ...GOLDEN_STEP, vPrediction: true },
        { ...goldenPictures(want), context: want.floats('context') },
        start,
      );
      expect(relativeError([loss], want.floats('v/loss'))).toBeLessThan(1e-4);
      for (const { what, error } of compareGradients(want, 'v', gradients, tier))
        expect(error, what).toBeLessThan(1e-3);
    });

    test.each(['epsilon', 'v'])('a picture drawn with guidance, predicting %s', async (kind) => {
      const want = await golden('sd2');
      const latents = await sampleLatents(base(), undefined, {
        negative: { context: row(want, 'context', 0) },
        prompt: { context: row(want, 'context', 1) },
        width: 192,
        height: 128,
        sampler: 'ddim',
        spacing: 'leading',
        steps: 4,
        guidance: 5,
        guidedTogether: true,
        vPrediction: kind === 'v',
        noise: want.floats('sampling/noise_nhwc'),
      });
      expectClose('latents', latents, want.floats(`sampling/${kind}_nhwc`), 1e-3);
    });
  },
  () => hashedCheckpoint(SD2.tensors),
);

function row(want: Golden, name: string, index: number): Float32Array {
  return want.floats(name).slice(CONTEXT * index, CONTEXT * (index + 1));
}

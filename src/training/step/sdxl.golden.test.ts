/**
 * A Stable Diffusion XL in miniature against diffusers and transformers in float64: text states, pooled text, sizes, U-Net,
 * every gradient, training and sampling. Tolerances as for SD 1.x: f32 is rounding alone; f16 gradients by their direction.
 */
import { expect, test } from 'vitest';
import { gpu } from '../../kernels/device';
import { simulate } from '../../kernels/program';
import { relativeError } from '../../kernels/testing';
import type { LoraShape } from '../../models/lora';
import { zeroTerminalSnr } from '../../models/schedule';
import { sizeSinusoids } from '../../models/sdxl/sizes';
import { joined, type TextStates } from '../data/text_states';
import { encodeCaption } from '../data/dataset';
import { describedModel, GOLDEN_STEP, hashedStart } from '../described.testing';
import { differentiate, goldenPictures, goldenSettings } from '../differentiate.testing';
import { compareGradients, type Golden } from '../golden_numbers.testing';
import { expectClose, expectGradients, expectSteps, golden, onTiers } from '../golden.testing';
import { trainPictures } from '../golden_steps.testing';
import { hashedCheckpoint } from '../hashed_weights.testing';
import { sampleLatents } from '../sampling/sample';
import { walkStep, type MemoryRequest } from '../plan/memory';
import { configOf, disposeParts, reserveParts, type BaseModel } from './base_model';
import { loraShapes } from './lora_file';

const SDXL = describedModel('sdxl');
/** Values of one text, and of one picture's sizes. */
const CONTEXT = 77 * 192;
const POOLED = 128;
const SIZES = 192;

const start = hashedStart(SDXL);

onTiers(
  (base, tier) => {
    const f32 = tier === 'f32';
    const tolerance = f32 ? 1e-4 : 1e-2;

    test('states of both text encoders, pooled text; of a long prompt its first chunk is pooled', async () => {
      const want = await golden('sdxl');
      const ids = want.ints('ids');
      for (const row of [0, 1]) {
        // The clip skip is none of its business.
        const got = await encodeCaption(base(), ids.slice(77 * row, 77 * (row + 1)), 1 + row);
        expectClose('context', got.context, part(want, 'context', CONTEXT, row), tolerance);
        expectClose('pooled', got.pooled ?? [], part(want, 'pooled', POOLED, row), tolerance);
      }
      const long = await encodeCaption(base(), want.ints('long_ids'), 1);
      expectClose('long context', long.context, want.floats('long_context'), tolerance);
      expectClose('long pooled', long.pooled ?? [], want.floats('long_pooled'), tolerance);
    });

    test('loss and every gradient of the U-Net’s LoRA, with all of it recomputed', async () => {
      const want = await golden('sdxl');
      const { loss, gradients } = await differentiate(
        base(),
        GOLDEN_STEP,
        { ...goldenPictures(want), context: want.floats('context'), added: added(want) },
        start,
      );
      expect(relativeError([loss], want.floats('unet_only/loss'))).toBeLessThan(tolerance);
      expectGradients(want, 'unet_only', gradients, tier);
      expect(gpu().errors).toEqual([]);
    });

    test('gradients of both text encoders, through the states and through the pooled text', async () => {
      const want = await golden('sdxl');
      const { loss, gradients } = await differentiate(
        base(),
        { ...GOLDEN_STEP, text: 'trained', firstKeptBlock: f32 ? 9 : 999 },
        { ...goldenPictures(want), ids: want.ints('ids'), added: sizes(want, 'sizes') },
        start,
      );
      expect(relativeError([loss], want.floats('with_text/loss'))).toBeLessThan(tolerance);
      const got = new Map([...gradients].filter(([name]) => want.names.includes(`with_text/${name}`)));
      const compared = compareGradients(want, 'with_text', got, tier);
      // Of two and of three layers, and the middle's projections.
      expect(compared).toHaveLength(2 * (12 + 18 + 2));
      for (const { what, error, tolerance } of compared) expect(error, what).toBeLessThan(tolerance);
      // No gradient reaches the first encoder's last layer; the second one's is reached by the pooled text alone.
      const idle = [...gradients].filter(([, values]) => values.every((value) => value === 0));
      expect(idle.map(([name]) => /^lora_te1_\w+layers_2_/.test(name))).toEqual(
        Array.from({ length: 12 }, () => true),
      );
    });

    test('AdamW, thirty steps, recorded: noise is predicted', async () => {
      const want = await golden('sdxl');
      expect([...want.ints('steps/timesteps')]).toContain(999);
      const got = await trained(base(), want, false);
      expectSteps(got, want, start, 'steps', tier);
      // With all recomputed it takes the memory that is predicted for it.
      if (f32) expect(Math.abs(got.predictedBytes / got.tookBytes - 1)).toBeLessThan(0.01);
    });

    if (!f32) return;

    test('the same where v is predicted, and the last timestep is noise alone', async () => {
      const want = await golden('sdxl');
      const got = await trained({ ...base(), schedule: zeroTerminalSnr(base().schedule) }, want, true);
      expectSteps(got, want, start, 'zero', tier);
    });

    test('the LoRA’s modules are those of the reference, by kohya’s names', () => {
      const all = loraShapes(configOf(base()), {
        train_unet: true,
        train_text_encoder: true,
        lora_rank: 1,
        lora_alpha: 1,
      });
      const got = Object.fromEntries(all.map(({ name, in: inputs, out }) => [name, [inputs, out]]));
      expect(got).toEqual(SDXL.lora);
      expect(all.some(({ conv }) => conv)).toBe(false);
    });

    test('a picture drawn with guidance, each prompt with its own pooled text', async () => {
      const want = await golden('sdxl');
      const texts = [0, 1].map((row): TextStates => ({
        context: part(want, 'context', CONTEXT, row),
        pooled: part(want, 'pooled', POOLED, row),
      }));
      const [negative, prompt] = texts as [TextStates, TextStates];
      for (const guidedTogether of [true, false]) {
        const latents = await sampleLatents(base(), undefined, {
          negative,
          prompt,
          width: 192,
          height: 128,
          sampler: 'ddim',
          spacing: 'leading',
          steps: 4,
          guidance: 5,
          guidedTogether,
          vPrediction: false,
          noise: want.floats('sampling/noise_nhwc'),
        });
        expectClose('latents', latents, want.floats('sampling/latent_nhwc'), 1e-3);
      }
    });
  },
  () => hashedCheckpoint(SDXL.tensors),
);

test('pooled text and sizes as diffusers computes them', async () => {
  const want = await golden('sdxl');
  expectClose('added', added(want), want.floats('added'), 1e-6);
});

function part(want: Golden, name: string, length: number, row: number): Float32Array {
  return want.floats(name).slice(length * row, length * (row + 1));
}

/** Sinusoids of every row of six sizes, one row after another. */
function sizes(want: Golden, name: string): Float32Array {
  const rows = want.ints(name);
  return joined(
    Array.from({ length: rows.length / 6 }, (_, i) => {
      const pair = (at: number) => [rows[6 * i + at], rows[6 * i + at + 1]] as const;
      return sizeSinusoids({ original: pair(0), crop: pair(2), target: pair(4) }, SIZES);
    }),
  );
}

/** Pooled text and sizes of each of two rows. */
function added(want: Golden): Float32Array {
  const all = sizes(want, 'sizes');
  return joined(
    [0, 1].flatMap((row) => [
      part(want, 'pooled', POOLED, row),
      all.subarray(SIZES * row, SIZES * (row + 1)),
    ]),
  );
}

/** As `steps/` was made, and `zero/` where v is predicted: the texts in turn. */
async function trained(base: BaseModel, want: Golden, vPrediction: boolean) {
  // Nothing is computed twice in the second run: it is the faster one.
  const firstKeptBlock = vPrediction ? 0 : GOLDEN_STEP.firstKeptBlock;
  const settings = { ...GOLDEN_STEP, vPrediction, firstKeptBlock };
  const got = await trainPictures(base, want, start, settings, (step) => ({
    context: part(want, 'context', CONTEXT, step % 2),
    added: joined([part(want, 'pooled', POOLED, step % 2), sizes(want, 'steps/sizes')]),
  }));
  const shapes = loraShapes(configOf(base), {
    train_unet: true,
    train_text_encoder: false,
    lora_rank: SDXL.rank,
    lora_alpha: SDXL.alpha,
  });
  return { ...got, predictedBytes: predicted(base, shapes) };
}

/** Of a step's memory what comes on top of the U-Net's weights. */
function predicted(base: BaseModel, shapes: readonly LoraShape[]): number {
  const config = configOf(base);
  const request: MemoryRequest = {
    config,
    lora: { shapes, dropout: 0 },
    optimizer: 'adamw',
    settings: goldenSettings(GOLDEN_STEP),
    buckets: [{ size: 1, width: 128, height: 128 }],
    samples: undefined,
    keep: [],
  };
  const weights = simulate(() => disposeParts(reserveParts(config, ['unet'])));
  return walkStep(request, { firstKeptBlock: 999, microBatch: 1 }).peakBytes - weights.peakBytes;
}

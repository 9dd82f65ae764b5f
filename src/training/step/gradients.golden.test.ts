/**
 * The gradient of every LoRA tensor against PyTorch in float64, with all blocks recomputed, none, and in between, which
 * differ in no bit; and the loss. f32: within 1e-3 relative for each tensor. f16: the direction of each tensor, cosine over 0.999.
 */
import { expect, test } from 'vitest';
import { GPU_TILES, setHalfMath, setTile } from '../../kernels/gemm/tile';
import { relativeError } from '../../kernels/testing';
import { differentiate, goldenBatch, goldenStart, type GoldenSettings } from '../differentiate.testing';
import { expectGradients, golden, onTiers } from '../golden.testing';
import { goldenSource } from '../golden_source.testing';
import { minSnrWeight } from './noise_schedule';
import { noiseSchedule } from '../../models/schedule';
import { sd1Facts } from '../../formats/families/sd1';

const SETTINGS: GoldenSettings = {
  text: 'given',
  trainUnet: true,
  chunks: 1,
  clipSkip: 1,
  vPrediction: false,
  firstKeptBlock: 0,
  record: false,
};

onTiers((base, tier) => {
  let first: Map<string, Float32Array> | undefined;
  let halved: Map<string, Float32Array> | undefined;

  test.each([
    ['keeping all', 0],
    ['recomputing half', 25],
    ['recomputing all', 99],
  ])('U-Net only, %s', async (_, firstKeptBlock) => {
    const want = await golden('grads');
    const { loss, gradients } = await differentiate(
      base(),
      { ...SETTINGS, firstKeptBlock },
      goldenBatch(want, 'context'),
      await goldenStart(goldenSource),
    );
    expect(relativeError([loss], want.floats('unet_only/loss'))).toBeLessThan(tier === 'f32' ? 1e-4 : 1e-2);
    expectGradients(want, 'unet_only', gradients, tier);
    first ??= gradients;
    expect(gradients).toEqual(first);
  });

  if (tier === 'f32')
    test.each([
      ['kept', 0],
      ['recomputed', 99],
    ])('U-Net only, activations stored as halves, %s', async (_, firstKeptBlock) => {
      const want = await golden('grads');
      const { loss, gradients } = await differentiate(
        base(),
        { ...SETTINGS, firstKeptBlock, activations: 'half' },
        goldenBatch(want, 'context'),
        await goldenStart(goldenSource),
      );
      expect(relativeError([loss], want.floats('unet_only/loss'))).toBeLessThan(1e-2);
      expectGradients(want, 'unet_only', gradients, 'f16');
      halved ??= gradients;
      expect(gradients).toEqual(halved);
      expect(gradients).not.toEqual(first);
    });

  // CPU adapters form products of rounded halves in f32, which is quicker there; a GPU multiplies and sums in f16.
  if (tier === 'f16')
    test('U-Net only, in the tiles and arithmetic of a GPU', async () => {
      setTile(GPU_TILES[6]);
      setHalfMath('multiply');
      try {
        const want = await golden('grads');
        const { loss, gradients } = await differentiate(
          base(),
          SETTINGS,
          goldenBatch(want, 'context'),
          await goldenStart(goldenSource),
        );
        expect(relativeError([loss], want.floats('unet_only/loss'))).toBeLessThan(1e-2);
        expectGradients(want, 'unet_only', gradients, tier);
      } finally {
        setTile(undefined);
        setHalfMath(undefined);
      }
    });

  test('v prediction, min-SNR', async () => {
    const want = await golden('grads');
    const weights = [...want.ints('timesteps')].map((t) =>
      minSnrWeight(noiseSchedule(sd1Facts.noise), t, 5, true),
    );
    const batch = { ...goldenBatch(want, 'context'), weights };
    const { loss } = await differentiate(
      base(),
      { ...SETTINGS, vPrediction: true },
      batch,
      await goldenStart(goldenSource),
    );
    expect(relativeError([loss], want.floats('unet_only/loss_v_min_snr_5'))).toBeLessThan(
      tier === 'f32' ? 1e-4 : 1e-2,
    );
  });

  test('U-Net and text encoder', async () => {
    const want = await golden('grads');
    const weights = [...want.ints('timesteps')].map((t) =>
      minSnrWeight(noiseSchedule(sd1Facts.noise), t, 5, false),
    );
    const batch = { ...goldenBatch(want, 'ids'), weights };
    const { loss, gradients } = await differentiate(
      base(),
      { ...SETTINGS, text: 'trained', firstKeptBlock: 27 },
      batch,
      await goldenStart(goldenSource),
    );
    expect(relativeError([loss], want.floats('with_text/loss_min_snr_5'))).toBeLessThan(
      tier === 'f32' ? 1e-4 : 1e-2,
    );
    expectGradients(want, 'with_text', gradients, tier);
  });
});

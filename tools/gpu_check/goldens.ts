/**
 * The tiny model against PyTorch in float64, in few comparisons: outputs, loss, gradients, some steps of training. The
 * golden tests (`npm run test:golden`) compare more, with the same tolerances and for the same reasons.
 */
import * as tf from '@tensorflow/tfjs';
import { sd1Facts } from '../../src/formats/families/sd1';
import { gpu } from '../../src/kernels/device';
import { HALF_MATHS, halfMath, setHalfMath, type HalfMath } from '../../src/kernels/gemm/tile';
import { read } from '../../src/kernels/program';
import { relativeError, type Comparison } from '../../src/kernels/testing';
import { encodeText } from '../../src/models/clip';
import { unet } from '../../src/models/unet';
import { noiseSchedule } from '../../src/models/schedule';
import { vaeDecode, vaeEncode } from '../../src/models/vae';
import { differentiate, goldenBatch, goldenStart } from '../../src/training/differentiate.testing';
import { compareGradients, readGolden, type GoldenFiles } from '../../src/training/golden_numbers.testing';
import { trainGolden } from '../../src/training/golden_steps.testing';
import type { BaseModel } from '../../src/training/step/base_model';
import { minSnrWeight } from '../../src/training/step/noise_schedule';
import type { Case } from '../run_cases';

/** On the open device. With `everything` false: the U-Net, its gradients, and three steps. */
export function goldenCases(base: BaseModel, files: GoldenFiles, everything: boolean): Case[] {
  const few = [
    unetOutput(base, files),
    unetGradients(base, files, 0),
    steps(base, files, everything ? 8 : 3),
  ];
  if (!everything) return few;
  // The other arithmetics too: on a GPU all are measured, and what is measured has to be right.
  const others = gpu().f16 ? HALF_MATHS.filter((math) => math !== halfMath()) : [];
  return [
    text(base, files),
    vae(base, files),
    ...few,
    unetGradients(base, files, 99),
    ...others.map((math) => unetGradients(base, files, 0, math)),
    textGradients(base, files),
  ];
}

const outputs = (what: string, got: ArrayLike<number>, want: ArrayLike<number>): Comparison => ({
  what,
  error: relativeError(got, want),
  tolerance: gpu().f16 ? 1e-2 : 1e-4,
});

function text({ text1: text }: BaseModel, files: GoldenFiles): Case {
  return {
    name: 'golden: text encoder',
    async run() {
      const want = await readGolden(files, 'text');
      const ids = tf.tensor2d(want.ints('ids'), [2, 77], 'int32');
      const states = encodeText({ weights: text.weights }, text.config, ids, 2);
      const comparison = outputs('clip skip 2', await read(states), want.floats('clip_skip_2'));
      tf.dispose([ids, states]);
      return [comparison];
    },
  };
}

function vae({ vae: { weights, config } }: BaseModel, files: GoldenFiles): Case {
  return {
    name: 'golden: VAE',
    async run() {
      const want = await readGolden(files, 'vae');
      const moments = tf.tidy(() =>
        vaeEncode({ weights }, config, tf.tensor4d(want.floats('image_nhwc'), [1, 64, 96, 3])),
      );
      const picture = tf.tidy(() => {
        const latent = tf.div(tf.tensor4d(want.floats('latent_nhwc'), [1, 8, 12, 4]), config.scaling);
        return vaeDecode({ weights }, config, latent);
      });
      const mean = (await read(moments)).filter((_, i) => i % 8 < 4);
      const result = [
        outputs('mean', mean, want.floats('mean_nhwc')),
        outputs('picture', await read(picture), want.floats('decoded_nhwc')),
      ];
      tf.dispose([moments, picture]);
      return result;
    },
  };
}

function unetOutput({ unet: { weights, blocks } }: BaseModel, files: GoldenFiles): Case {
  return {
    name: 'golden: U-Net',
    async run() {
      const want = await readGolden(files, 'unet');
      const prediction = tf.tidy(() =>
        unet(
          { weights },
          blocks,
          tf.tensor4d(want.floats('latent_nhwc'), [2, 16, 24, 4]),
          tf.tensor1d([...want.ints('timesteps')], 'float32'),
          tf.tensor3d(want.floats('context'), [2, 77, 64]),
        ),
      );
      const result = [outputs('prediction', await read(prediction), want.floats('out_nhwc'))];
      prediction.dispose();
      return result;
    },
  };
}

const SETTINGS = { trainUnet: true, chunks: 1, clipSkip: 1, vPrediction: false, record: false } as const;

function unetGradients(base: BaseModel, files: GoldenFiles, firstKeptBlock: number, math?: HalfMath): Case {
  const how = `${firstKeptBlock ? 'recomputed' : 'kept'}${math ? `, ${math}` : ''}`;
  return {
    name: `golden: loss and gradients of the U-Net, ${how}`,
    async run() {
      setHalfMath(math);
      try {
        const want = await readGolden(files, 'grads');
        const settings = { ...SETTINGS, text: 'given', firstKeptBlock } as const;
        const start = await goldenStart(files);
        const { loss, gradients } = await differentiate(base, settings, goldenBatch(want, 'context'), start);
        return [
          outputs('loss', [loss], want.floats('unet_only/loss')),
          ...compareGradients(want, 'unet_only', gradients, gpu().tier),
        ];
      } finally {
        setHalfMath();
      }
    },
  };
}

function textGradients(base: BaseModel, files: GoldenFiles): Case {
  return {
    name: 'golden: loss and gradients of U-Net and text encoder, half recomputed, min-SNR',
    async run() {
      const want = await readGolden(files, 'grads');
      const weights = [...want.ints('timesteps')].map((t) =>
        minSnrWeight(noiseSchedule(sd1Facts.noise), t, 5, false),
      );
      const settings = { ...SETTINGS, text: 'trained', firstKeptBlock: 27 } as const;
      const batch = { ...goldenBatch(want, 'ids'), weights };
      const { loss, gradients } = await differentiate(base, settings, batch, await goldenStart(files));
      return [
        outputs('loss', [loss], want.floats('with_text/loss_min_snr_5')),
        ...compareGradients(want, 'with_text', gradients, gpu().tier),
      ];
    },
  };
}

function steps(base: BaseModel, files: GoldenFiles, count: number): Case {
  return {
    name: `golden: ${count} steps of AdamW`,
    async run() {
      const want = await readGolden(files, 'steps');
      const { losses, norms } = await trainGolden(
        base,
        want,
        'adamw',
        { learning_rate: 1e-2 },
        1,
        true,
        count,
      );
      const wanted = want.floats('adamw/losses');
      return [
        ...losses.map((loss, i) => outputs(`loss ${i}`, [loss], wanted.subarray(i, i + 1))),
        {
          what: 'norms of the gradients',
          error: relativeError(norms, want.floats('adamw/grad_norms').subarray(0, count)),
          tolerance: gpu().f16 ? 2e-2 : 1e-3,
        },
      ];
    },
  };
}

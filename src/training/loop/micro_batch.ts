/**
 * What a micro-step trains on: latents, noise, timesteps, loss weights, captions. All that is random in it is a function
 * of (seed, step, micro-step, sample).
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { Batch, TrainingStep } from '../data/batches';
import { captionIds } from '../data/dataset';
import type { KeptTexts } from '../data/kept_texts';
import { pictureSizes } from '../data/picture_sizes';
import { joined, type TextStates } from '../data/text_states';
import { captionAt } from './caption_window';
import { addNoiseOffset, debiasedWeight, minSnrWeight } from '../step/noise_schedule';
import { passes } from '../step/passes';
import type { Prepared } from './prepare';
import { stream } from '../step/random';
import type { MicroBatch } from '../step/step';
import { sizesLength } from '../../models/family';
import type { NoiseSchedule } from '../../models/schedule';

/** The passes of a batch, each with a seed for dropout: one, where the memory holds the whole batch. */
export function microBatches(
  config: TrainConfig,
  prepared: Prepared,
  at: TrainingStep,
  micro: number,
): [MicroBatch, number][] {
  return passes(wholeBatch(config, prepared, at, micro), prepared.memory.microBatch).map((pass, part) => [
    pass,
    stream(config.seed, 'dropout', at.step, micro, part).int(2 ** 31),
  ]);
}

/** What is drawn at random for a batch, from its place in the run alone: no weights of a model, and no pixels. */
export interface Draws {
  timesteps: number[];
  /** Which side of each picture: 0 as it is, 1 mirrored. */
  sides: number[];
  /** [height, width, channels] each, standard normal. */
  noise: Float32Array[];
  /** [channels] each, standard normal: what `noise_offset` scales; none where it is 0. */
  offsets: Float32Array[] | undefined;
  captions: string[];
}

/** `values` is the number of timesteps and of latent channels. Throws where the step has no such batch. */
export function drawsOf(
  config: TrainConfig,
  images: readonly { image: { caption: string } }[],
  values: { timesteps: number; channels: number },
  at: TrainingStep,
  micro: number,
): Draws {
  const batch = batchOf(at, micro);
  const [width, height] = [batch.bucket[0] / 8, batch.bucket[1] / 8];
  const random = (name: string, sample: number) => stream(config.seed, name, at.step, micro, sample);
  const each = <T>(draw: (sample: number) => T): T[] => batch.images.map((_, sample) => draw(sample));
  const normals = (name: string, length: number) =>
    each((i) => random(name, i).fillNormal(new Float32Array(length)));
  return {
    timesteps: each((i) => random('timestep', i).int(values.timesteps)),
    sides: each((i) => random('flip', i).int(config.flip_aug ? 2 : 1)),
    noise: normals('noise', width * height * values.channels),
    offsets: config.noise_offset > 0 ? normals('noise offset', values.channels) : undefined,
    captions: each((i) => captionAt(config, images[batch.images[i]].image.caption, at, micro, i)),
  };
}

function batchOf(at: TrainingStep, micro: number): Batch {
  const batch = at.batches[micro];
  if (!batch) throw new Error(`Step ${at.step} has no batch ${micro}.`);
  return batch;
}

function wholeBatch(config: TrainConfig, prepared: Prepared, at: TrainingStep, micro: number): MicroBatch {
  const batch = batchOf(at, micro);
  const { schedule, family } = prepared.base;
  const { timesteps, sides, noise, offsets, captions } = drawsOf(
    config,
    prepared.images,
    { timesteps: schedule.timesteps, channels: prepared.base.unet.config.inChannels },
    at,
    micro,
  );
  const x0 = batch.images.map((index, i) => prepared.images[index].latents[sides[i]]);
  offsets?.forEach((offset, i) =>
    addNoiseOffset(noise[i], offset, config.noise_offset, {
      scale: config.adaptive_noise_scale,
      latents: x0[i],
    }),
  );
  const states = prepared.captions && told(prepared.captions.states, captions);
  const { sizes } = family;
  const length = sizesLength(prepared.plan);
  const added = sizes
    ? batch.images.map((index, i) =>
        joined([
          states?.[i]?.pooled ?? new Float32Array(),
          sizes(pictureSizes(prepared.images[index], sides[i] === 1), length),
        ]),
      )
    : undefined;
  const weights = timesteps.map((t) => lossWeight(schedule, config, t) / config.gradient_accumulation_steps);
  return {
    size: batch.images.length,
    width: batch.bucket[0] / 8,
    height: batch.bucket[1] / 8,
    x0: joined(x0),
    noise: joined(noise),
    timesteps,
    weights,
    ...(states
      ? { context: joined(states.map(({ context }) => context)) }
      : {
          ids: joinedInts(
            captions.map((caption) => captionIds(prepared.tokenizer, caption, config.max_token_length)),
          ),
        }),
    ...(added ? { added: joined(added) } : {}),
  };
}

function told(states: KeptTexts, captions: readonly string[]): TextStates[] {
  return captions.map((caption) => states.get(caption) ?? missing(caption));
}

/** Min-SNR and debiased estimation multiply where both are asked for, as with kohya. */
export function lossWeight(
  schedule: NoiseSchedule,
  config: Pick<TrainConfig, 'min_snr_gamma' | 'debiased_estimation_loss' | 'v_parameterization'>,
  t: number,
): number {
  const v = config.v_parameterization;
  return (
    (config.min_snr_gamma > 0 ? minSnrWeight(schedule, t, config.min_snr_gamma, v) : 1) *
    (config.debiased_estimation_loss ? debiasedWeight(schedule, t, v) : 1)
  );
}

function missing(caption: string): never {
  throw new Error(`The caption "${caption}" was not encoded.`);
}

function joinedInts(parts: readonly Int32Array[]): Int32Array {
  return Int32Array.from(parts.flatMap((part) => [...part]));
}

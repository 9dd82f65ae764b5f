/**
 * What a micro-step trains on: latents, noise, timesteps, loss weights, captions. All that is random in it is a function
 * of (seed, step, micro-step, sample).
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { TrainingStep } from '../data/batches';
import { processCaption } from '../data/captions';
import { captionConfig, captionIds } from '../data/dataset';
import { addNoiseOffset, debiasedWeight, minSnrWeight } from '../step/noise_schedule';
import { passes } from '../step/passes';
import type { Prepared } from './prepare';
import { stream } from '../step/random';
import type { MicroBatch } from '../step/step';
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

function wholeBatch(config: TrainConfig, prepared: Prepared, at: TrainingStep, micro: number): MicroBatch {
  const batch = at.batches[micro];
  if (!batch) throw new Error(`Step ${at.step} has no batch ${micro}.`);
  const images = batch.images.map((index) => prepared.images[index]);
  const [width, height] = [batch.bucket[0] / 8, batch.bucket[1] / 8];
  const channels = prepared.base.unet.config.inChannels;
  const { schedule } = prepared.base;
  const random = (name: string, sample: number) => stream(config.seed, name, at.step, micro, sample);

  const timesteps = images.map((_, i) => random('timestep', i).int(schedule.timesteps));
  const x0 = images.map(({ latents }, i) => latents[random('flip', i).int(latents.length)]);
  const noise = x0.map((latents, i) => {
    const eps = random('noise', i).fillNormal(new Float32Array(width * height * channels));
    if (config.noise_offset > 0)
      addNoiseOffset(eps, channels, config.noise_offset, random('noise offset', i), {
        scale: config.adaptive_noise_scale,
        latents,
      });
    return eps;
  });
  const weights = timesteps.map((t) => lossWeight(schedule, config, t) / config.gradient_accumulation_steps);
  const captions = images.map(({ image }, i) =>
    processCaption(image.caption, captionConfig(config), random('caption', i), at.epoch + 1),
  );
  const { context } = prepared;
  return {
    size: images.length,
    width,
    height,
    x0: joined(x0),
    noise: joined(noise),
    timesteps,
    weights,
    ...(context
      ? { context: joined(captions.map((caption) => context.get(caption) ?? missing(caption))) }
      : {
          ids: joinedInts(
            captions.map((caption) => captionIds(prepared.tokenizer, caption, config.max_token_length)),
          ),
        }),
  };
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

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function joinedInts(parts: readonly Int32Array[]): Int32Array {
  return Int32Array.from(parts.flatMap((part) => [...part]));
}

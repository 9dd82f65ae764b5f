/**
 * The training loop: an async generator of events. `break` or the signal stops it after the step under way, with
 * everything saved; not calling `next()` is a pause. A run is a function of its configuration, pictures and seed, so one
 * that was resumed is bit for bit the one that never stopped.
 */
import type { ByteSource } from '../formats/byte_source';
import type { TrainConfig } from '../formats/config_fields';
import { gpu } from '../kernels/device';
import { read, trim } from '../kernels/program';
import { readReport, setHyper, update } from './optimizer';
import type { TrainEvent } from '../protocol/trainer';
import { trainingSteps, type TrainingStep } from './batches';
import { captionConfig, captionIds, type CachedImage, type TrainingImage } from './dataset';
import { processCaption } from './captions';
import { addNoiseOffset, minSnrWeight, noiseSchedule } from './noise_schedule';
import { prepare, type Prepared } from './prepare';
import { Progress } from './progress';
import { stream } from './random';
import { drawSamples } from './preview';
import { saveRun } from './save';
import { multiplier } from './schedule';
import type { MicroBatch } from './step';

export interface TrainingRun {
  config: TrainConfig;
  base: { name: string; files: readonly ByteSource[] };
  images: readonly TrainingImage[];
  /** CLIP's merge list. */
  merges: string;
  /** A LoRA to continue from. */
  pretrained?: ByteSource;
  /** The saved state of this same run, to resume. */
  state?: ByteSource;
  /** Asks the run to finish its step, save and end. */
  signal?: AbortSignal;
  /** Milliseconds since 1970; for metadata and timing. */
  now?: () => number;
  /** False runs every step the plain way, without recording. */
  record?: boolean;
}

/** Runs to the end, yielding what happens. Errors are named and carry a sentence for the user. */
export async function* train(run: TrainingRun): AsyncGenerator<TrainEvent, void> {
  const prepared = yield* prepare(run);
  try {
    yield { kind: 'phase', phase: 'train' };
    yield* loop(run, prepared);
  } finally {
    prepared.dispose();
    trim();
  }
}

async function* loop(run: TrainingRun, prepared: Prepared): AsyncGenerator<TrainEvent, void> {
  const { config, signal } = run;
  const { engine, optimizer, schedule, steps } = prepared;
  const progress = new Progress(prepared, run.now ?? Date.now);
  if (prepared.step === 0) yield* drawSamples(run, prepared, 0);
  progress.resume();

  for (const step of trainingSteps(prepared.images, prepared.batching, prepared.step)) {
    if (step.step >= steps || signal?.aborted) break;
    const scale = multiplier(schedule, step.step);
    setHyper(optimizer, config, scale, gpu().f16);
    engine.begin();
    step.batches.forEach((_, micro) => engine.micro(...microBatch(run, prepared, step, micro)));
    update(optimizer, prepared.lora.values);
    prepared.step = step.step + 1;

    // Read late, so that the GPU has the next step while this one's loss travels.
    yield* progress.add(step, config.learning_rate * scale, read(engine.loss), readReport(optimizer));
    const due = (every: number) => every > 0 && prepared.step % every === 0 && prepared.step < steps;
    if (due(config.save_steps)) {
      yield* progress.drain();
      yield await saveRun(run, prepared, progress, false);
      progress.resume();
    }
    if (due(config.sample_every_n_steps)) {
      yield* progress.drain();
      yield* drawSamples(run, prepared, prepared.step);
      progress.resume();
    }
  }
  yield* progress.drain();
  yield { kind: 'phase', phase: 'save' };
  yield await saveRun(run, prepared, progress, true);
  if (prepared.step >= steps) yield* drawSamples(run, prepared, prepared.step);
  yield { kind: 'done', step: prepared.step };
}

/** What one micro-step trains on, and its dropout seed. All randomness is a function of (seed, step, micro, sample). */
function microBatch(
  run: TrainingRun,
  prepared: Prepared,
  at: TrainingStep,
  micro: number,
): [MicroBatch, number] {
  const { config } = run;
  const batch = at.batches[micro];
  if (!batch) throw new Error(`Step ${at.step} has no batch ${micro}.`);
  const images = batch.images.map((index) => prepared.images[index] as CachedImage);
  const [width, height] = [batch.bucket[0] / 8, batch.bucket[1] / 8];
  const channels = prepared.base.unet.config.inChannels;
  const random = (name: string, sample: number) => stream(config.seed, name, at.step, micro, sample);

  const timesteps = images.map((_, i) => random('timestep', i).int(SCHEDULE.timesteps));
  const noise = images.map((_, i) => {
    const eps = random('noise', i).fillNormal(new Float32Array(width * height * channels));
    if (config.noise_offset > 0)
      addNoiseOffset(eps, channels, config.noise_offset, random('noise offset', i));
    return eps;
  });
  const x0 = images.map(({ latents }, i) => latents[random('flip', i).int(latents.length)] as Float32Array);
  const weights = timesteps.map(
    (t) =>
      (config.min_snr_gamma > 0
        ? minSnrWeight(SCHEDULE, t, config.min_snr_gamma, config.v_parameterization)
        : 1) / config.gradient_accumulation_steps,
  );
  const captions = images.map(({ image }, i) =>
    processCaption(image.caption, captionConfig(config), random('caption', i), at.epoch + 1),
  );
  const { context } = prepared;
  return [
    {
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
    },
    random('dropout', 0).int(2 ** 31),
  ];
}

const SCHEDULE = noiseSchedule();

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

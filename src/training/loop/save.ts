/**
 * What a run leaves behind: the LoRA that WebUI and ComfyUI load, and the state to go on from.
 */
import { optimizerFacts } from '../../formats/config/optimizers';
import type { TrainingFacts } from '../../formats/lora/kohya_metadata';
import { checkGpu, gpu } from '../../kernels/device';
import type { TrainEvent } from '../../protocol/trainer';
import { groupByBucket } from '../data/batches';
import { writeState } from './checkpoint';
import { adapters, RUN_KINDS } from '../step/kinds';
import { readOptimizer } from '../step/optimizer';
import { wholeHash, type Prepared, type TrainingRun } from './prepare';
import { warmupSteps } from '../step/schedule';

/** Reads everything back from the GPU. Call with all steps reported. */
export async function saveRun(
  run: TrainingRun,
  prepared: Prepared,
  final: boolean,
): Promise<Extract<TrainEvent, { kind: 'saved' }>> {
  const { config } = run;
  const { step, lora, optimizer } = prepared;
  prepared.saved = prepared.updates;
  const name = final ? config.output_name : `${config.output_name}-${String(step).padStart(6, '0')}`;
  const whole = await wholeHash(run);
  const state = await writeState({
    step,
    fingerprint: prepared.fingerprint,
    facts: {
      ...prepared.facts,
      base: { ...prepared.facts.base, ...(whole === undefined ? {} : { sha256: whole }) },
    },
    startedAt: prepared.startedAt,
    averageLoss: prepared.averageLoss,
    averageCount: prepared.averageCount,
    microBatch: prepared.memory.microBatch,
    ...(gpu().tuning ? { tuning: gpu().tuning } : {}),
    tensors: { values: await lora.read(), ...(await readOptimizer(optimizer)) },
  });
  const bytes = await adapters[RUN_KINDS.adapter].exported(lora, config, await factsOf(run, prepared));
  // What was computed with buffers that were never made must not replace what was saved before.
  checkGpu();
  return {
    kind: 'saved',
    step,
    epoch: Math.ceil(step / prepared.stepsPerEpoch),
    final,
    lora: { name: `${name}.safetensors`, blob: new Blob([bytes]) },
    state: { name: `${config.output_name}.state.safetensors`, blob: new Blob([state]) },
  };
}

async function factsOf(run: TrainingRun, prepared: Prepared): Promise<TrainingFacts> {
  const { config } = run;
  const { images, step, stepsPerEpoch } = prepared;
  const folders = new Map<string, { repeats: number; captions: string[] }>();
  for (const { image, repeats } of images) {
    // By its last name, as kohya's: a path is nobody's business. Pictures without one are told apart by their repeats.
    const folder = image.name.split('/').at(-2) || `${repeats}_images`;
    const known = folders.get(folder) ?? { repeats, captions: [] };
    known.captions.push(image.caption);
    folders.set(folder, known);
  }
  const { kohya } = optimizerFacts[config.optimizer];
  const errors = images.map(({ placement }) => Math.abs(placement.aspectError));
  return {
    outputName: config.output_name,
    sessionId: (prepared.startedAt ^ config.seed) >>> 0,
    startedAt: prepared.startedAt,
    finishedAt: (run.now ?? Date.now)(),
    learningRate: config.learning_rate,
    unetLearningRate: config.unet_lr ?? config.learning_rate,
    textLearningRate: config.text_encoder_lr ?? config.learning_rate,
    trainUnet: config.train_unet,
    trainText: config.train_text_encoder,
    trainImages: images.reduce((sum, { repeats }) => sum + repeats, 0),
    batchesPerEpoch: prepared.batchesPerEpoch,
    epochs: Math.ceil(prepared.steps / stepsPerEpoch),
    epoch: Math.ceil(step / stepsPerEpoch),
    step,
    maxSteps: prepared.steps,
    batchSize: config.batch_size,
    accumulationSteps: config.gradient_accumulation_steps,
    recompute: prepared.memory.firstKeptBlock > 0,
    scheduler: prepared.schedule.name,
    warmupSteps: warmupSteps(prepared.schedule),
    ...RUN_KINDS,
    rank: oneOrDynamic(prepared.lora.modules.map(({ rank }) => rank)),
    alpha: oneOrDynamic(prepared.lora.modules.map(({ alpha }) => alpha)),
    dropout: config.lora_dropout,
    mixedPrecision: gpu().f16 ? 'fp16' : 'no',
    vPrediction: config.v_parameterization,
    zeroTerminalSnr: config.zero_terminal_snr,
    basePrecision: config.base_precision,
    clipSkip: config.clip_skip,
    maxTokenLength: config.max_token_length,
    seed: config.seed,
    noiseOffset: config.noise_offset,
    adaptiveNoiseScale: config.adaptive_noise_scale,
    debiasedEstimation: config.debiased_estimation_loss,
    minSnrGamma: config.min_snr_gamma,
    captionDropout: config.caption_dropout_rate,
    captionDropoutEveryNEpochs: config.caption_dropout_every_n_epochs,
    captionTagDropout: config.caption_tag_dropout_rate,
    maxGradNorm: config.max_grad_norm,
    optimizer: {
      name: kohya.name,
      args: kohya.args(config),
    },
    comment: config.training_comment,
    resolution: [config.resolution, config.resolution],
    flip: config.flip_aug,
    shuffleCaption: config.shuffle_caption,
    keepTokens: config.keep_tokens,
    buckets: {
      enabled: config.enable_bucket,
      noUpscale: config.bucket_no_upscale,
      minimum: config.min_bucket_reso,
      maximum: config.max_bucket_reso,
      list: groupByBucket(images).map(({ bucket, members }) => ({
        width: bucket[0],
        height: bucket[1],
        count: members.length,
      })),
      meanAspectError: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    },
    datasets: [...folders].map(([folder, { repeats, captions }]) => ({
      folder,
      repeats,
      images: captions.length,
      captions,
    })),
    baseModel: {
      fileName: run.base.name,
      legacyHash: prepared.baseHash,
      sha256: (await run.base.whole) ?? null,
    },
    ...(prepared.vaeHash === undefined
      ? {}
      : {
          vae: {
            fileName: run.base.vae?.name ?? 'vae',
            legacyHash: prepared.vaeHash,
            sha256: (await run.base.vae?.whole) ?? null,
          },
        }),
    program: `lora-studio/${VERSION}`,
    family: prepared.plan.family.metadata,
  };
}

function oneOrDynamic(values: readonly number[]): number | 'Dynamic' {
  const [first = 0] = values;
  return values.every((value) => value === first) ? first : 'Dynamic';
}

const VERSION = '0.1.0';

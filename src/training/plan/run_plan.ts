/**
 * What follows from a configuration and its pictures before anything is loaded: the memory asked about, the learning
 * rate's schedule, and what must stay the same for a run to be resumed.
 */
import { configFields, type FieldName, type TrainConfig } from '../../formats/config/config_fields';
import { adapterFacts } from '../../formats/config/kinds';
import { ratesInUse } from '../../formats/config/rates';
import { samplePictures } from '../../formats/captions/sample_prompt';
import { drawsSamples } from '../../formats/config/samples';
import { sha256Hex } from '../../formats/safetensors/sha256';
import { zeroTerminalSnr } from '../../models/schedule';
import type { BaseModelPlan } from '../step/base_model';
import {
  batchesPerEpoch,
  groupByBucket,
  stepsPerEpoch,
  totalSteps,
  type BatchConfig,
  type BatchImage,
} from '../data/batches';
import { captionsAreFixed } from '../data/captions';
import { captionConfig, type PlacedImage } from '../data/dataset';
import { captionsAtOnce } from '../data/kept_texts';
import { ownBudget } from '../step/budget';
import { RUN_KINDS } from '../step/kinds';
import { loraShapes, type KeptRanks } from '../step/lora_file';
import type { MemoryRequest } from './memory';
import { LR_END, scheduleName, type ScheduleConfig } from '../step/schedule';
import type { StepSettings } from '../step/step';

/** How long the run is, in what batches, and what it asks of the memory. */
export interface Outline {
  /** The base model as this run loads it. */
  plan: BaseModelPlan;
  batching: BatchConfig;
  steps: number;
  epochs: number;
  stepsPerEpoch: number;
  batchesPerEpoch: number;
  text: StepSettings['text'];
  /** Are samples drawn? */
  sampling: boolean;
  loraParameters: number;
  request: MemoryRequest;
  budgetBytes: number;
  /** The budget is an aim, not a limit that was set: a run that needs more starts all the same. */
  auto: boolean;
}

/** GPU memory to stay within. `cardGb` is what the graphics card has, where a person said so. */
export function budgetOf(config: TrainConfig, cardGb?: number): { budgetBytes: number; auto: boolean } {
  if (config.memory_budget_gb > 0) return { budgetBytes: config.memory_budget_gb * 1e9, auto: false };
  return { budgetBytes: ownBudget(cardGb), auto: true };
}

/** The base model with what the configuration says of it: how its noise ends, and how its weights are stored. */
function asConfigured(read: BaseModelPlan, config: TrainConfig): BaseModelPlan {
  return {
    ...read,
    basePrecision: config.base_precision,
    ...(config.zero_terminal_snr ? { schedule: zeroTerminalSnr(read.schedule) } : {}),
  };
}

/**
 * `read` is what the base model's headers say; `kept` are the ranks of a LoRA that keeps its own. Throws
 * `InvalidBatchesError` where no step can be made.
 */
export function outlineOf(
  read: BaseModelPlan,
  config: TrainConfig,
  placed: readonly BatchImage[],
  cardGb?: number,
  kept?: KeptRanks,
): Outline {
  const plan = asConfigured(read, config);
  const batching = {
    seed: config.seed,
    batchSize: config.batch_size,
    accumulation: config.gradient_accumulation_steps,
  };
  const length =
    config.max_train_steps > 0 ? { maxSteps: config.max_train_steps } : { epochs: config.epochs };
  const steps = totalSteps(placed, batching, length);
  const perEpoch = stepsPerEpoch(placed, batching);
  const text = config.train_text_encoder ? 'trained' : 'given';
  const sampling = drawsSamples(config);
  // At most: which captions there will be is not known yet.
  const captions = captionsAreFixed(captionConfig(config))
    ? placed.length
    : steps * config.batch_size * config.gradient_accumulation_steps;
  const chunks = config.max_token_length / 75;
  const refills = text === 'given' && captions > captionsAtOnce(plan, plan.family.textStates, chunks);
  const request = { ...memoryRequest(plan, config, placed, text, sampling, kept), refills };
  return {
    plan,
    batching,
    steps,
    epochs: Math.ceil(steps / perEpoch),
    stepsPerEpoch: perEpoch,
    batchesPerEpoch: batchesPerEpoch(placed, batching),
    text,
    sampling,
    loraParameters: request.lora.shapes.reduce(
      (sum, shape) => sum + adapterFacts[RUN_KINDS.adapter].parameters(shape.rank, shape.in, shape.out),
      0,
    ),
    request,
    ...budgetOf(config, cardGb),
  };
}

/** Halves on every tier: what a run is said to compute in f32, it keeps so. */
function activationsOf({ mixed_precision }: TrainConfig): StepSettings['activations'] {
  return mixed_precision === 'fp32' ? 'single' : 'half';
}

function memoryRequest(
  plan: BaseModelPlan,
  config: TrainConfig,
  placed: readonly BatchImage[],
  text: StepSettings['text'],
  sampling: boolean,
  kept: KeptRanks | undefined,
): Omit<MemoryRequest, 'refills'> {
  return {
    config: plan,
    lora: { shapes: loraShapes(plan, config, kept), dropout: config.lora_dropout },
    optimizer: config.optimizer,
    settings: {
      text,
      trainUnet: config.train_unet,
      chunks: config.max_token_length / 75,
      clipSkip: config.clip_skip,
      vPrediction: config.v_parameterization,
      activations: activationsOf(config),
    },
    buckets: groupByBucket(placed).flatMap(({ bucket: [width, height], members }) => {
      const full = Math.min(config.batch_size, members.length);
      const last = members.length % config.batch_size || full;
      return [...new Set([full, last])].map((size) => ({ size, width, height }));
    }),
    samples: sampling ? largestSample(config) : undefined,
    keep: text === 'trained' ? plan.family.texts : [],
  };
}

function largestSample(config: TrainConfig): { size: number; width: number; height: number } {
  const [{ width, height } = { width: config.resolution, height: config.resolution }] = samplePictures(
    config,
  ).sort((a, b) => b.width * b.height - a.width * a.height);
  return { size: 1, width, height };
}

export function scheduleOf(config: TrainConfig, steps: number): ScheduleConfig {
  return {
    name: scheduleName(config.lr_scheduler, config.lr_warmup_steps),
    totalSteps: steps,
    warmup: config.lr_warmup_steps,
    numCycles: config.lr_scheduler_num_cycles,
    power: config.lr_scheduler_power,
    learningRate: floorRate(config),
  };
}

/**
 * What the floor of `polynomial` is relative to: the common rate, for all parts, as with kohya (PyTorch's schedulers know the
 * optimizer's own rate only). Where that is no higher than the floor, which kohya refuses, the highest rate in use.
 */
function floorRate(config: TrainConfig): number {
  const inUse = Object.values(ratesInUse(config)).map(({ rate }) => rate);
  return config.learning_rate > LR_END ? config.learning_rate : Math.max(...inUse);
}

/** What must not change between a run and its resumption, as a digest. Learning rates and lengths may change. */
export function fingerprintOf(
  config: TrainConfig,
  placed: readonly PlacedImage[],
  baseHash: string,
): Promise<string> {
  const settings = [
    ...SAME.map((name) => [name, config[name]]),
    // Left out where they change nothing, so that states from before there were such fields still fit.
    ...SAME_IF_USED.filter((name) => config[name] !== configFields[name].default).map((name) => [
      name,
      config[name],
    ]),
  ];
  const images = placed.map(({ image, bucket, repeats }) => [
    image.name,
    image.caption,
    ...bucket,
    repeats,
    // Left out where it changes nothing, so that states from before there was a focus still fit.
    ...(image.focus?.some((at) => at !== 0.5) ? image.focus : []),
  ]);
  return sha256Hex(new TextEncoder().encode(JSON.stringify([baseHash, settings, images])));
}

export const SAME = [
  'lora_rank',
  'train_unet',
  'train_text_encoder',
  'optimizer',
  'seed',
  'batch_size',
  'gradient_accumulation_steps',
  'flip_aug',
] as const satisfies readonly FieldName[];

/** What a run may not change and states from before `run_facts.ts` know nothing of: a new such field belongs here. */
export const SAME_IF_USED = [
  'caption_prefix',
  'caption_suffix',
  'caption_tag_dropout_rate',
  'caption_dropout_every_n_epochs',
  'keep_tokens_separator',
  'adaptive_noise_scale',
  'debiased_estimation_loss',
  'zero_terminal_snr',
  'base_precision',
] as const satisfies readonly FieldName[];

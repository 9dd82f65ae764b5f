// The metadata kohya's train_network.py writes into a LoRA, made from plain data: every value a Python
// `str()`, so that WebUI's card, tag chips and model comparisons read ours as they read kohya's. The list is
// long because theirs is; what this trainer has no setting for gets the value kohya writes when it is off.
import { adapterFacts, lossFacts, type AdapterKind, type LossKind } from '../config/kinds';
import type { FamilyFacts } from '../families/family_facts';
import { float, pythonJson, pythonStr, type PythonJson, type PythonValue } from './python_str';

/** One image folder of the training set, as kohya counts it. */
export interface DatasetFacts {
  readonly folder: string;
  readonly repeats: number;
  readonly images: number;
  /** Captions of its images, one each; tag_frequency is counted from them. */
  readonly captions: readonly string[];
}

/** How many images fell into one bucket, before repeats are dropped: kohya counts repeats. */
export interface BucketFacts {
  readonly width: number;
  readonly height: number;
  readonly count: number;
}

/** All that goes into the metadata. Rates are per step; times are milliseconds since 1970. */
export interface TrainingFacts {
  readonly outputName: string;
  readonly sessionId: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly learningRate: number;
  readonly unetLearningRate: number | null;
  readonly textLearningRate: number | null;
  readonly trainUnet: boolean;
  readonly trainText: boolean;
  /** Images times repeats. */
  readonly trainImages: number;
  readonly batchesPerEpoch: number;
  readonly epochs: number;
  readonly epoch: number;
  readonly step: number;
  readonly maxSteps: number;
  readonly batchSize: number;
  readonly accumulationSteps: number;
  readonly recompute: boolean;
  readonly scheduler: string;
  readonly warmupSteps: number;
  readonly adapter: AdapterKind;
  readonly loss: LossKind;
  /** 'Dynamic' where modules differ, as in sd-scripts' resized files. */
  readonly rank: number | 'Dynamic';
  readonly alpha: number | 'Dynamic';
  readonly dropout: number;
  readonly mixedPrecision: 'no' | 'fp16' | 'bf16';
  readonly vPrediction: boolean;
  readonly zeroTerminalSnr: boolean;
  /** How the base model's U-Net lay on the GPU while this was trained. */
  readonly basePrecision: 'fp16' | 'int8' | 'nf4';
  readonly clipSkip: number;
  readonly maxTokenLength: 75 | 150 | 225;
  readonly seed: number;
  readonly noiseOffset: number;
  readonly adaptiveNoiseScale: number;
  readonly debiasedEstimation: boolean;
  readonly minSnrGamma: number;
  readonly captionDropout: number;
  readonly captionDropoutEveryNEpochs: number;
  readonly captionTagDropout: number;
  readonly maxGradNorm: number;
  readonly optimizer: { readonly name: string; readonly args: Readonly<Record<string, PythonValue>> };
  readonly comment: string;
  readonly resolution: readonly [number, number];
  readonly flip: boolean;
  readonly shuffleCaption: boolean;
  readonly keepTokens: number;
  readonly buckets: {
    readonly enabled: boolean;
    readonly noUpscale: boolean;
    readonly minimum: number;
    readonly maximum: number;
    readonly list: readonly BucketFacts[];
    /** Mean |aspect of image - aspect of bucket|. */
    readonly meanAspectError: number;
  };
  readonly datasets: readonly DatasetFacts[];
  readonly baseModel: {
    readonly fileName: string;
    readonly legacyHash: string | null;
    /** Of the whole file; null where it is several files, or not known. */
    readonly sha256: string | null;
  };
  /** A VAE of its own in place of the base model's, which is kohya's `--vae`. */
  readonly vae?: {
    readonly fileName: string;
    readonly legacyHash: string;
    readonly sha256: string | null;
  };
  /** Name and version of this program; stands where kohya puts its commit. */
  readonly program: string;
  /** What the family of the base model is called in metadata. */
  readonly family: FamilyFacts['metadata'];
}

/** The `ss_*` and `modelspec.*` of a run (the `sshs_*` hashes are added by `buildLoraFile`). */
export function trainingMetadata(facts: TrainingFacts): Record<string, string> {
  return { ...runMetadata(facts), ...datasetMetadata(facts), ...modelSpec(facts) };
}

function runMetadata(facts: TrainingFacts): Record<string, string> {
  const { baseModel } = facts;
  return strings('ss_', {
    session_id: facts.sessionId,
    training_started_at: float(facts.startedAt / 1000),
    training_finished_at: float(facts.finishedAt / 1000),
    output_name: facts.outputName,
    learning_rate: float(facts.learningRate),
    text_encoder_lr: nullableFloat(facts.trainText ? facts.textLearningRate : null),
    unet_lr: nullableFloat(facts.trainUnet ? facts.unetLearningRate : null),
    num_train_images: facts.trainImages,
    num_validation_images: 0,
    num_reg_images: 0,
    num_batches_per_epoch: facts.batchesPerEpoch,
    num_epochs: facts.epochs,
    epoch: facts.epoch,
    steps: facts.step,
    gradient_checkpointing: facts.recompute,
    gradient_accumulation_steps: facts.accumulationSteps,
    max_train_steps: facts.maxSteps,
    lr_warmup_steps: facts.warmupSteps,
    lr_scheduler: facts.scheduler,
    network_module: adapterFacts[facts.adapter].networkModule,
    network_dim: facts.rank,
    network_alpha: facts.alpha === 'Dynamic' ? facts.alpha : float(facts.alpha),
    network_dropout: facts.dropout > 0 ? float(facts.dropout) : null,
    mixed_precision: facts.mixedPrecision,
    full_fp16: false,
    v2: facts.family.v2,
    base_model_version: called(facts).baseModelVersion,
    clip_skip: facts.clipSkip > 1 ? facts.clipSkip : null,
    max_token_length: facts.maxTokenLength > 75 ? facts.maxTokenLength : null,
    cache_latents: true,
    seed: facts.seed,
    lowram: false,
    noise_offset: facts.noiseOffset > 0 ? float(facts.noiseOffset) : null,
    noise_offset_random_strength: false,
    multires_noise_iterations: null,
    multires_noise_discount: float(0.3),
    adaptive_noise_scale:
      facts.noiseOffset > 0 && facts.adaptiveNoiseScale !== 0 ? float(facts.adaptiveNoiseScale) : null,
    zero_terminal_snr: facts.zeroTerminalSnr,
    training_comment: facts.comment === '' ? null : facts.comment,
    sd_scripts_commit_hash: facts.program,
    optimizer: optimizerText(facts.optimizer),
    max_grad_norm: float(facts.maxGradNorm),
    caption_dropout_rate: float(facts.captionDropout),
    caption_dropout_every_n_epochs: facts.captionDropoutEveryNEpochs,
    caption_tag_dropout_rate: float(facts.captionTagDropout),
    face_crop_aug_range: null,
    prior_loss_weight: float(1),
    min_snr_gamma: facts.minSnrGamma > 0 ? float(facts.minSnrGamma) : null,
    scale_weight_norms: null,
    ip_noise_gamma: null,
    ip_noise_gamma_random_strength: false,
    debiased_estimation: facts.debiasedEstimation,
    loss_type: lossFacts[facts.loss].kohyaName,
    huber_schedule: 'snr',
    huber_scale: float(1),
    huber_c: float(0.1),
    fp8_base: false,
    fp8_base_unet: false,
    // A name of ours, for kohya has no such base.
    ...(facts.basePrecision === 'fp16' ? {} : { base_precision: facts.basePrecision }),
    validation_seed: null,
    validation_split: float(0),
    max_validation_steps: null,
    validate_every_n_epochs: null,
    validate_every_n_steps: null,
    resize_interpolation: null,
    sd_model_name: baseModel.fileName,
    // kohya leaves these out, rather than write None, where it could not compute them.
    ...(baseModel.legacyHash === null ? {} : { sd_model_hash: baseModel.legacyHash }),
    ...(baseModel.sha256 === null ? {} : { new_sd_model_hash: baseModel.sha256 }),
    ...(facts.vae ? { vae_name: facts.vae.fileName, vae_hash: facts.vae.legacyHash } : {}),
    ...(facts.vae && facts.vae.sha256 !== null ? { new_vae_hash: facts.vae.sha256 } : {}),
  });
}

function optimizerText({ name, args }: TrainingFacts['optimizer']): string {
  const list = Object.entries(args).map(([key, value]) => `${key}=${pythonStr(value)}`);
  return list.length === 0 ? name : `${name}(${list.join(',')})`;
}

/** What kohya's `--no_metadata` leaves: how to apply the LoRA and its model spec, nothing about its making. */
export function minimalMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const kept = /^(modelspec\..+|ss_(v2|base_model_version|network_(module|dim|alpha|args)))$/;
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => kept.test(key)));
}

function datasetMetadata(facts: TrainingFacts): Record<string, string> {
  const { buckets } = facts;
  return strings('ss_', {
    batch_size_per_device: facts.batchSize,
    total_batch_size: facts.batchSize * facts.accumulationSteps,
    resolution: `(${facts.resolution[0]}, ${facts.resolution[1]})`,
    color_aug: false,
    flip_aug: facts.flip,
    random_crop: false,
    shuffle_caption: facts.shuffleCaption,
    enable_bucket: buckets.enabled,
    bucket_no_upscale: buckets.noUpscale,
    min_bucket_reso: buckets.enabled ? buckets.minimum : null,
    max_bucket_reso: buckets.enabled ? buckets.maximum : null,
    keep_tokens: facts.keepTokens,
    dataset_dirs: pythonJson(
      new Map(facts.datasets.map((set) => [set.folder, { n_repeats: set.repeats, img_count: set.images }])),
    ),
    reg_dataset_dirs: pythonJson({}),
    tag_frequency: pythonJson(new Map(facts.datasets.map((set) => [set.folder, tagFrequency(set.captions)]))),
    bucket_info: buckets.enabled ? pythonJson(bucketInfo(facts)) : 'null',
  });
}

function bucketInfo({ buckets }: TrainingFacts): PythonJson {
  const list = buckets.list.map(({ width, height, count }, index): [number, PythonJson] => [
    index,
    { resolution: [width, height], count },
  ]);
  return { buckets: new Map(list), mean_img_ar_error: float(buckets.meanAspectError) };
}

/** How often each tag stands in the captions: split at commas, trimmed, lower-cased, in order of appearance. */
export function tagFrequency(captions: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const caption of captions) {
    for (const part of caption.split(',')) {
      const tag = part.trim().toLowerCase();
      if (tag !== '') counts.set(tag, (counts.get(tag) ?? 0) + 1);
    }
  }
  return counts;
}

/** Stability's model specification 1.0.1, as kohya's sai_model_spec.py fills it in. */
function modelSpec(facts: TrainingFacts): Record<string, string> {
  const [width, height] = facts.resolution;
  return strings('modelspec.', {
    sai_model_spec: '1.0.1',
    architecture: called(facts).architecture,
    implementation: facts.family.implementation,
    title: facts.outputName,
    resolution: `${width}x${height}`,
    date: new Date(facts.finishedAt).toISOString().slice(0, 19),
    prediction_type: facts.vPrediction ? 'v' : 'epsilon',
    implementation_version: facts.program,
    ...(facts.clipSkip > 1 ? { encoder_layer: facts.clipSkip } : {}),
  });
}

/** What the family is called; one with models of both kinds has two names. */
function called({ family, vPrediction }: TrainingFacts): { baseModelVersion: string; architecture: string } {
  return vPrediction ? (family.predictingV ?? family) : family;
}

function nullableFloat(value: number | null): PythonValue {
  return value === null ? null : float(value);
}

function strings(prefix: string, values: Readonly<Record<string, PythonValue>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, pythonStr(value)]));
}

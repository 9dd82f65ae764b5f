/**
 * A run as a job for sd-scripts on another machine: its configuration and data set as TOML, and for each setting of ours
 * what becomes of it there. The files around them are job.ts's. Names and rules are those of sd-scripts'
 * own argument parser and docs/config_README-en.md (read at 48d368f, February 2026).
 */
import { stringify } from 'smol-toml';
import { samplePicture } from '../captions/sample_prompt';
import { configFields, isFieldName, isPlace, type TrainConfig } from '../config/config_fields';
import { familyFacts, type FamilyName } from '../families/families';
import { optimizerFacts } from '../config/optimizers';
import { HANDOVER_ROWS, type HandoverRow } from './handover_rows';

type Toml = string | number | boolean | string[];

export interface HandoverInput {
  readonly config: TrainConfig;
  /** Folders of pictures below the job's own, each with how often its pictures are repeated in an epoch. */
  readonly folders: readonly { readonly path: string; readonly repeats: number }[];
  /** Of the base model. */
  readonly family?: FamilyName;
  /** File names in the job's `base/` folder, which whoever runs it fills. */
  readonly baseName: string;
  readonly vaeName?: string;
  /** The LoRA to go on from, below the job's folder. */
  readonly weights?: string;
  /** Processes that compute at once, each on a GPU of its own: one where `cpu` is true. */
  readonly processes: number;
  /** On CPUs, as in a test; fp16 is then none. */
  readonly cpu: boolean;
  /** The pictures are cut to their buckets already. */
  readonly cropped?: boolean;
}

/** The job's own files, by name. */
export function handoverFiles(input: HandoverInput): Map<string, string> {
  const files = new Map([
    ['config.toml', stringify(configuration(input))],
    ['dataset.toml', stringify(dataset(input))],
    ['accelerate.yaml', accelerate(input)],
    ['run.sh', script(factsOf(input).sdScripts.script)],
    ['README.md', readme(input)],
  ]);
  const prompts = samples(input.config);
  if (prompts !== '') files.set('sample_prompts.txt', prompts);
  return files;
}

const factsOf = ({ family = 'sd1' }: HandoverInput) => familyFacts[family];

function configuration(input: HandoverInput): Record<string, Toml> {
  const { config, baseName, vaeName, weights, cpu } = input;
  const { kohya } = optimizerFacts[config.optimizer];
  const args: Record<string, string | number> = {
    ...kohya.args(config),
    ...(config.optimizer === 'adamw' ? { eps: config.adam_eps } : {}),
  };
  const warmed = config.lr_scheduler === 'constant' && config.lr_warmup_steps > 0;
  const every = config.save_steps;
  return {
    pretrained_model_name_or_path: `base/${baseName}`,
    ...(vaeName === undefined ? {} : { vae: `base/${vaeName}` }),
    ...factsOf(input).sdScripts.options,
    dataset_config: 'dataset.toml',
    output_dir: 'output',
    output_name: config.output_name,
    logging_dir: 'logs',
    log_with: 'tensorboard',
    save_model_as: 'safetensors',
    ...when(config.training_comment !== '', { training_comment: config.training_comment }),

    network_module: 'networks.lora',
    network_dim: config.lora_rank,
    network_alpha: config.lora_alpha ?? config.lora_rank,
    ...when(config.lora_dropout > 0, { network_dropout: config.lora_dropout }),
    ...when(weights !== undefined, { network_weights: weights ?? '' }),
    ...when(!config.train_text_encoder, { network_train_unet_only: true }),
    ...when(!config.train_unet, { network_train_text_encoder_only: true }),

    train_batch_size: config.batch_size,
    ...(config.max_train_steps > 0
      ? { max_train_steps: config.max_train_steps }
      : { max_train_epochs: config.epochs }),
    gradient_accumulation_steps: config.gradient_accumulation_steps,
    max_grad_norm: config.max_grad_norm,
    learning_rate: config.learning_rate,
    ...(config.unet_lr === null ? {} : { unet_lr: config.unet_lr }),
    ...(config.text_encoder_lr === null ? {} : { text_encoder_lr: config.text_encoder_lr }),
    optimizer_type: kohya.name.split('.').at(-1) ?? kohya.name,
    optimizer_args: Object.entries(args).map(([name, value]) => `${name}=${value}`),
    lr_scheduler: warmed ? 'constant_with_warmup' : config.lr_scheduler,
    lr_warmup_steps: config.lr_scheduler === 'constant' && !warmed ? 0 : config.lr_warmup_steps,
    lr_scheduler_num_cycles: config.lr_scheduler_num_cycles,
    lr_scheduler_power: config.lr_scheduler_power,
    mixed_precision: precision(config, cpu),
    // Refused there without mixed precision.
    ...when(config.base_precision !== 'fp16' && precision(config, cpu) !== 'no', { fp8_base_unet: true }),
    ...when(!cpu, { sdpa: true, gradient_checkpointing: true }),
    cache_latents: true,
    seed: config.seed,

    ...when(config.max_token_length !== 75, { max_token_length: config.max_token_length }),
    // Of two text encoders the layer is fixed; their trainer warns of the name.
    ...when(factsOf(input).texts.length === 1, { clip_skip: config.clip_skip }),
    ...when(config.v_parameterization, { v_parameterization: true }),
    ...when(config.zero_terminal_snr, { zero_terminal_snr: true }),
    ...when(config.min_snr_gamma > 0, { min_snr_gamma: config.min_snr_gamma }),
    ...when(config.noise_offset > 0, { noise_offset: config.noise_offset }),
    ...when(config.noise_offset > 0 && config.adaptive_noise_scale !== 0, {
      adaptive_noise_scale: config.adaptive_noise_scale,
    }),
    ...when(config.debiased_estimation_loss, { debiased_estimation_loss: true }),

    save_precision: config.save_precision,
    ...when(every > 0, { save_every_n_steps: every }),
    ...when(config.save_every_n_epochs > 0, { save_every_n_epochs: config.save_every_n_epochs }),
    ...when(config.keep_last_n > 0 && every > 0, { save_last_n_steps: (config.keep_last_n - 1) * every }),
    ...when(config.keep_last_n > 0 && config.save_every_n_epochs > 0, {
      save_last_n_epochs: config.keep_last_n,
    }),
    ...when(config.sample_prompts.length > 0, {
      sample_prompts: 'sample_prompts.txt',
      sample_sampler: SAMPLERS[config.sample_sampler],
    }),
    ...when(config.sample_prompts.length > 0 && config.sample_every_n_steps > 0, {
      sample_every_n_steps: config.sample_every_n_steps,
    }),
    ...when(config.sample_prompts.length > 0 && config.sample_every_n_epochs > 0, {
      sample_every_n_epochs: config.sample_every_n_epochs,
    }),
  };
}

function dataset({ config, folders }: HandoverInput): Record<string, unknown> {
  const captions: Record<string, Toml> = {
    caption_extension: '.txt',
    flip_aug: config.flip_aug,
    shuffle_caption: config.shuffle_caption,
    keep_tokens: config.keep_tokens,
    ...when(config.keep_tokens_separator !== '', { keep_tokens_separator: config.keep_tokens_separator }),
    ...when(config.caption_prefix !== '', { caption_prefix: config.caption_prefix }),
    ...when(config.caption_suffix !== '', { caption_suffix: config.caption_suffix }),
    caption_dropout_rate: config.caption_dropout_rate,
    caption_dropout_every_n_epochs: config.caption_dropout_every_n_epochs,
    caption_tag_dropout_rate: config.caption_tag_dropout_rate,
  };
  const { resolution, batch_size, enable_bucket, bucket_no_upscale } = config;
  const { min_bucket_reso, max_bucket_reso, bucket_reso_steps } = config;
  return {
    general: captions,
    datasets: [
      {
        ...{ resolution, batch_size, enable_bucket, bucket_no_upscale },
        ...{ min_bucket_reso, max_bucket_reso, bucket_reso_steps },
        subsets: folders.map(({ path, repeats }) => ({ image_dir: path, num_repeats: repeats })),
      },
    ],
  };
}

/** What sd-scripts calls our samplers in samples; its DPM++ 2M is the multistep solver of diffusers. */
const SAMPLERS: Readonly<Record<TrainConfig['sample_sampler'], string>> = {
  ddim: 'ddim',
  euler: 'euler',
  dpmpp_2m: 'dpmsolver++',
};

/** One prompt a line, with all that decides its picture. */
function samples(config: TrainConfig): string {
  return config.sample_prompts
    .map((text, index) => samplePicture(text, config, index))
    .map(({ prompt, negative, width, height, seed, steps, guidance }) => {
      const words = [prompt, ...(negative === '' ? [] : [`--n ${negative}`])].map((each) =>
        each.replace(/\s+/g, ' '),
      );
      return `${words.join(' ')} --w ${width} --h ${height} --d ${seed} --s ${steps} --l ${guidance}\n`;
    })
    .join('');
}

function precision(config: TrainConfig, cpu: boolean): 'no' | 'fp16' {
  return cpu || config.mixed_precision === 'fp32' ? 'no' : 'fp16';
}

function accelerate({ config, processes, cpu }: HandoverInput): string {
  return [
    'compute_environment: LOCAL_MACHINE',
    `distributed_type: ${processes > 1 ? 'MULTI_GPU' : "'NO'"}`,
    `mixed_precision: '${precision(config, cpu)}'`,
    'machine_rank: 0',
    'num_machines: 1',
    `num_processes: ${processes}`,
    'main_training_function: main',
    `use_cpu: ${cpu}`,
    '',
  ].join('\n');
}

const script = (trainer: string) => `#!/bin/sh
# Checks this job's files and trains. SD_SCRIPTS: the folder of kohya-ss/sd-scripts, with its Python packages installed.
set -e
cd "$(dirname "$0")"
sha256sum --check --quiet SHA256SUMS
exec accelerate launch --config_file accelerate.yaml "\${SD_SCRIPTS:?the folder of sd-scripts}/${trainer}" \\
  --config_file config.toml "$@"
`;

function readme({ config, baseName, vaeName, weights, processes, cropped }: HandoverInput): string {
  const values: Readonly<Record<string, unknown>> = config;
  const rows = Object.entries<HandoverRow>(HANDOVER_ROWS).map(
    ([name, { fate, as, why = '' }]) =>
      `| \`${name}\` | ${cell(name, values[name])} | ${fate} | ${as === '' ? '' : `\`${as}\``} | ${why} |`,
  );
  const pictures = config.batch_size * config.gradient_accumulation_steps * processes;
  return [
    `# ${config.output_name}: a training job for sd-scripts`,
    '',
    `1. Put the base model into \`base/\` as \`${baseName}\`${vaeName === undefined ? '' : `, and the VAE as \`${vaeName}\``}. They are not in this archive.`,
    '2. `SD_SCRIPTS=/path/to/sd-scripts sh run.sh`. It compares every file with `SHA256SUMS` first.',
    '3. `output/` then holds the LoRA, `output/sample/` its samples, `logs/` its curves for TensorBoard.',
    '',
    weights === undefined
      ? 'It begins from nothing.'
      : `It begins from \`${weights}\`. Steps, schedule and the optimizer's memory begin anew: lower \`max_train_steps\` or \`max_train_epochs\` in config.toml by what was trained already.`,
    '',
    cropped
      ? 'The pictures are cut as they were to be trained on here, crops set by hand included: each has the size of its bucket.'
      : 'The pictures are whole. A crop that was set by hand does not go along: theirs is the middle.',
    '',
    '## With more processes',
    '',
    `\`num_processes\` in accelerate.yaml is ${processes}: one step sees batch x accumulation x processes = ${pictures} pictures. With N`,
    'processes an epoch has an N-th of the steps, `max_train_steps` steps see N times the pictures, and warm-up, saving and',
    'samples, which count steps, come later in the data. The learning rate is not scaled: whether to raise it is yours to',
    'decide. Other processes draw other noise, so that the result is another one than with one process.',
    '',
    '## Back',
    '',
    'In the studio: *Results*, *Runs*, *Open a run from elsewhere*, and this folder as it is then, or the files of `output/` and',
    '`logs/`. It becomes a run beside the others, with curve, samples and LoRA. On the command line',
    '`npm run handover -- --back FOLDER` says what came back; `pretrained_lora: FILE` in a configuration trains it further.',
    '',
    '## Every setting',
    '',
    '| ours | here | | theirs | what differs |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    'Noise, timesteps, order of the pictures and random choices among captions are drawn by other generators there: the',
    'result is another one of the same kind, not the same bytes. Masks are not part of a run here, so that none go along.',
    '',
  ].join('\n');
}

/** Of a place on this machine only its last part: the other one has none of the rest, and need not know it. */
function cell(name: string, value: unknown): string {
  if (typeof value === 'string' && isFieldName(name) && isPlace(configFields[name]))
    return value.split(/[\\/]/).findLast((part) => part !== '') ?? '';
  const text = value === null ? '' : Array.isArray(value) ? `${value.length} lines` : String(value);
  return text.replace(/[|\n]/g, ' ').slice(0, 40);
}

function when<T extends Record<string, Toml>>(holds: boolean, entries: T): Partial<T> {
  return holds ? entries : {};
}

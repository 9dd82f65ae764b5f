// What each of kohya's settings is here. Each rule reads what it knows from the file, sets our fields, refuses what
// has no counterpart, and returns the names it has dealt with. Names: sd-scripts' arguments, kohya_ss's form.
// The list is long because theirs is.
import { configFields, type Field, type FieldName, type TrainConfig } from './config_fields';
import type { FlatValues } from './flat_config';

/**
 * `set(key, field, value, changed)`: `key` of the file gives `field` this value; `changed` if not to the letter.
 * `refuse(key, value)`: this has no counterpart. Returns the keys that need no further look.
 */
export type Rule = (
  file: FlatValues,
  set: (key: string, field: FieldName, value: unknown, changed?: boolean) => void,
  refuse: (key: string, value: unknown) => void,
) => readonly string[];

/** Says nothing, or says no. */
export function isOff(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isOff);
  return (
    value === false || value === 0 || value === null || value === undefined || isBlank(value) || value === '0'
  );
}

/** Whether a name is one of kohya's; what tells a YAML file of theirs from one of ours. */
export function isKohyaKey(key: string): boolean {
  return renamed.has(key) || readByRules.has(key) || moot.test(key) || neutral.has(key);
}

/** Has no effect on what is learned here: done always, decided by the trainer itself, or about another machine. */
export function isMoot(key: string, value: unknown, file: FlatValues): boolean {
  if (moot.test(key)) return true;
  if (text(file.get('LoRA_type')) === 'Standard' && lycorisOnly.test(key)) return true;
  if (/^multires_noise_discount$/.test(key)) return isOff(file.get('multires_noise_iterations'));
  if (/^huber_/.test(key)) return [undefined, 'l2'].includes(text(file.get('loss_type')));
  return (neutral.get(key) ?? []).some((each) => String(each) === String(value).toLowerCase());
}

const moot =
  /^(cache_|vae_batch_size$|xformers$|sdpa$|mem_eff|gradient_checkpointing$|lowram$|highvram$|max_data_loader|persistent_data_loader|caption_exten[st]ion$|logging|log_|wandb|console_log|num_(cpu|proc|mach)|multi_gpu$|gpu_ids$|main_process|dynamo|torch_compile|huggingface|ddp_|async_upload|metadata_|no_metadata$|save_state|save_last|save_every_n_epochs_checkpoint|mixed_precision_|skip_cache|skip_until|initial_|model_list$|model_train_type$|save_as_bool$|prior_loss_weight$|flux|sd3_|t5|clip_[lg]|ae$|discrete_flow|guidance_scale$|timestep_sampling$|model_prediction_type$|sigmoid_scale$|weighting_scheme$|logit_|mode_scale$|split_|train_(double|single)_block|blocks_to_swap$|double_blocks|single_blocks|apply_t5|lumina|sample_(width|height|at_first)$|positive_prompts$|random_dataset|enable_preview$|enable_base_weight$|dataset_repeats$|class_tokens$|is_reg$|color_aug_|ui_custom)/;

/** What kohya_ss writes for LyCORIS into every file; it only counts where LoRA_type says so. */
const lycorisOnly =
  /^(LyCORIS_preset|conv_(dim|alpha|block_.*)|decompose_both|dim_from_weights|factor|unit|rank_dropout_scale|constrain|bypass_mode|train_norm|use_(cp|scalar|tucker)|train_on_input|rescaled|block_lr_zero_threshold)$/;

/** Values besides "off" with which a setting does nothing. */
const neutral = new Map<string, readonly (string | number)[]>([
  ['network_module', ['networks.lora']],
  ['LoRA_type', ['standard']],
  ['save_model_as', ['safetensors']],
  ['max_timestep', [1000]],
  ['loss_type', ['l2']],
  ['noise_offset_type', ['original']],
  ['caption_tag_dropout_rate', [0]],
  ['token_warmup_min', [1]],
  ['scale_weight_norms', [0]],
  ['train_mode', ['standard']],
]);

/** Taken as they are, by another name or the same. */
const renamed = new Map<string, FieldName>([
  ['network_dim', 'lora_rank'],
  ['network_alpha', 'lora_alpha'],
  ['network_dropout', 'lora_dropout'],
  ['learning_rate', 'learning_rate'],
  ['train_batch_size', 'batch_size'],
  ['batch_size', 'batch_size'],
  ['gradient_accumulation_steps', 'gradient_accumulation_steps'],
  ['max_grad_norm', 'max_grad_norm'],
  ['weight_decay', 'weight_decay'],
  ['seed', 'seed'],
  ['enable_bucket', 'enable_bucket'],
  ['min_bucket_reso', 'min_bucket_reso'],
  ['max_bucket_reso', 'max_bucket_reso'],
  ['bucket_reso_steps', 'bucket_reso_steps'],
  ['bucket_no_upscale', 'bucket_no_upscale'],
  ['num_repeats', 'num_repeats'],
  ['flip_aug', 'flip_aug'],
  ['shuffle_caption', 'shuffle_caption'],
  ['keep_tokens', 'keep_tokens'],
  ['caption_dropout_rate', 'caption_dropout_rate'],
  ['max_token_length', 'max_token_length'],
  ['clip_skip', 'clip_skip'],
  ['v_parameterization', 'v_parameterization'],
  ['min_snr_gamma', 'min_snr_gamma'],
  ['noise_offset', 'noise_offset'],
  ['save_every_n_steps', 'save_steps'],
  ['save_precision', 'save_precision'],
  ['sample_every_n_steps', 'sample_every_n_steps'],
  ['output_name', 'output_name'],
  ['training_comment', 'training_comment'],
]);

/** Names with a rule of their own below. */
const readByRules = new Set(
  'max_train_epochs epoch max_train_steps network_train_unet_only network_train_text_encoder_only unet_lr text_encoder_lr optimizer optimizer_type optimizer_args use_8bit_adam use_lion_optimizer lr_scheduler lr_warmup lr_warmup_steps lr_scheduler_num_cycles lr_scheduler_power lr_scheduler_type resolution max_resolution mixed_precision full_fp16 full_bf16 fp8_base sample_prompts sample_sampler sample_scheduler sample_cfg sample_steps sample_seed negative_prompts sdxl v2'.split(
    ' ',
  ),
);

export const rules: readonly Rule[] = [
  byName,
  length,
  parts,
  optimizer,
  schedule,
  size,
  precision,
  samples,
  kind,
];

function byName(...[file, set]: Parameters<Rule>): readonly string[] {
  const here = [...renamed].filter(([key]) => file.has(key));
  for (const [key, field] of here) {
    const value = file.get(key);
    if (!isNone(value)) set(key, field, asKind(configFields[field], value));
  }
  return here.map(([key]) => key);
}

/** kohya counts steps unless epochs are given; ours counts epochs unless steps are given. */
function length(...[file, set]: Parameters<Rule>): readonly string[] {
  const steps = number(file.get('max_train_steps'));
  const key = isOff(file.get('max_train_epochs')) ? 'epoch' : 'max_train_epochs';
  const epochs = number(file.get(key));
  if (epochs) set(key, 'epochs', epochs);
  if (key === 'max_train_epochs') set(key, 'max_train_steps', 0);
  else if (steps !== undefined) set('max_train_steps', 'max_train_steps', steps);
  return ['max_train_epochs', 'epoch', 'max_train_steps'];
}

/** Which parts are trained, and how fast. kohya_ss says "not this one" by a rate of 0. */
function parts(...[file, set, refuse]: Parameters<Rule>): readonly string[] {
  const unet = rate(file.get('unet_lr'));
  const text = rate(file.get('text_encoder_lr'));
  const on = (key: string) => file.get(key) === true || file.get(key) === 'true';
  const unetOnly = on('network_train_unet_only') || (text === 0 && Boolean(unet));
  const textOnly = on('network_train_text_encoder_only') || (unet === 0 && Boolean(text));
  if (unetOnly || textOnly || unet !== undefined || text !== undefined) {
    set(text === undefined ? 'unet_lr' : 'text_encoder_lr', 'train_text_encoder', !unetOnly);
    set('unet_lr', 'train_unet', !textOnly);
  }
  if (unet) set('unet_lr', 'unet_lr', unet);
  if (text) set('text_encoder_lr', 'text_encoder_lr', text);
  const rest = file.get('text_encoder_lr');
  if (Array.isArray(rest) && rest.length > 1 && rest[1] !== rest[0]) refuse('text_encoder_lr', rest);
  return ['network_train_unet_only', 'network_train_text_encoder_only', 'unet_lr', 'text_encoder_lr'];
}

function optimizer(...[file, set, refuse]: Parameters<Rule>): readonly string[] {
  const key = file.has('optimizer_type') ? 'optimizer_type' : 'optimizer';
  const flag = !isOff(file.get('use_lion_optimizer'))
    ? 'lion'
    : !isOff(file.get('use_8bit_adam'))
      ? 'adamw8bit'
      : '';
  const name = (flag || (text(file.get(key)) ?? '')).toLowerCase();
  const family = /^(paged)?(adamw|lion)(8bit|32bit)?$/.exec(name);
  if (family) set(key, 'optimizer', family[2], family[2] !== name);
  else if (name) refuse(key, file.get(key));
  for (const [argument, value] of optimizerArguments(file.get('optimizer_args'))) {
    const [first, second] = value
      .replace(/^[([]|[)\]]$/g, '')
      .split(',')
      .map(Number);
    if (argument === 'weight_decay') set('optimizer_args', 'weight_decay', first);
    else if (argument === 'eps') set('optimizer_args', 'adam_eps', first);
    else if (argument === 'betas' && second !== undefined) {
      set('optimizer_args', 'adam_beta1', first);
      set('optimizer_args', 'adam_beta2', second);
    } else refuse(`optimizer_args ${argument}`, value);
  }
  return ['optimizer', 'optimizer_type', 'optimizer_args', 'use_8bit_adam', 'use_lion_optimizer'];
}

/** `["weight_decay=0.1", "betas=0.9,0.99"]`, or the same as one text with spaces between. */
function optimizerArguments(value: unknown): [string, string][] {
  const list = Array.isArray(value) ? value.map(String) : (text(value) ?? '').split(/\s+(?=\w+=)/);
  return list
    .map((each) => /^\s*"?(\w+)\s*=\s*(.*?)"?\s*$/.exec(each))
    .flatMap((found) =>
      found?.[1] && found[2] !== undefined ? [[found[1], found[2]] as [string, string]] : [],
    );
}

function schedule(...[file, set, refuse]: Parameters<Rule>): readonly string[] {
  const name = text(file.get('lr_scheduler'));
  const plain = name === 'constant_with_warmup' ? 'constant' : name;
  const known = configFields.lr_scheduler.choices.find((choice) => choice === plain);
  if (known) set('lr_scheduler', 'lr_scheduler', known);
  else if (name) refuse('lr_scheduler', name);
  const steps = number(file.get('lr_warmup_steps'));
  const percent = number(file.get('lr_warmup'));
  // kohya's plain `constant` never warms up, whatever the file says.
  if (name === 'constant') set('lr_scheduler', 'lr_warmup_steps', 0);
  else if (steps) set('lr_warmup_steps', 'lr_warmup_steps', steps);
  else if (percent !== undefined) set('lr_warmup', 'lr_warmup_steps', percent / 100);
  else if (steps === 0) set('lr_warmup_steps', 'lr_warmup_steps', 0);
  for (const key of ['lr_scheduler_num_cycles', 'lr_scheduler_power'] as const) {
    const value = number(file.get(key));
    if (value) set(key, key, value);
  }
  return ['lr_scheduler', 'lr_warmup', 'lr_warmup_steps', 'lr_scheduler_num_cycles', 'lr_scheduler_power'];
}

/** `512`, `"512,512"` or `[512, 768]`. Ours is the side of a square; a rectangle's has the same area. */
function size(...[file, set]: Parameters<Rule>): readonly string[] {
  const key = file.has('resolution') ? 'resolution' : 'max_resolution';
  const value = file.get(key);
  if (isNone(value)) return [key];
  const sides = (Array.isArray(value) ? value : String(value).split(/[,x]/)).map(Number);
  const [width, height = width] = sides;
  if (width === height) set(key, 'resolution', width);
  else set(key, 'resolution', Math.max(64, Math.round(Math.sqrt(width * height) / 64) * 64), true);
  return ['resolution', 'max_resolution'];
}

/** bf16 does not exist in WebGPU, and half precision not on every GPU: `auto` takes it where it is. */
function precision(...[file, set, refuse]: Parameters<Rule>): readonly string[] {
  const value = text(file.get('mixed_precision'));
  if (value === 'no') set('mixed_precision', 'mixed_precision', 'fp32');
  else if (value) set('mixed_precision', 'mixed_precision', 'auto', value === 'bf16');
  for (const key of ['full_fp16', 'full_bf16', 'fp8_base'])
    if (!isOff(file.get(key))) refuse(key, file.get(key));
  return ['mixed_precision', 'full_fp16', 'full_bf16', 'fp8_base'];
}

/** kohya_ss keeps prompts in the form, a line each, with `--n` and the like behind; sd-scripts names a file. */
function samples(...[file, set, refuse]: Parameters<Rule>): readonly string[] {
  const lines = (text(file.get('sample_prompts')) ?? '')
    .split('\n')
    .filter((line) => line.trim() && !line.startsWith('#'));
  const isFile = lines.length === 1 && /\.(txt|toml|json)$/i.test(lines[0]);
  if (lines.length && !isFile) {
    set(
      'sample_prompts',
      'sample_prompts',
      lines.map((line) => line.replace(/\s+--\w .*$/s, '').trim()),
    );
    for (const [option, field] of promptOptions) {
      const found = new RegExp(`\\s--${option} (.*?)(?=\\s--\\w |$)`, 's').exec(lines[0])?.[1];
      if (found) set('sample_prompts', field, asKind(configFields[field], found.trim()));
    }
  }
  for (const [key, field] of Object.entries(sampleNames)) {
    const value = file.get(key);
    if (!isNone(value)) set(key, field, asKind(configFields[field], value));
  }
  const sampler = text(file.get('sample_sampler'));
  const known = sampler ? samplers.get(sampler.toLowerCase()) : undefined;
  if (known) set('sample_sampler', 'sample_sampler', known);
  else if (sampler) refuse('sample_sampler', sampler);
  return ['sample_sampler', ...Object.keys(sampleNames), ...(isFile ? [] : ['sample_prompts'])];
}

const promptOptions = [
  ['n', 'sample_negative_prompt'],
  ['d', 'sample_seed'],
  ['l', 'sample_cfg_scale'],
  ['s', 'sample_steps'],
] as const satisfies readonly (readonly [string, FieldName])[];

const sampleNames = {
  negative_prompts: 'sample_negative_prompt',
  sample_cfg: 'sample_cfg_scale',
  sample_steps: 'sample_steps',
  sample_seed: 'sample_seed',
} as const satisfies Readonly<Record<string, FieldName>>;

const samplers = new Map<string, TrainConfig['sample_sampler']>([
  ['ddim', 'ddim'],
  ['euler', 'euler'],
  ['k_euler', 'euler'],
  ['dpmsolver++', 'dpmpp_2m'],
  ['dpm++ 2m', 'dpmpp_2m'],
]);

/** Other families of base models: the settings may fit, the model does not. */
function kind(...[file, , refuse]: Parameters<Rule>): readonly string[] {
  for (const key of ['sdxl', 'v2', 'flux1_checkbox', 'sd3_checkbox'])
    if (!isOff(file.get(key))) refuse(key, file.get(key));
  return ['sdxl', 'v2', 'flux1_checkbox', 'sd3_checkbox'];
}

/** What sd-scripts does where a run's file is silent, as far as ours would do otherwise. Not for data-set files. */
export function silentDefaults(file: FlatValues): [FieldName, unknown][] {
  const isRun = ['pretrained_model_name_or_path', 'network_module', 'network_dim', 'LoRA_type'].some((key) =>
    file.has(key),
  );
  if (!isRun) return [];
  const found: [FieldName, unknown][] = [
    ['lora_rank', 4],
    ['lora_alpha', 1],
    ['train_text_encoder', true],
    ['batch_size', 1],
    ['lr_scheduler', 'constant'],
    ['enable_bucket', false],
  ];
  const endless = ['max_train_epochs', 'max_train_steps', 'epoch'].every((key) => isOff(file.get(key)));
  return endless ? [...found, ['max_train_steps', 1600]] : found;
}

/** Forms keep numbers as text; a field says what it wants. */
function asKind(field: Field, value: unknown): unknown {
  if (field.kind === 'text' || field.kind === 'texts' || typeof value !== 'string') return value;
  if (field.kind === 'switch')
    return value.toLowerCase() === 'true' || (value.toLowerCase() === 'false' ? false : value);
  return number(value) ?? value;
}

function rate(value: unknown): number | undefined {
  return number(Array.isArray(value) ? value[0] : value);
}

function number(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const found = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  return Number.isFinite(found) ? found : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && !isBlank(value) ? value.trim() : undefined;
}

function isNone(value: unknown): boolean {
  return value === null || value === undefined || isBlank(value);
}

function isBlank(value: unknown): boolean {
  return typeof value === 'string' && /^\s*(none|null)?\s*$/i.test(value);
}

// What each setting of sd-scripts, and of the forms in front of it (kohya_ss, lora-scripts), is here: a rule takes what it
// knows from the ledger and leaves, or warns of, what has no counterpart. Names: sd-scripts' arguments, kohya_ss's form.
// The list is long because theirs is.
import { configFields, isFieldName, isPlace, type FieldName } from '../config/config_fields';
import { adapterFacts, kindNamed, lossFacts } from '../config/kinds';
import { optimizerFacts } from '../config/optimizers';
import { choiceNamed, optimizerNamed, samplerNames, scheduleNames } from './choice_names';
import { numberOf, type Ledger } from './import_ledger';

/** Says nothing, or says no. */
export function isOff(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isOff);
  if (typeof value === 'string') return isBlank(value) || /^\s*(0|0\.0+|false|off)\s*$/i.test(value);
  return value === false || value === 0 || value === null || value === undefined;
}

/** Whether a name is one of kohya's; what tells its files from others. */
export function isKohyaKey(key: string): boolean {
  return renamed.has(key) || readByRules.has(key) || moot.test(key) || neutral.has(key);
}

/** About speed, memory, logs or another machine. */
const moot =
  /^(cache_|vae_batch_size$|xformers$|sdpa$|mem_eff|gradient_checkpointing$|lowram$|highvram$|max_data_loader|persistent_data_loader|caption_exten[st]ion$|logging|log_|wandb|console_log|num_(cpu|proc|mach)|multi_gpu$|gpu_ids$|main_process|dynamo|torch_compile|huggingface|ddp_|async_upload|metadata_|no_metadata$|save_state|save_every_n_epochs_checkpoint|mixed_precision_|skip_cache|skip_until|initial_|model_list$|model_train_type$|save_as_bool$|split_|sample_(width|height|at_first)$|enable_base_weight$|ui_custom|no_half_vae$|accelerate |script$|tokenizer_cache|training_comment$|debug_dataset$|randomly_choice_prompt$)/;

/** Of other families of base models; forms write them into every file. */
const otherFamily =
  /^(flux|sd3_|t5|clip_[lg]|ae$|discrete_flow|guidance_scale$|timestep_sampling$|model_prediction_type$|sigmoid_scale$|weighting_scheme$|logit_|mode_scale$|train_(double|single)_block|blocks_to_swap$|double_blocks|single_blocks|apply_t5|lumina)/;

const secret = /(api_key|token|password|secret)$/i;

/** What kohya_ss writes for LyCORIS into every file; it only counts where LoRA_type says so. */
const lycorisOnly =
  /^(LyCORIS_preset|lycoris_|conv_(dim|alpha|block_.*)|decompose_both|dim_from_weights|factor|unit|rank_dropout_scale|constrain|bypass_mode|train_norm|use_(cp|scalar|tucker)|train_on_input|rescaled|block_lr_zero_threshold)/;

/** Values besides "off" with which a setting does nothing. */
const neutral = new Map<string, readonly (string | number)[]>([
  ['save_model_as', ['safetensors']],
  ['max_timestep', [1000]],
  ['noise_offset_type', ['original']],
  ['token_warmup_min', [1]],
  ['train_mode', ['standard']],
  ['prior_loss_weight', [1]],
  ['loss_weight', [1]],
]);

/** Taken as they are, by another name or the same. */
const renamed = new Map<string, FieldName>([
  ['network_dim', 'lora_rank'],
  ['network_dropout', 'lora_dropout'],
  ['train_batch_size', 'batch_size'],
  ['batch_size', 'batch_size'],
  ['gradient_accumulation_steps', 'gradient_accumulation_steps'],
  ['max_grad_norm', 'max_grad_norm'],
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
  ['keep_tokens_separator', 'keep_tokens_separator'],
  ['caption_prefix', 'caption_prefix'],
  ['caption_suffix', 'caption_suffix'],
  ['caption_dropout_rate', 'caption_dropout_rate'],
  ['caption_dropout_every_n_epochs', 'caption_dropout_every_n_epochs'],
  ['caption_tag_dropout_rate', 'caption_tag_dropout_rate'],
  ['max_token_length', 'max_token_length'],
  ['clip_skip', 'clip_skip'],
  ['v_parameterization', 'v_parameterization'],
  ['zero_terminal_snr', 'zero_terminal_snr'],
  ['min_snr_gamma', 'min_snr_gamma'],
  ['noise_offset', 'noise_offset'],
  ['adaptive_noise_scale', 'adaptive_noise_scale'],
  ['debiased_estimation_loss', 'debiased_estimation_loss'],
  ['save_precision', 'save_precision'],
  ['output_name', 'output_name'],
  ['training_comment', 'training_comment'],
]);

/** Names with a rule of their own below. */
const readByRules = new Set(
  'network_alpha network_module network_args LoRA_type loss_type learning_rate max_train_epochs epoch max_train_steps network_train_unet_only network_train_text_encoder_only unet_lr text_encoder_lr optimizer optimizer_type optimizer_args use_8bit_adam use_lion_optimizer weight_decay lr_scheduler lr_warmup lr_warmup_steps lr_scheduler_num_cycles lr_scheduler_power lr_scheduler_type resolution max_resolution mixed_precision full_fp16 full_bf16 fp8_base fp8_base_unet save_every_n_steps save_every_n_epochs save_last_n_epochs save_last_n_steps sample_every_n_steps sample_every_n_epochs pretrained_model_name_or_path vae train_data_dir output_dir resume sample_prompts sample_sampler sample_steps sample_seed negative_prompts positive_prompts enable_preview sample_cfg sdxl v2 class_tokens is_reg image_dir reg_data_dir'.split(
    ' ',
  ),
);

/** Our fields that name what kohya's keys name, where the file lies on the computer that trains. */
const places = new Map<string, FieldName>([
  ['pretrained_model_name_or_path', 'base_model'],
  ['train_data_dir', 'train_data_dir'],
  ['image_dir', 'train_data_dir'],
  ['output_dir', 'output_dir'],
  ['vae', 'vae'],
  ['network_weights', 'pretrained_lora'],
]);

/** Puts every name into a list. `here`: paths are taken, for they are of this computer. */
export function applyKohyaRules(ledger: Ledger, here: boolean): void {
  family(ledger);
  adapter(ledger);
  loss(ledger);
  const fits = optimizer(ledger);
  byName(ledger);
  alpha(ledger);
  length(ledger);
  parts(ledger, fits);
  schedule(ledger);
  size(ledger);
  precision(ledger);
  intervals(ledger);
  samples(ledger);
  pictures(ledger);
  for (const [key, field] of places) if (here && !isOff(ledger.get(key))) ledger.take(key, field);
  // Of our own names in their file it is clear what is meant.
  for (const key of ledger.open)
    if (
      isFieldName(key) &&
      !isKohyaKey(key) &&
      (here || !isPlace(configFields[key])) &&
      !isNone(ledger.get(key))
    )
      ledger.take(key, key);
  for (const key of ledger.open) leaveRest(ledger, key);
  silentDefaults(ledger, fits);
}

function leaveRest(ledger: Ledger, key: string): void {
  const value = ledger.get(key);
  const said = String(value).toLowerCase();
  const settled = (neutral.get(key) ?? []).some(
    (each) => String(each) === said || (/^\d/.test(said) && Number(said) === Number(each)),
  );
  if (secret.test(key) && !isOff(value)) ledger.leave(key, 'private');
  else if (isOff(value) || settled) ledger.leave(key, 'off');
  else if (moot.test(key)) ledger.leave(key, 'moot');
  else if (lycorisOnly.test(key)) ledger.leave(key, isLycoris(ledger) ? 'adapter' : 'off');
  else if (key === 'multires_noise_discount' && isOff(ledger.get('multires_noise_iterations')))
    ledger.leave(key, 'off');
  else if (otherFamily.test(key)) ledger.leave(key, 'family');
  else if (isPath(key, value)) ledger.leave(key, 'place');
  else ledger.leave(key, 'unsupported');
}

/** By name or by value. */
function isPath(key: string, value: unknown): boolean {
  if (/^base_weights/.test(key)) return false;
  return (
    places.has(key) ||
    (typeof value === 'string' &&
      /(_dir|_path|_file|_json|_folder|_weights|^resume|^dataset_config)$/.test(key)) ||
    /\.(txt|toml|json|safetensors|ckpt)$/i.test(String(value))
  );
}

/** As the family is called in `families/plain.ts`, by which a warning is dropped where the base model is of it. */
export const SD2_TITLE = 'Stable Diffusion 2.x';

/** A family that is trained here: the base model says it, and is to be of it. */
export function forBase(ledger: Ledger, key: string, name: string): void {
  ledger.leave(key, 'base');
  ledger.warn('for-base', name, false);
}

const otherScripts: readonly [RegExp, string][] = [
  [/flux/i, 'Flux'],
  [/sd3/i, 'SD 3'],
  [/lumina|hunyuan|chroma|anima|wan/i, ''],
];

/** `sd_v2` predicts noise, `sd_v2_v` v; metadata say it in no other `ss_…`. */
function ofSd2(ledger: Ledger, key: string, value: string): void {
  forBase(ledger, key, SD2_TITLE);
  if (!ledger.has('v_parameterization')) ledger.take(key, 'v_parameterization', value === 'sd_v2_v');
}

/** Other families of base models: the settings may fit, the model does not. */
function family(ledger: Ledger): void {
  const warn = (key: string, name: string) => {
    ledger.leave(key, 'family');
    ledger.warn('family', name);
  };
  for (const [key, name] of [
    ['flux1_checkbox', 'Flux'],
    ['sd3_checkbox', 'SD 3'],
  ] as const)
    if (!isOff(ledger.get(key))) warn(key, name);
  if (!isOff(ledger.get('sdxl'))) forBase(ledger, 'sdxl', 'SDXL');
  if (!isOff(ledger.get('v2'))) forBase(ledger, 'v2', SD2_TITLE);
  for (const key of [
    'script',
    'model_train_type',
    'LoRA_type',
    'network_module',
    'base_model_version',
    'model_type',
  ]) {
    const value = text(ledger.get(key)) ?? '';
    const other = otherScripts.find(([pattern]) => pattern.test(value));
    // `sdxl_train_network.py`, `sdxl-lora`, `sdxl_base_v1-0`; `sdxl_train.py` trains the whole model.
    const xl = /^sdxl/i.test(value) && (key !== 'script' || value === 'sdxl_train_network.py');
    if (xl && !(key === 'model_train_type' && !/lora/i.test(value))) forBase(ledger, key, 'SDXL');
    else if (other) warn(key, other[1] || value);
    else if (key === 'base_model_version' && /^sd_v2/.test(value)) ofSd2(ledger, key, value);
    else if (key === 'base_model_version')
      ledger.leave(key, value === '' || /^sd_v1/.test(value) ? 'off' : 'record');
    else if (
      (key === 'script' && value !== '' && value !== 'train_network.py') ||
      (key === 'model_train_type' && value !== '' && !/lora/i.test(value))
    ) {
      ledger.leave(key, 'unsupported');
      ledger.warn('method', value);
    }
  }
}

function isLycoris(ledger: Ledger): boolean {
  const type = text(ledger.get('LoRA_type')) ?? 'Standard';
  return type !== 'Standard' || /lycoris/i.test(text(ledger.get('network_module')) ?? '');
}

const isOurs = (name: string) => kindNamed(adapterFacts, name) !== undefined;

/** Anything but a plain LoRA of the linear layers and 1x1 convolutions. */
function adapter(ledger: Ledger): void {
  const warn = (key: string, name: string) => {
    ledger.leave(key, 'adapter');
    ledger.warn('adapter', name);
  };
  const type = text(ledger.get('LoRA_type'));
  if (type && isOurs(type)) ledger.leave('LoRA_type', 'off');
  else if (type && ledger.open.includes('LoRA_type')) warn('LoRA_type', type);
  const module = text(ledger.get('network_module'));
  if (module && isOurs(module)) ledger.leave('network_module', 'off');
  else if (module && ledger.open.includes('network_module'))
    warn(
      'network_module',
      text(ledger.get('lycoris_algo')) ?? text(ledger.get('network_args algo')) ?? module,
    );
  if (!isOff(ledger.get('dora_wd'))) warn('dora_wd', 'DoRA');
  for (const key of ledger.open.filter((each) => /^network_args(_custom)? /.test(each))) {
    const name = key.slice(key.indexOf(' ') + 1);
    const value = ledger.get(key);
    if (name === 'algo' && !isOurs(text(value) ?? '')) warn(key, String(value));
    else if (name === 'conv_dim' && !isOff(value)) warn(key, `LoCon (conv_dim=${String(value)})`);
    else if (name === 'conv_alpha') ledger.leave(key, 'adapter');
    else if (/^(dora_wd|use_dora)$/.test(name) && !isOff(value)) warn(key, 'DoRA');
    else ledger.leave(key, isOff(value) ? 'off' : 'unsupported');
  }
}

function loss(ledger: Ledger): void {
  const type = text(ledger.get('loss_type'))?.toLowerCase();
  const plain = type === undefined || kindNamed(lossFacts, type) !== undefined;
  ledger.leave('loss_type', plain ? 'off' : 'loss');
  if (!plain) ledger.warn('loss', type);
  for (const key of ['huber_schedule', 'huber_c', 'huber_scale']) ledger.leave(key, plain ? 'off' : 'loss');
}

/** True if the optimizer is one of ours, or none is named. */
function optimizer(ledger: Ledger): boolean {
  const flags = { use_lion_optimizer: 'lion', use_8bit_adam: 'adamw8bit' } as const;
  const flag = (['use_lion_optimizer', 'use_8bit_adam'] as const).find((each) => !isOff(ledger.get(each)));
  const key = flag ?? (ledger.has('optimizer_type') ? 'optimizer_type' : 'optimizer');
  const name = (flag ? flags[flag] : (text(ledger.get(key)) ?? '')).split('.').at(-1)?.toLowerCase() ?? '';
  const known = optimizerNamed(name);
  if (known) ledger.take(key, 'optimizer', known.kind, known.whole ? undefined : 'full-state');
  else if (name) {
    ledger.leave(key, 'optimizer');
    ledger.warn('optimizer', text(ledger.get(key)) ?? name);
  }
  for (const each of ['optimizer', 'optimizer_type', 'use_lion_optimizer', 'use_8bit_adam'])
    ledger.leave(each, isOff(ledger.get(each)) ? 'off' : 'instead');
  const fits = !name || known !== undefined;
  if (!isOff(ledger.get('weight_decay'))) {
    if (fits) ledger.take('weight_decay', 'weight_decay');
    else ledger.leave('weight_decay', 'optimizer');
  }
  for (const each of ledger.open) {
    const argument = /^optimizer_args(?:_custom)? (\w+)$/.exec(each)?.[1];
    if (argument && fits) optimizerArgument(ledger, each, argument);
    else if (argument || /^prodigy_/.test(each)) ledger.leave(each, fits && !argument ? 'off' : 'optimizer');
  }
  return fits;
}

function optimizerArgument(ledger: Ledger, key: string, argument: string): void {
  const [first, second] = String(ledger.get(key))
    .replace(/[()[\]]/g, '')
    .split(',');
  if (argument === 'weight_decay') ledger.take(key, 'weight_decay', first);
  else if (argument === 'eps') ledger.take(key, 'adam_eps', first);
  else if (argument === 'betas' && second !== undefined) {
    ledger.take(key, 'adam_beta1', first);
    ledger.take(key, 'adam_beta2', second);
  } else ledger.leave(key, isOff(ledger.get(key)) ? 'off' : 'unsupported');
}

function byName(ledger: Ledger): void {
  // A data set's own batch counts.
  if (!isOff(ledger.get('batch_size'))) ledger.leave('train_batch_size', 'instead');
  for (const [key, field] of renamed)
    if (ledger.open.includes(key) && !isNone(ledger.get(key))) ledger.take(key, field);
}

/** kohya takes 0 for "as the rank". */
function alpha(ledger: Ledger): void {
  const value = ledger.get('network_alpha');
  if (isNone(value)) return;
  const rank = ledger.value('lora_rank');
  if (numberOf(value) === 0) ledger.take('network_alpha', 'lora_alpha', rank ?? null, 'alpha-zero');
  else ledger.take('network_alpha', 'lora_alpha');
}

/** kohya counts steps unless epochs are given; ours counts epochs unless steps are given. */
function length(ledger: Ledger): void {
  const steps = numberOf(ledger.get('max_train_steps')) ?? 0;
  if (!isOff(ledger.get('max_train_epochs'))) {
    ledger.take('max_train_epochs', 'epochs');
    ledger.take('max_train_epochs', 'max_train_steps', 0);
    ledger.leave('max_train_steps', 'instead');
    ledger.leave('epoch', 'instead');
  } else if (steps > 0) {
    ledger.take('max_train_steps', 'max_train_steps');
    ledger.leave('epoch', 'instead');
  } else if (!isOff(ledger.get('epoch'))) {
    ledger.take('epoch', 'epochs');
    ledger.take('epoch', 'max_train_steps', 0);
  }
}

/** Which parts are trained, and how fast. A rate of 0 says "not this one"; kohya_ss writes 0 and 0 for "both, at learning_rate". */
function parts(ledger: Ledger, fits: boolean): void {
  const [base, unet, textRate] = ['learning_rate', 'unet_lr', 'text_encoder_lr'].map((key) =>
    rate(ledger.get(key)),
  );
  const unetFlag = !isOff(ledger.get('network_train_unet_only'));
  const textFlag = !isOff(ledger.get('network_train_text_encoder_only'));
  const unetOnly = unetFlag || (textRate === 0 && Boolean(unet ?? base));
  const textOnly = textFlag || (unet === 0 && Boolean(textRate ?? base) && textRate !== 0);
  const unetKey = unetFlag ? 'network_train_unet_only' : 'text_encoder_lr';
  const textKey = textFlag ? 'network_train_text_encoder_only' : 'unet_lr';
  if (unetOnly && !textOnly) {
    ledger.take(unetKey, 'train_text_encoder', false);
    ledger.take(unetKey, 'train_unet', true);
    if (unetFlag && textRate) ledger.leave('text_encoder_lr', 'instead');
  } else if (textOnly && !unetOnly) {
    ledger.take(textKey, 'train_unet', false);
    ledger.take(textKey, 'train_text_encoder', true);
    if (textFlag && unet) ledger.leave('unet_lr', 'instead');
  }
  for (const key of ['learning_rate', 'unet_lr', 'text_encoder_lr'] as const) {
    const value = rate(ledger.get(key));
    if (!ledger.open.includes(key) || isNone(ledger.get(key))) continue;
    if (!fits) ledger.leave(key, 'optimizer');
    else if (value === undefined) ledger.take(key, key);
    else if (value > 0) {
      const list = ledger.get(key);
      const several = Array.isArray(list) && list.some((each) => numberOf(each) !== value);
      // As it was written: the ledger says where a comma was read as a point.
      ledger.take(key, key, Array.isArray(list) ? list[0] : list, several ? 'first' : undefined);
      if (key === 'unet_lr') ledger.take(key, 'train_unet', true);
      if (key === 'text_encoder_lr') ledger.take(key, 'train_text_encoder', true);
    }
  }
}

function schedule(ledger: Ledger): void {
  const name = text(ledger.get('lr_scheduler'))?.toLowerCase();
  const known = name === undefined ? undefined : choiceNamed(scheduleNames, name);
  if (known) ledger.take('lr_scheduler', 'lr_scheduler', known);
  else if (name) ledger.leave('lr_scheduler', 'unsupported');
  const steps = numberOf(ledger.get('lr_warmup_steps'));
  const percent = numberOf(ledger.get('lr_warmup'));
  // kohya's plain `constant` never warms up, whatever the file says.
  if (name === 'constant') {
    ledger.take('lr_scheduler', 'lr_warmup_steps', 0);
    ledger.leave('lr_warmup_steps', steps ? 'instead' : 'off');
    ledger.leave('lr_warmup', percent ? 'instead' : 'off');
  } else if (steps) {
    ledger.take('lr_warmup_steps', 'lr_warmup_steps');
    ledger.leave('lr_warmup', percent ? 'instead' : 'off');
  } else if (percent !== undefined) ledger.take('lr_warmup', 'lr_warmup_steps', percent / 100);
  else if (steps === 0) ledger.take('lr_warmup_steps', 'lr_warmup_steps', 0);
  if (!ledger.has('lr_scheduler_num_cycles') && !isOff(ledger.get('lr_restart_cycles')))
    ledger.take('lr_restart_cycles', 'lr_scheduler_num_cycles');
  for (const key of ['lr_scheduler_num_cycles', 'lr_scheduler_power'] as const)
    if (!isOff(ledger.get(key))) ledger.take(key, key);
}

/** `512`, `"512,512"` or `[512, 768]`. Ours is the side of a square; a rectangle's has the same area. */
function size(ledger: Ledger): void {
  const key = ledger.has('resolution') ? 'resolution' : 'max_resolution';
  if (key === 'resolution') ledger.leave('max_resolution', 'instead');
  if (!isNone(ledger.get(key))) takeSize(ledger, key);
}

export function takeSize(ledger: Ledger, key: string, written = ledger.get(key)): void {
  const list = Array.isArray(written)
    ? written
    : String(written)
        .replace(/[()[\]]/g, '')
        .split(/[,x]/);
  const sides = list.map((side) => numberOf(side) ?? NaN);
  const [width = NaN, height = width] = sides;
  if (width === height || Number.isNaN(width * height))
    ledger.take(key, 'resolution', Number.isNaN(width * height) ? written : width);
  else ledger.take(key, 'resolution', Math.max(64, Math.round(Math.sqrt(width * height) / 64) * 64), 'area');
}

/** bf16 does not exist in WebGPU, and half precision not on every GPU: `auto` takes it where it is. */
function precision(ledger: Ledger): void {
  const value = text(ledger.get('mixed_precision'))?.toLowerCase();
  if (value === 'no') ledger.take('mixed_precision', 'mixed_precision', 'fp32');
  else if (value === 'fp16' || value === 'bf16')
    ledger.take('mixed_precision', 'mixed_precision', 'auto', value === 'bf16' ? 'half' : undefined);
  else if (value) ledger.leave('mixed_precision', 'unsupported');
  for (const key of ['fp8_base', 'fp8_base_unet'])
    if (!isOff(ledger.get(key))) {
      ledger.take(key, 'base_precision', 'int8', 'eight-bits');
      ledger.warn('precision', 'fp8', false);
    }
  for (const key of ['full_fp16', 'full_bf16']) if (!isOff(ledger.get(key))) ledger.leave(key, 'unsupported');
}

/** Who names epochs alone wants no steps besides. */
function intervals(ledger: Ledger): void {
  for (const [what, steps, epochs] of [
    ['save', 'save_steps', 'save_every_n_epochs'],
    ['sample', 'sample_every_n_steps', 'sample_every_n_epochs'],
  ] as const) {
    const [bySteps, byEpochs] = [`${what}_every_n_steps`, `${what}_every_n_epochs`];
    if (!isNone(ledger.get(bySteps))) ledger.take(bySteps, steps);
    if (!isOff(ledger.get(byEpochs))) {
      ledger.take(byEpochs, epochs);
      if (isOff(ledger.get(bySteps))) ledger.take(byEpochs, steps, 0);
    }
  }
  const last = numberOf(ledger.get('save_last_n_epochs'));
  const lastSteps = numberOf(ledger.get('save_last_n_steps'));
  const every = numberOf(ledger.get('save_every_n_steps'));
  if (last) ledger.take('save_last_n_epochs', 'keep_last_n');
  else if (lastSteps && every)
    ledger.take('save_last_n_steps', 'keep_last_n', Math.floor(lastSteps / every) + 1, 'kept-saves');
  if (last && lastSteps) ledger.leave('save_last_n_steps', 'instead');
}

/** kohya_ss keeps prompts in the form, a line each, with `--n` and the like behind; sd-scripts names a file. */
function samples(ledger: Ledger): void {
  const preview = !ledger.has('enable_preview') || !isOff(ledger.get('enable_preview'));
  if (ledger.has('enable_preview')) ledger.leave('enable_preview', preview ? 'moot' : 'off');
  const key =
    ledger.has('positive_prompts') && isNone(ledger.get('sample_prompts'))
      ? 'positive_prompts'
      : 'sample_prompts';
  const written = ledger.get(key);
  const lines = (Array.isArray(written) ? written.map(String) : (text(written) ?? '').split('\n'))
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'));
  const isFile = lines.length === 1 && /\.(txt|toml|json)$/i.test(lines[0]);
  if (lines.length > 0 && preview && !isFile) {
    // Their options (`--n`, `--w`, …) mean the same here, line by line.
    ledger.take(key, 'sample_prompts', lines);
  } else if (lines.length > 0 && !preview) ledger.leave(key, 'off');
  for (const [name, field] of Object.entries(sampleNames)) {
    if (!preview) ledger.leave(name, 'off');
    else if (!isNone(ledger.get(name))) ledger.take(name, field);
  }
  const sampler = text(ledger.get('sample_sampler'));
  const known = sampler ? choiceNamed(samplerNames, sampler) : undefined;
  if (known) ledger.take('sample_sampler', 'sample_sampler', known);
  else if (sampler) ledger.leave('sample_sampler', preview ? 'samples' : 'off');
}

const sampleNames = {
  negative_prompts: 'sample_negative_prompt',
  sample_cfg: 'sample_cfg_scale',
  sample_steps: 'sample_steps',
  sample_seed: 'sample_seed',
} as const satisfies Readonly<Record<string, FieldName>>;

function pictures(ledger: Ledger): void {
  if (!isOff(ledger.get('reg_data_dir'))) {
    ledger.warn('regularization', String(ledger.get('reg_data_dir')), false);
    ledger.leave('reg_data_dir', 'regularization');
  }
  if (!isOff(ledger.get('is_reg'))) {
    ledger.warn('regularization', text(ledger.get('image_dir')) ?? 'is_reg');
    for (const key of ['is_reg', 'image_dir']) ledger.leave(key, 'regularization');
  }
  if (!isOff(ledger.get('prior_loss_weight')) && numberOf(ledger.get('prior_loss_weight')) !== 1)
    ledger.leave('prior_loss_weight', 'regularization');
  if (!isOff(ledger.get('class_tokens'))) ledger.leave('class_tokens', 'trigger');
  for (const [key, ruins] of [
    ['config_file', true],
    ['dataset_config', false],
  ] as const)
    if (!isOff(ledger.get(key))) ledger.warn('elsewhere', `${key} ${String(ledger.get(key))}`, ruins);
}

/** What sd-scripts does where a run's file is silent, as far as ours would do otherwise. Not for data-set files. */
function silentDefaults(ledger: Ledger, fits: boolean): void {
  const isRun = [
    'pretrained_model_name_or_path',
    'network_module',
    'network_dim',
    'LoRA_type',
    'script',
  ].some((key) => ledger.has(key));
  if (!isRun) return;
  ledger.assume('lora_rank', 4);
  ledger.assume('lora_alpha', 1);
  ledger.assume('train_text_encoder', true);
  ledger.assume('batch_size', 1);
  ledger.assume('lr_scheduler', 'constant');
  ledger.assume('enable_bucket', false);
  const optimizer = configFields.optimizer.choices.find((each) => each === ledger.value('optimizer'));
  if (fits && optimizer)
    for (const [field, value] of Object.entries(optimizerFacts[optimizer].sdScriptsDefaults))
      if (isFieldName(field)) ledger.assume(field, value);
  if (['max_train_epochs', 'max_train_steps', 'epoch'].every((key) => isOff(ledger.get(key))))
    ledger.assume('max_train_steps', 1600);
}

function rate(value: unknown): number | undefined {
  return numberOf(Array.isArray(value) ? value[0] : value);
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && !isBlank(value) ? value.trim() : undefined;
}

export function isNone(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === 'string' && isBlank(value));
}

function isBlank(value: string): boolean {
  return /^(none|null)?$/i.test(value.trim());
}

// OneTrainer's settings (its config JSON, its concepts, and the `ot_config` inside its LoRAs) as ours. Names are paths, for
// parts have rates of their own: `unet.learning_rate`.
import type { FieldName } from '../config/config_fields';
import { adapterFacts, kindNamed } from '../config/kinds';
import { choiceNamed, optimizerNamed, savePrecisionNames, scheduleNames } from './choice_names';
import { entriesOf } from './flat_config';
import { Ledger, numberOf } from './import_ledger';
import { forBase, isNone, isOff, SD2_TITLE, takeSize, text } from './kohya_rules';

const same: readonly (readonly [string, FieldName])[] = [
  ['lora_rank', 'lora_rank'],
  ['batch_size', 'batch_size'],
  ['gradient_accumulation_steps', 'gradient_accumulation_steps'],
  ['epochs', 'epochs'],
  ['dropout_probability', 'lora_dropout'],
  ['seed', 'seed'],
  ['clip_grad_norm', 'max_grad_norm'],
  ['learning_rate_warmup_steps', 'lr_warmup_steps'],
  ['learning_rate_cycles', 'lr_scheduler_num_cycles'],
  ['offset_noise_weight', 'noise_offset'],
  ['force_v_prediction', 'v_parameterization'],
  ['rescale_noise_scheduler_to_zero_terminal_snr', 'zero_terminal_snr'],
  ['aspect_ratio_bucketing', 'enable_bucket'],
  ['unet.train', 'train_unet'],
  ['text_encoder.train', 'train_text_encoder'],
];

/** What changes the result where it is on; all other names are about speed, memory, logs or other models. */
const matters =
  /^(ema$|masked_training|normalize_masked|unmasked_|masked_prior|mae_strength|log_cosh_strength|huber_|vb_loss|loss_scaler|perturbation_noise|noising_|min_noising|max_noising|timestep_|dynamic_timestep|layer_filter|lora_layers|bundle_additional|additional_embeddings|text_encoder\.(dropout_probability|stop_training_after|train_embedding)|unet\.stop_training_after|generalized_offset_noise|quantization\.)/;
const neutralWords = /^(OFF|NONE|NEVER|UNIFORM|CONSTANT|DEFAULT|full|attn-mlp|[01](\.0)?)$/i;

const SD2 = /^STABLE_DIFFUSION_2[01](_BASE)?$/;

export function fromOneTrainer(tree: unknown, here: boolean): Ledger {
  const ledger = new Ledger(entriesOf(tree));
  kind(ledger);
  const fits = optimizer(ledger);
  for (const [key, field] of same) if (!isNone(ledger.get(key))) ledger.take(key, field);
  // The base of 2.0 and 2.1 predicts noise, what was trained on from it v.
  if (/^STABLE_DIFFUSION_2[01]$/.test(text(ledger.get('model_type')) ?? ''))
    ledger.take('model_type', 'v_parameterization', true);
  if (ledger.has('epochs')) ledger.take('epochs', 'max_train_steps', 0);
  takeAlpha(ledger);
  rates(ledger, fits);
  weighting(ledger);
  saving(ledger);
  if (!isNone(ledger.get('resolution'))) {
    const [first, second] = String(ledger.get('resolution')).split(',');
    takeSize(ledger, 'resolution', first);
    if (second) ledger.because('resolution', 'first');
  }
  const skip = numberOf(ledger.get('text_encoder_layer_skip'));
  if (skip !== undefined) ledger.take('text_encoder_layer_skip', 'clip_skip', skip + 1);
  const dtype = text(ledger.get('train_dtype'));
  if (dtype === 'FLOAT_32') ledger.take('train_dtype', 'mixed_precision', 'fp32');
  else if (dtype)
    ledger.take('train_dtype', 'mixed_precision', 'auto', dtype === 'FLOAT_16' ? undefined : 'half');
  const stored = isNone(ledger.get('unet.weight_dtype')) ? 'weight_dtype' : 'unet.weight_dtype';
  const weights = text(ledger.get(stored));
  if (weights === 'NFLOAT_4') ledger.take(stored, 'base_precision', 'nf4');
  else if (weights && /^(FLOAT|INT)_(8|W8A8)$/.test(weights)) {
    ledger.take(stored, 'base_precision', 'int8', 'eight-bits');
    if (weights.startsWith('FLOAT')) ledger.warn('precision', 'fp8', false);
  }
  if (here && !isOff(ledger.get('base_model_name'))) ledger.take('base_model_name', 'base_model');
  if (here && !isOff(ledger.get('lora_model_name'))) ledger.take('lora_model_name', 'pretrained_lora');
  if (!isOff(ledger.get('concept_file_name')))
    ledger.warn('elsewhere', `concept_file_name ${String(ledger.get('concept_file_name'))}`, false);
  for (const key of ledger.open) {
    const value = ledger.get(key);
    if (isOff(value) || (typeof value === 'string' && neutralWords.test(value))) ledger.leave(key, 'off');
    else if (/(secret|token|password|api_key)/i.test(key)) ledger.leave(key, 'private');
    else if (matters.test(key)) ledger.leave(key, isNeutralNumber(key, value) ? 'off' : 'unsupported');
    else if (/(_dir|_name|_path|_file|_destination|model_name)$/.test(key)) ledger.leave(key, 'place');
    else ledger.leave(key, 'moot');
  }
  return ledger;
}

/** OneTrainer's own defaults, which do nothing. */
function isNeutralNumber(key: string, value: unknown): boolean {
  return (
    value === 1 ||
    (/^(huber_delta|unmasked_|masked_prior|normalize_masked)/.test(key) && !String(value).includes('true'))
  );
}

function kind(ledger: Ledger): void {
  const check = (
    key: string,
    expected: (value: string) => boolean,
    code: 'family' | 'method' | 'adapter',
    why: 'family' | 'unsupported' | 'adapter',
  ) => {
    const value = text(ledger.get(key));
    if (value === undefined) return;
    ledger.leave(key, expected(value) ? 'off' : why);
    if (!expected(value)) ledger.warn(code, value);
  };
  if (ledger.get('model_type') === 'STABLE_DIFFUSION_XL_10_BASE') forBase(ledger, 'model_type', 'SDXL');
  else if (SD2.test(text(ledger.get('model_type')) ?? '')) forBase(ledger, 'model_type', SD2_TITLE);
  else check('model_type', (value) => /^STABLE_DIFFUSION_1[45]$/.test(value), 'family', 'family');
  check('training_method', (value) => value === 'LORA', 'method', 'unsupported');
  check('peft_type', (value) => kindNamed(adapterFacts, value) !== undefined, 'adapter', 'adapter');
  if (!isOff(ledger.get('lora_decompose'))) {
    ledger.leave('lora_decompose', 'adapter');
    ledger.warn('adapter', 'DoRA');
  }
  for (const key of ['mae_strength', 'log_cosh_strength', 'huber_strength'])
    if (!isOff(ledger.get(key))) {
      ledger.leave(key, 'loss');
      ledger.warn('loss', key);
    }
}

function optimizer(ledger: Ledger): boolean {
  const key = 'optimizer.optimizer';
  const name = text(ledger.get(key)) ?? '';
  const known = optimizerNamed(name);
  const fits = name === '' || known !== undefined;
  if (known) ledger.take(key, 'optimizer', known.kind, known.whole ? undefined : 'full-state');
  else if (name) {
    ledger.leave(key, 'optimizer');
    ledger.warn('optimizer', name);
  }
  for (const [each, field] of [
    ['weight_decay', 'weight_decay'],
    ['beta1', 'adam_beta1'],
    ['beta2', 'adam_beta2'],
    ['eps', 'adam_eps'],
  ] as const)
    if (fits && !isNone(ledger.get(`optimizer.${each}`))) ledger.take(`optimizer.${each}`, field);
  for (const each of ledger.open.filter((path) => /^optimizer(_defaults)?\./.test(path)))
    ledger.leave(each, isOff(ledger.get(each)) ? 'off' : fits ? 'moot' : 'optimizer');
  return fits;
}

function takeAlpha(ledger: Ledger): void {
  if (isNone(ledger.get('lora_alpha'))) return;
  if (numberOf(ledger.get('lora_alpha')) === 0)
    ledger.take('lora_alpha', 'lora_alpha', ledger.value('lora_rank') ?? null, 'alpha-zero');
  else ledger.take('lora_alpha', 'lora_alpha');
}

function rates(ledger: Ledger, fits: boolean): void {
  for (const [key, field] of [
    ['learning_rate', 'learning_rate'],
    ['unet.learning_rate', 'unet_lr'],
    ['text_encoder.learning_rate', 'text_encoder_lr'],
  ] as const) {
    if (isNone(ledger.get(key))) continue;
    if (fits) ledger.take(key, field);
    else ledger.leave(key, 'optimizer');
  }
  const name = text(ledger.get('learning_rate_scheduler')) ?? '';
  const known = choiceNamed(scheduleNames, name);
  if (known) ledger.take('learning_rate_scheduler', 'lr_scheduler', known);
  else if (name) ledger.leave('learning_rate_scheduler', 'unsupported');
  if (ledger.value('lr_scheduler') === 'cosine_with_restarts' || !ledger.has('learning_rate_cycles')) return;
  if (numberOf(ledger.get('learning_rate_cycles')) === 1) ledger.leave('learning_rate_cycles', 'off', true);
}

function weighting(ledger: Ledger): void {
  const name = text(ledger.get('loss_weight_fn'));
  const strength = ledger.has('loss_weight_strength') ? 'loss_weight_strength' : 'min_snr_gamma';
  if (name === 'MIN_SNR_GAMMA') {
    ledger.take(strength, 'min_snr_gamma');
    ledger.leave('loss_weight_fn', 'moot');
  } else if (name === 'DEBIASED_ESTIMATION') {
    ledger.take('loss_weight_fn', 'debiased_estimation_loss', true);
  } else if (name !== undefined) ledger.leave('loss_weight_fn', name === 'CONSTANT' ? 'off' : 'unsupported');
  for (const key of ['loss_weight_strength', 'min_snr_gamma']) ledger.leave(key, 'off');
}

function saving(ledger: Ledger): void {
  for (const [key, unit, steps, epochs] of [
    ['save_every', 'save_every_unit', 'save_steps', 'save_every_n_epochs'],
    ['sample_after', 'sample_after_unit', 'sample_every_n_steps', 'sample_every_n_epochs'],
  ] as const) {
    const by = text(ledger.get(unit)) ?? 'EPOCH';
    if (isOff(ledger.get(key))) continue;
    if (by === 'EPOCH') {
      ledger.take(key, epochs);
      ledger.take(key, steps, 0);
    } else if (by === 'STEP') ledger.take(key, steps);
    else if (by === 'NEVER') ledger.take(unit, steps, 0);
    ledger.leave(key, by === 'NEVER' ? 'off' : 'unknown');
    ledger.leave(unit, 'moot');
  }
  const dtype = text(ledger.get('output_dtype'));
  const known = dtype && choiceNamed(savePrecisionNames, dtype);
  if (known) ledger.take('output_dtype', 'save_precision', known);
  const file = text(ledger.get('output_model_destination'));
  const name = file
    ?.split(/[\\/]/)
    .at(-1)
    ?.replace(/\.safetensors$/, '');
  if (name) ledger.take('output_model_destination', 'output_name', name);
}

/** A list of concepts: the first that is learned from. */
export function fromConcepts(tree: unknown, here: boolean): Ledger {
  const ledger = new Ledger(entriesOf(tree));
  const numbers = [...new Set(ledger.keys.map((key) => /^\[(\d+)\]/.exec(key)?.[1] ?? ''))];
  const of = (n: string, name: string) => ledger.get(`[${n}].${name}`);
  const trained = numbers.filter(
    (n) => of(n, 'enabled') !== false && /^(STANDARD)?$/.test(text(of(n, 'type')) ?? ''),
  );
  const chosen = trained[0];
  const prior = numbers.filter((n) => of(n, 'enabled') !== false && /PRIOR/.test(text(of(n, 'type')) ?? ''));
  if (trained.length > 1) ledger.warn('sets', String(trained.length), false);
  for (const n of prior)
    ledger.warn('regularization', text(of(n, 'name')) ?? text(of(n, 'path')) ?? n, false);
  if (chosen !== undefined) concept(ledger, `[${chosen}].`, here);
  for (const key of ledger.open) {
    const n = /^\[(\d+)\]/.exec(key)?.[1] ?? '';
    if (n !== chosen) ledger.leave(key, prior.includes(n) ? 'regularization' : 'other-set');
    else leaveOfConcept(ledger, key);
  }
  return ledger;
}

function concept(ledger: Ledger, at: string, here: boolean): void {
  const on = (name: string) => !isOff(ledger.get(at + name));
  if (on('repeats') || on('balancing'))
    ledger.take(ledger.has(`${at}repeats`) ? `${at}repeats` : `${at}balancing`, 'num_repeats');
  ledger.take(`${at}text.enable_tag_shuffling`, 'shuffle_caption', on('text.enable_tag_shuffling'));
  if (ledger.has(`${at}text.keep_tags_count`)) ledger.take(`${at}text.keep_tags_count`, 'keep_tokens');
  if (on('text.tag_dropout_enable'))
    ledger.take(`${at}text.tag_dropout_probability`, 'caption_tag_dropout_rate');
  const flip = on('image.enable_random_flip') || on('image.random_flip');
  ledger.take(
    ledger.has(`${at}image.random_flip`) ? `${at}image.random_flip` : `${at}image.enable_random_flip`,
    'flip_aug',
    flip,
  );
  for (const used of ['image.enable_resolution_override', 'text.tag_dropout_enable'])
    if (on(used)) ledger.leave(at + used, 'moot');
  const size = ledger.get(`${at}image.resolution_override`);
  const overrides =
    !ledger.has(`${at}image.enable_resolution_override`) || on('image.enable_resolution_override');
  if (!isNone(size) && overrides) takeSize(ledger, `${at}image.resolution_override`);
  if (here && on('path')) ledger.take(`${at}path`, 'train_data_dir');
}

function leaveOfConcept(ledger: Ledger, key: string): void {
  const value = ledger.get(key);
  if (
    isOff(value) ||
    value === 'STANDARD' ||
    value === ',' ||
    (value === 1 && /loss_weight|variations|repeats/.test(key))
  )
    ledger.leave(key, 'off');
  else if (/(path|\.name)$/.test(key)) ledger.leave(key, 'place');
  else if (
    /image\.(?!crop_jitter_s|resolution|random_flip)|loss_weight$|text\./.test(key) &&
    !/prompt_source|tag_delimiter/.test(key)
  )
    ledger.leave(key, 'unsupported');
  else ledger.leave(key, 'moot');
}

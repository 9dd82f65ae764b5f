// ai-toolkit's YAML as our settings: `config.process[0]` is the run, its first data set the pictures. Names are paths.
import type { FieldName } from '../config/config_fields';
import { adapterFacts, kindNamed, lossFacts } from '../config/kinds';
import { choiceNamed, optimizerNamed, savePrecisionNames, scheduleNames } from './choice_names';
import { entriesOf } from './flat_config';
import { Ledger, numberOf } from './import_ledger';
import { forBase, isNone, isOff, SD2_TITLE, takeSize, text } from './kohya_rules';

const run = 'config.process[0].';
const set = `${run}datasets[0].`;

const same: readonly (readonly [string, FieldName])[] = [
  [`config.name`, 'output_name'],
  [`${run}network.linear`, 'lora_rank'],
  [`${run}network.rank`, 'lora_rank'],
  [`${run}network.linear_alpha`, 'lora_alpha'],
  [`${run}network.alpha`, 'lora_alpha'],
  [`${run}network.dropout`, 'lora_dropout'],
  [`${run}save.save_every`, 'save_steps'],
  [`${run}save.max_step_saves_to_keep`, 'keep_last_n'],
  [`${run}train.batch_size`, 'batch_size'],
  [`${run}train.steps`, 'max_train_steps'],
  [`${run}train.gradient_accumulation`, 'gradient_accumulation_steps'],
  [`${run}train.gradient_accumulation_steps`, 'gradient_accumulation_steps'],
  [`${run}train.train_unet`, 'train_unet'],
  [`${run}train.train_text_encoder`, 'train_text_encoder'],
  [`${run}train.max_grad_norm`, 'max_grad_norm'],
  [`${run}train.min_snr_gamma`, 'min_snr_gamma'],
  [`${run}train.snr_gamma`, 'min_snr_gamma'],
  [`${run}train.noise_offset`, 'noise_offset'],
  [`${run}train.seed`, 'seed'],
  [`${run}sample.sample_every`, 'sample_every_n_steps'],
  [`${run}sample.prompts`, 'sample_prompts'],
  [`${run}sample.neg`, 'sample_negative_prompt'],
  [`${run}sample.seed`, 'sample_seed'],
  [`${run}sample.guidance_scale`, 'sample_cfg_scale'],
  [`${run}sample.sample_steps`, 'sample_steps'],
  [`${set}caption_dropout_rate`, 'caption_dropout_rate'],
  [`${set}shuffle_tokens`, 'shuffle_caption'],
  [`${set}keep_tokens`, 'keep_tokens'],
  [`${set}num_repeats`, 'num_repeats'],
  [`${set}flip_x`, 'flip_aug'],
];

/** About speed, memory, logs, or how a sample looks; forms write them into every file. */
const moot =
  /(^job$|^meta\.|\.(type|device|trigger_word|performance_log_every|save_format|push_to_hub|cache_\w+|caption_ext|gradient_checkpointing|quantize\w*|qtype\w*|low_vram|use_ui_logger|log_\w+|walk_seed|width|height|fps|num_frames|sampler|disable_sampling|skip_first_sample|force_first_sample|sqlite_db_path|noise_scheduler|optimizer)$|\.logging\.|\.attn_masking$|\.bypass_guidance|hf_)/;

export function fromAiToolkit(tree: unknown, here: boolean): Ledger {
  const ledger = new Ledger(entriesOf(tree));
  kind(ledger);
  const fits = optimizer(ledger);
  for (const [key, field] of same) if (!isNone(ledger.get(key))) ledger.take(key, field);
  if (numberOf(ledger.get(`${run}network.linear_alpha`)) === 0)
    ledger.take(`${run}network.linear_alpha`, 'lora_alpha', ledger.value('lora_rank') ?? null, 'alpha-zero');
  rates(ledger, fits);
  size(ledger);
  precision(ledger);
  if (here && !isOff(ledger.get(`${set}folder_path`))) ledger.take(`${set}folder_path`, 'train_data_dir');
  if (here && !isOff(ledger.get(`${run}model.name_or_path`)))
    ledger.take(`${run}model.name_or_path`, 'base_model');
  if (here && !isOff(ledger.get(`${run}training_folder`))) ledger.take(`${run}training_folder`, 'output_dir');
  if (!isOff(ledger.get(`${run}trigger_word`))) ledger.leave(`${run}trigger_word`, 'trigger');
  const sets = new Set(
    ledger.keys.flatMap((key) => /^config\.process\[0\]\.datasets\[(\d+)\]/.exec(key)?.[1] ?? []),
  );
  if (sets.size > 1) ledger.warn('sets', String(sets.size), false);
  for (const key of ledger.open) leaveRest(ledger, key);
  return ledger;
}

function leaveRest(ledger: Ledger, key: string): void {
  const value = ledger.get(key);
  if (/^config\.process\[[1-9]|datasets\[[1-9]/.test(key)) ledger.leave(key, 'other-set');
  else if (isOff(value)) ledger.leave(key, 'off');
  else if (/(token|secret|api_key|password)$/i.test(key) && !/tokens$/.test(key))
    ledger.leave(key, 'private');
  else if (moot.test(key)) ledger.leave(key, 'moot');
  else if (/(_path|_folder|_dir)$/.test(key)) ledger.leave(key, 'place');
  else if (/is_reg$/.test(key)) ledger.leave(key, 'regularization');
  else if (
    /loss_multiplier$|network_weight$|content_or_style$/.test(key) &&
    [1, 'balanced'].includes(value as never)
  )
    ledger.leave(key, 'off');
  else ledger.leave(key, 'unsupported');
}

function kind(ledger: Ledger): void {
  const families: readonly [string, string][] = [
    ['is_flux', 'Flux'],
    ['is_v3', 'SD 3'],
    ['is_pixart', 'PixArt'],
    ['is_auraflow', 'AuraFlow'],
    ['is_lumina2', 'Lumina 2'],
  ];
  const warn = (
    key: string,
    code: 'family' | 'adapter' | 'method',
    why: 'family' | 'adapter' | 'unsupported',
    name: string,
  ) => {
    ledger.leave(key, why);
    ledger.warn(code, name);
  };
  for (const [name, shown] of families)
    if (!isOff(ledger.get(`${run}model.${name}`))) warn(`${run}model.${name}`, 'family', 'family', shown);
  if (!isOff(ledger.get(`${run}model.is_xl`))) forBase(ledger, `${run}model.is_xl`, 'SDXL');
  if (!isOff(ledger.get(`${run}model.is_v2`))) forBase(ledger, `${run}model.is_v2`, SD2_TITLE);
  const arch = text(ledger.get(`${run}model.arch`));
  if (arch && /^sd(1|15|_?1\.5)$/i.test(arch)) ledger.leave(`${run}model.arch`, 'off');
  else if (arch && /^sdxl$/i.test(arch)) forBase(ledger, `${run}model.arch`, 'SDXL');
  else if (arch && /^sd2$/i.test(arch)) forBase(ledger, `${run}model.arch`, SD2_TITLE);
  else if (arch) warn(`${run}model.arch`, 'family', 'family', arch);
  const type = text(ledger.get(`${run}network.type`));
  if (type && kindNamed(adapterFacts, type)) ledger.leave(`${run}network.type`, 'off');
  else if (type) warn(`${run}network.type`, 'adapter', 'adapter', type);
  if (!isOff(ledger.get(`${run}network.conv`)))
    warn(
      `${run}network.conv`,
      'adapter',
      'adapter',
      `LoCon (conv ${String(ledger.get(`${run}network.conv`))})`,
    );
  ledger.leave(`${run}network.conv_alpha`, isOff(ledger.get(`${run}network.conv`)) ? 'off' : 'adapter');
  const process = text(ledger.get(`${run}type`));
  if (process && !/^(sd_trainer|ui_trainer|diffusion_trainer)$/.test(process))
    warn(`${run}type`, 'method', 'unsupported', process);
  const lossType = text(ledger.get(`${run}train.loss_type`));
  const ours = !lossType || kindNamed(lossFacts, lossType) !== undefined;
  ledger.leave(`${run}train.loss_type`, ours ? 'off' : 'loss');
  if (!ours) ledger.warn('loss', lossType);
  if (!isOff(ledger.get(`${run}train.ema_config.use_ema`)))
    ledger.leave(`${run}train.ema_config.use_ema`, 'unsupported');
  else ledger.leave(`${run}train.ema_config.ema_decay`, 'off');
  if (!isOff(ledger.get(`${set}is_reg`)))
    ledger.warn('regularization', text(ledger.get(`${set}folder_path`)) ?? '');
}

function optimizer(ledger: Ledger): boolean {
  const key = `${run}train.optimizer`;
  const name = (text(ledger.get(key)) ?? '').toLowerCase();
  const known = optimizerNamed(name);
  const fits = name === '' || known !== undefined || /^adam(8bit)?$/.test(name);
  if (known) ledger.take(key, 'optimizer', known.kind, known.whole ? undefined : 'full-state');
  else if (fits && name) {
    ledger.take(key, 'optimizer', 'adamw', 'adam');
    ledger.take(key, 'weight_decay', 0, 'adam');
  } else if (name) {
    ledger.leave(key, 'optimizer');
    ledger.warn('optimizer', name);
  }
  const params = `${run}train.optimizer_params.`;
  if (fits && known && !isNone(ledger.get(`${params}weight_decay`)))
    ledger.take(`${params}weight_decay`, 'weight_decay');
  const betas = ledger.get(`${params}betas`);
  if (fits && Array.isArray(betas) && betas.length === 2) {
    ledger.take(`${params}betas`, 'adam_beta1', betas[0]);
    ledger.take(`${params}betas`, 'adam_beta2', betas[1]);
  }
  for (const each of ledger.open.filter((path) => path.startsWith(params)))
    ledger.leave(each, isOff(ledger.get(each)) ? 'off' : fits ? 'unsupported' : 'optimizer');
  return fits;
}

function rates(ledger: Ledger, fits: boolean): void {
  for (const [name, field] of [
    ['lr', 'learning_rate'],
    ['unet_lr', 'unet_lr'],
    ['text_encoder_lr', 'text_encoder_lr'],
  ] as const) {
    const key = `${run}train.${name}`;
    if (isNone(ledger.get(key))) continue;
    if (fits) ledger.take(key, field);
    else ledger.leave(key, 'optimizer');
  }
  const key = `${run}train.lr_scheduler`;
  const name = text(ledger.get(key));
  const known = name && choiceNamed(scheduleNames, name);
  if (known) ledger.take(key, 'lr_scheduler', known);
  else if (name) ledger.leave(key, 'unsupported');
}

/** Several sizes are several passes over the pictures there; here there is one. */
function size(ledger: Ledger): void {
  const key = `${set}resolution`;
  const value = ledger.get(key);
  if (isNone(value)) return;
  const list = Array.isArray(value) ? value : [value];
  takeSize(ledger, key, [list[0]]);
  if (list.length > 1) ledger.because(key, 'first');
}

function precision(ledger: Ledger): void {
  for (const [key, saved] of [
    [`${run}save.dtype`, true],
    [`${run}train.dtype`, false],
  ] as const) {
    const name = text(ledger.get(key))?.toLowerCase() ?? '';
    const value = choiceNamed(savePrecisionNames, name);
    if (value && saved) ledger.take(key, 'save_precision', value);
    else if (value === 'float') ledger.take(key, 'mixed_precision', 'fp32');
    else if (value) ledger.take(key, 'mixed_precision', 'auto', value === 'bf16' ? 'half' : undefined);
    else if (/fp8|float8/.test(name) && !saved) {
      ledger.take(key, 'base_precision', 'int8', 'eight-bits');
      ledger.warn('precision', 'fp8', false);
    }
  }
}

/**
 * What a run's result depends on, as its saved state remembers it, and what of that has changed when it is resumed. Some
 * changes are a person's to make (a lower learning rate), the LoRA's alpha is folded into the values; all others would
 * make a file that is neither the one run's nor the other's.
 */
import { configFields, type FieldName, type TrainConfig } from '../../formats/config/config_fields';
import { sha256Hex } from '../../formats/safetensors/sha256';
import type { StateChange } from '../../protocol/engine_errors';
import type { PlacedImage } from '../data/dataset';
import type { KeptRanks } from '../step/lora_file';

/** `free` changes no value of the LoRA, or only through pictures; `told` may change and is said; `fixed` may not change. */
type Role = 'free' | 'told' | 'folded' | 'fixed';

/** A field without a row does not compile. */
export const ROLES: Readonly<Record<FieldName, Role>> = {
  train_data_dir: 'free',
  metadata_path: 'free',
  base_model: 'free',
  vae: 'free',
  output_dir: 'free',
  output_name: 'free',
  pretrained_lora: 'free',
  resume: 'free',
  training_comment: 'free',
  lora_rank: 'fixed',
  lora_alpha: 'folded',
  lora_dropout: 'fixed',
  train_unet: 'fixed',
  train_text_encoder: 'fixed',
  batch_size: 'fixed',
  epochs: 'told',
  max_train_steps: 'told',
  learning_rate: 'told',
  unet_lr: 'told',
  text_encoder_lr: 'told',
  optimizer: 'fixed',
  weight_decay: 'fixed',
  adam_beta1: 'fixed',
  adam_beta2: 'fixed',
  adam_eps: 'fixed',
  lr_scheduler: 'fixed',
  lr_warmup_steps: 'fixed',
  lr_scheduler_num_cycles: 'fixed',
  lr_scheduler_power: 'fixed',
  gradient_accumulation_steps: 'fixed',
  max_grad_norm: 'fixed',
  mixed_precision: 'told',
  base_precision: 'fixed',
  // The choice that came of it is the state's.
  tune_gpu: 'free',
  memory_budget_gb: 'free',
  seed: 'fixed',
  resolution: 'fixed',
  enable_bucket: 'fixed',
  min_bucket_reso: 'fixed',
  max_bucket_reso: 'fixed',
  bucket_reso_steps: 'fixed',
  bucket_no_upscale: 'fixed',
  num_repeats: 'free',
  flip_aug: 'fixed',
  shuffle_caption: 'fixed',
  keep_tokens: 'fixed',
  keep_tokens_separator: 'fixed',
  caption_dropout_rate: 'fixed',
  caption_dropout_every_n_epochs: 'fixed',
  caption_tag_dropout_rate: 'fixed',
  caption_prefix: 'fixed',
  caption_suffix: 'fixed',
  max_token_length: 'fixed',
  clip_skip: 'fixed',
  v_parameterization: 'fixed',
  zero_terminal_snr: 'fixed',
  min_snr_gamma: 'fixed',
  noise_offset: 'fixed',
  adaptive_noise_scale: 'fixed',
  debiased_estimation_loss: 'fixed',
  save_steps: 'free',
  save_every_n_epochs: 'free',
  keep_last_n: 'free',
  save_precision: 'free',
  sample_prompts: 'free',
  sample_negative_prompt: 'free',
  sample_every_n_steps: 'free',
  sample_every_n_epochs: 'free',
  sample_sampler: 'free',
  sample_steps: 'free',
  sample_cfg_scale: 'free',
  sample_seed: 'free',
};

export interface RunFacts {
  /** Values of all fields that are not free, by name; alpha as it is in use. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** In the order of the run. */
  readonly pictures: readonly PictureFacts[];
  readonly base: BaseFacts;
  /** Name, rank and alpha of each module, where a LoRA keeps its own: then the settings' rank and alpha mean nothing. */
  readonly ranks?: readonly RankFacts[];
}

type RankFacts = readonly [name: string, rank: number, alpha: number];

export interface BaseFacts {
  /** Of each file: the hash of 64 KiB of it that old WebUIs show, in 8 hex digits. */
  readonly legacy: readonly string[];
  /** Of the whole files, in hex, where it was known. */
  readonly sha256?: string;
}

/** A name; digests of content (of the file, where it was known) and of what is said of it; bucket; repeats; focus. */
type PictureFacts = readonly [
  name: string,
  content: string | null,
  caption: string,
  width: number,
  height: number,
  repeats: number,
  x: number,
  y: number,
];

/** Reads every picture's file for its digest, where the picture gives one. */
export async function runFacts(
  config: TrainConfig,
  placed: readonly PlacedImage[],
  base: BaseFacts,
  kept?: KeptRanks,
): Promise<RunFacts> {
  const pictures: PictureFacts[] = [];
  for (const { image, bucket, repeats } of placed) {
    const [x, y] = image.focus ?? [0.5, 0.5];
    const content = (await image.digest?.()) ?? null;
    pictures.push([image.name, content, await short(image.caption), ...bucket, repeats, x, y]);
  }
  const names = (Object.keys(ROLES) as FieldName[]).filter(
    (name) => ROLES[name] !== 'free' && !(kept && (name === 'lora_rank' || name === 'lora_alpha')),
  );
  const alpha = config.lora_alpha ?? config.lora_rank;
  const settings = Object.fromEntries(
    names.map((name) => [name, name === 'lora_alpha' ? alpha : config[name]]),
  );
  const ranks = kept && [...kept].map(([name, { rank, alpha }]): RankFacts => [name, rank, alpha]);
  return { settings, pictures, base, ...(ranks ? { ranks } : {}) };
}

/** What a saved state says of them: nothing in most. */
export function ranksFrom(facts: RunFacts | undefined): KeptRanks | undefined {
  return facts?.ranks && new Map(facts.ranks.map(([name, rank, alpha]) => [name, { rank, alpha }]));
}

/** Of a file, which may be anyone's. */
export function areRanks(ranks: unknown): boolean {
  if (ranks === undefined) return true;
  const { max } = configFields.lora_rank;
  return (
    Array.isArray(ranks) &&
    ranks.every((each: unknown) => {
      if (!Array.isArray(each)) return false;
      const [name, rank, alpha] = each as unknown[];
      const sound = Number.isInteger(rank) && Number(rank) >= 1 && Number(rank) <= max;
      return typeof name === 'string' && sound && Number.isFinite(alpha);
    })
  );
}

/** What has changed from `was`, by what becomes of it. */
export function changesSince(was: RunFacts, now: RunFacts): { refused: StateChange[]; told: StateChange[] } {
  const refused: StateChange[] = [];
  const told: StateChange[] = [];
  for (const change of settingsChanged(was.settings, now.settings)) {
    const role = Object.hasOwn(ROLES, change.name) ? ROLES[change.name as FieldName] : 'fixed';
    (role === 'fixed' ? refused : told).push(change);
  }
  refused.push(...picturesChanged(was.pictures, now.pictures));
  if (baseChanged(was.base, now.base)) refused.push({ what: 'base' });
  return { refused, told };
}

/** Of a change of alpha: what `up` is multiplied by, so that the LoRA's effect stays. */
export function alphaFactor(was: RunFacts, now: RunFacts): number {
  const [before, after] = [Number(was.settings['lora_alpha']), Number(now.settings['lora_alpha'])];
  return before > 0 && after > 0 ? before / after : 1;
}

/** In English, for the command line, without its last stop. */
export function changesSentence(changes: readonly StateChange[]): string {
  return changes.map(sentenceOf).join('; ');
}

function sentenceOf(change: StateChange): string {
  switch (change.what) {
    case 'setting':
      return `${change.name} was ${change.was} and is ${change.now}`;
    case 'base':
      return 'the base model is another';
    case 'pictures': {
      const { how, count, names } = change;
      const which = `${names.join(', ')}${count > names.length ? ` and ${count - names.length} more` : ''}`;
      return `pictures ${HOW[how]}: ${which}`;
    }
  }
}

const HOW: Readonly<Record<Extract<StateChange, { what: 'pictures' }>['how'], string>> = {
  content: 'with other content',
  caption: 'with another caption',
  place: 'cut or repeated otherwise',
  added: 'that are new',
  removed: 'that are missing',
  order: 'in another order, beginning with',
};

/** A field that one side does not know has its default there: states stay good when fields come. */
function settingsChanged(
  was: RunFacts['settings'],
  now: RunFacts['settings'],
): Extract<StateChange, { what: 'setting' }>[] {
  const value = (of: RunFacts['settings'], name: string): unknown => {
    if (Object.hasOwn(of, name)) return of[name];
    return Object.hasOwn(configFields, name) ? configFields[name as FieldName].default : undefined;
  };
  const names = new Set([...Object.keys(was), ...Object.keys(now)]);
  return [...names].flatMap((name) => {
    const [before, after] = [JSON.stringify(value(was, name)), JSON.stringify(value(now, name))];
    return before === after
      ? []
      : [{ what: 'setting' as const, name, was: before ?? '–', now: after ?? '–' }];
  });
}

function picturesChanged(was: RunFacts['pictures'], now: RunFacts['pictures']): StateChange[] {
  const before = new Map(was.map((each) => [each[0], each]));
  const after = new Map(now.map((each) => [each[0], each]));
  const found = new Map<Extract<StateChange, { what: 'pictures' }>['how'], string[]>();
  const add = (how: Extract<StateChange, { what: 'pictures' }>['how'], name: string) => {
    const names = found.get(how);
    if (names) names.push(name);
    else found.set(how, [name]);
  };
  for (const [name] of was) if (!after.has(name)) add('removed', name);
  for (const each of now) {
    const [name, content, caption, ...place] = each;
    const old = before.get(name);
    if (!old) add('added', name);
    else if (content !== null && old[1] !== null && content !== old[1]) add('content', name);
    else if (caption !== old[2]) add('caption', name);
    else if (JSON.stringify(place) !== JSON.stringify(old.slice(3))) add('place', name);
  }
  const order = (of: RunFacts['pictures']) => JSON.stringify(of.map(([name]) => name));
  if (found.size === 0 && order(was) !== order(now)) add('order', now[0]?.[0] ?? '');
  return [...found].map(([how, names]) => ({
    what: 'pictures' as const,
    how,
    count: names.length,
    names: names.slice(0, 3),
  }));
}

function baseChanged(was: BaseFacts, now: BaseFacts): boolean {
  if (was.sha256 !== undefined && now.sha256 !== undefined) return was.sha256 !== now.sha256;
  return JSON.stringify(was.legacy) !== JSON.stringify(now.legacy);
}

/** 64 bits are enough to notice a change. */
async function short(text: string): Promise<string> {
  return (await sha256Hex(new TextEncoder().encode(text))).slice(0, 16);
}

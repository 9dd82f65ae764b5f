// Book of an import: every name in the file ends in exactly one of three lists (taken, changed, left out), whatever the
// rules of its program do or forget; what cannot be honoured and changes the result is a warning besides. Values out of
// range come to the nearest, and rates that no optimizer here bears are refused. Long because the three lists have one keeper.
import { configFields, type Field, type FieldName, type TrainConfig } from '../config/config_fields';
import { readValue } from '../config/config_values';
import { isFileName } from '../config/file_name';
import type { Entry } from './flat_config';
import { optimizerFacts } from '../config/optimizers';

/** Why a value is not to the letter. */
export type ChangeReason =
  | 'nearest'
  | 'strength'
  | 'alpha-zero'
  | 'full-state'
  | 'area'
  | 'half'
  | 'comma'
  | 'first'
  | 'adam'
  | 'kept-saves'
  | 'eight-bits';

/** Why a name was left out. */
export type LeftReason =
  | 'off'
  | 'moot'
  | 'place'
  | 'private'
  | 'optimizer'
  | 'rate'
  | 'family'
  | 'base'
  | 'adapter'
  | 'loss'
  | 'unsupported'
  | 'samples'
  | 'regularization'
  | 'other-set'
  | 'instead'
  | 'record'
  | 'trigger'
  | 'unknown'
  | 'invalid';

export interface Taken {
  readonly key: string;
  /** As the file has it, shortened. */
  readonly value: string;
  readonly fields: readonly { readonly field: FieldName; readonly value: unknown }[];
}
export interface Changed extends Taken {
  readonly why: ChangeReason;
}
export interface Left {
  readonly key: string;
  readonly value: string;
  readonly why: LeftReason;
  /** Of an invalid value: what is wrong with it. */
  readonly sentence?: string;
}

export type WarningCode =
  | 'optimizer'
  | 'rate'
  | 'family'
  | 'for-base'
  | 'method'
  | 'adapter'
  | 'loss'
  | 'precision'
  | 'regularization'
  | 'sets'
  | 'elsewhere'
  | 'unsupported';

/** Said first. */
export interface ImportWarning {
  readonly code: WarningCode;
  /** What the file asks for. */
  readonly name: string;
  /** What comes out would not be what the file was for. */
  readonly ruins: boolean;
}

export interface Lists {
  readonly settings: Readonly<Partial<TrainConfig>>;
  readonly taken: readonly Taken[];
  readonly changed: readonly Changed[];
  readonly left: readonly Left[];
  readonly warnings: readonly ImportWarning[];
  /** What the file does not say and its program decides otherwise than this one does. */
  readonly assumed: readonly { readonly field: FieldName; readonly value: unknown }[];
}

type Standing =
  | { fields: { field: FieldName; value: unknown }[]; why?: ChangeReason }
  | { left: LeftReason; sentence?: string };

const rateFields: readonly FieldName[] = ['learning_rate', 'unet_lr', 'text_encoder_lr'];

export class Ledger {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #standing = new Map<string, Standing>();
  readonly #settings = new Map<FieldName, unknown>();
  readonly #warnings: ImportWarning[] = [];
  readonly #assumed: { field: FieldName; value: unknown }[] = [];

  constructor(entries: readonly Entry[]) {
    this.#values = new Map(entries.map(({ path, value }) => [path, value]));
  }

  get keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }

  /** Names that stand in no list yet. */
  get open(): readonly string[] {
    return this.keys.filter((key) => !this.#standing.has(key));
  }

  /** What a field has got so far. */
  value(field: FieldName): unknown {
    return this.#settings.get(field);
  }

  /** `key` gives `field` its value, or `value`; `why` if that is not to the letter. True if the field took it. */
  take(key: string, field: FieldName, value: unknown = this.#values.get(key), why?: ChangeReason): boolean {
    const [plain, comma] = asKind(configFields[field], value);
    const [near, moved] = nearest(configFields[field], plain);
    const read = readValue(configFields[field], near, undefined);
    const problem =
      'problem' in read
        ? read.problem.sentence
        : field === 'output_name' && !isFileName(String(read.value))
          ? 'is no name of one file.'
          : undefined;
    if ('problem' in read || problem !== undefined) {
      if (!this.#standing.has(key))
        this.#standing.set(key, { left: 'invalid', sentence: `${key}: ${problem}` });
      return false;
    }
    this.#settings.set(field, read.value);
    const before = this.#standing.get(key);
    const fields = before && 'fields' in before ? before.fields.filter((each) => each.field !== field) : [];
    const reason =
      why ??
      (moved ? 'nearest' : comma ? 'comma' : undefined) ??
      (before && 'fields' in before ? before.why : undefined);
    this.#standing.set(key, {
      fields: [...fields, { field, value: read.value }],
      ...(reason ? { why: reason } : {}),
    });
    return true;
  }

  /** What was decided before stays, unless `again`. */
  leave(key: string, why: LeftReason, again = false): void {
    if (!this.#values.has(key) || (this.#standing.has(key) && !again)) return;
    this.#standing.set(key, { left: why });
  }

  /** Not to the letter after all. */
  because(key: string, why: ChangeReason): void {
    const standing = this.#standing.get(key);
    if (standing && 'fields' in standing) standing.why = why;
  }

  warn(code: WarningCode, name: string, ruins = true): void {
    if (!this.#warnings.some((each) => each.code === code && each.name === name))
      this.#warnings.push({ code, name, ruins });
  }

  /** Only where the file set nothing. */
  assume(field: FieldName, value: unknown): void {
    if (this.#settings.has(field)) return;
    this.#settings.set(field, value);
    this.#assumed.push({ field, value });
  }

  /** Takes back what came from this name. */
  #refuse(key: string, why: LeftReason): void {
    const standing = this.#standing.get(key);
    if (standing && 'fields' in standing)
      for (const { field } of standing.fields) this.#settings.delete(field);
    this.#standing.set(key, { left: why });
  }

  /** The lists. `optimizer` is the one that counts where the file names none. */
  close(optimizer: TrainConfig['optimizer']): Lists {
    for (const key of this.open) this.leave(key, 'unknown');
    this.#refuseRates(optimizer);
    this.#keepStrength();
    this.#warnOfRest();
    const taken: Taken[] = [];
    const changed: Changed[] = [];
    const left: Left[] = [];
    for (const [key, raw] of this.#values) {
      const standing = this.#standing.get(key);
      if (!standing) continue;
      const value = 'left' in standing && standing.left === 'private' ? '…' : shorten(raw);
      if ('left' in standing) {
        left.push({
          key,
          value,
          why: standing.left,
          ...(standing.sentence ? { sentence: standing.sentence } : {}),
        });
      } else if (standing.why) changed.push({ key, value, fields: standing.fields, why: standing.why });
      else taken.push({ key, value, fields: standing.fields });
    }
    return {
      settings: Object.fromEntries(this.#settings), // each read by its own field
      taken,
      changed,
      left,
      warnings: this.#warnings,
      assumed: this.#assumed,
    };
  }

  #refuseRates(optimizer: TrainConfig['optimizer']): void {
    const used = (this.#settings.get('optimizer') as TrainConfig['optimizer'] | undefined) ?? optimizer;
    const highest = optimizerFacts[used].rates.highestTaken;
    for (const [key, standing] of this.#standing) {
      if (!('fields' in standing)) continue;
      const rate = standing.fields.find(
        ({ field, value }) => rateFields.includes(field) && Number(value) > highest,
      );
      if (!rate) continue;
      this.#refuse(key, 'rate');
      this.warn('rate', `${key} ${shorten(rate.value)}`);
    }
  }

  /** A rank that had to change takes its alpha along: what counts is alpha / rank. */
  #keepStrength(): void {
    const from = [...this.#standing].find(
      ([, s]) => 'fields' in s && s.fields.some(({ field }) => field === 'lora_rank'),
    );
    if (!from || !('fields' in from[1]) || from[1].why !== 'nearest') return;
    const rank = Number(this.#settings.get('lora_rank'));
    const wanted = asKind(configFields.lora_rank, this.#values.get(from[0]))[0];
    for (const [key, standing] of this.#standing) {
      const alpha = 'fields' in standing && standing.fields.find(({ field }) => field === 'lora_alpha');
      if (!alpha || typeof alpha.value !== 'number' || typeof wanted !== 'number' || standing === from[1])
        continue;
      if ('fields' in standing && standing.why === 'alpha-zero') continue;
      this.take(key, 'lora_alpha', (alpha.value * rank) / wanted, 'strength');
    }
  }

  /** What is left out and would change the result, in one sentence. */
  #warnOfRest(): void {
    const names = [...this.#standing]
      .filter(([, s]) => 'left' in s && s.left === 'unsupported')
      .map(([key]) => key);
    if (names.length > 0) this.warn('unsupported', names.join(', '), false);
  }
}

/** Forms and commands keep numbers and switches as text; a field says what it wants. The second: a comma was read as a point. */
export function asKind(field: Field, value: unknown): [value: unknown, comma: boolean] {
  if (field.kind === 'text' || field.kind === 'texts' || typeof value !== 'string') return [value, false];
  const word = value.trim().toLowerCase();
  if (field.kind === 'switch')
    return [word === 'true' || word === '1' || (word === 'false' || word === '0' ? false : value), false];
  if (field.kind === 'choice' && field.choices.every((choice) => typeof choice === 'string'))
    return [word, false];
  const plain = numberOf(value);
  return [plain ?? value, plain !== undefined && value.includes(',')];
}

/** A number, also as text, also with a decimal comma. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const found = Number(value.trim().replace(/^(-?\d+),(\d+(e-?\d+)?)$/i, '$1.$2'));
  return Number.isFinite(found) ? found : undefined;
}

/** Into the field's range and steps. What is far out of any range is no setting but a mistake. */
function nearest(field: Field, value: unknown): [value: unknown, moved: boolean] {
  if (typeof value !== 'number') return [value, false];
  if (field.kind === 'choice') {
    const numbers = field.choices.filter((choice) => typeof choice === 'number');
    if (numbers.length === 0 || numbers.includes(value) || value <= 0 || value > 100 * Math.max(...numbers))
      return [value, false];
    const near = numbers.reduce((best, each) =>
      Math.abs(each - value) < Math.abs(best - value) ? each : best,
    );
    return [near, true];
  }
  if (field.kind !== 'int' && field.kind !== 'number' && field.kind !== 'optional-number')
    return [value, false];
  if (value < 0 || value > 100 * field.max) return [value, false];
  const step = field.step ?? (field.kind === 'int' ? 1 : undefined);
  const whole = step === undefined ? value : Math.round(value / step) * step;
  const near = Math.min(field.max, Math.max(field.min, whole));
  return [near, near !== value];
}

export function shorten(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/**
 * What a person typed, read by the rules of its field; and what is wrong with it, or between fields. Pure.
 */
import { checkConfig, ConfigError } from '../../formats/config/config';
import {
  configFields,
  type Field,
  type FieldName,
  type TrainConfig,
} from '../../formats/config/config_fields';
import { readValue, type ConfigProblemCode } from '../../formats/config/config_values';

export interface SettingProblem {
  readonly field: FieldName;
  readonly code: ConfigProblemCode;
  /** As the file format says it, in English. */
  readonly sentence: string;
}

/** What was typed, by field, where it cannot be used. */
export type Drafts = Readonly<Partial<Record<FieldName, string>>>;

/** Conflicts between fields are allowed in between: they are shown, and stop a run. */
export function checkEach(values: Readonly<Record<string, unknown>>): TrainConfig {
  const parts = Object.entries(values).map(([name, value]) => {
    const read = readValue(configFields[name as FieldName], value, undefined);
    if ('problem' in read) {
      throw new ConfigError([
        { ...read.problem, line: 0, field: name, sentence: `${name}: ${read.problem.sentence}` },
      ]);
    }
    return [name, read.value] as const;
  });
  return Object.fromEntries(parts) as TrainConfig; // read back by the names of `values` only
}

export function readTyped(field: Field, text: string): ReturnType<typeof readValue> {
  // An input method for Chinese writes １６ and ．
  const plain = text.normalize('NFKC').trim();
  switch (field.kind) {
    case 'int':
    case 'number':
      return readValue(field, plain === '' ? text : numberIn(plain), undefined);
    case 'optional-number':
      return readValue(field, plain === '' ? null : numberIn(plain), undefined);
    case 'texts':
      return readValue(
        field,
        text
          .split('\n')
          .map((line) => line.trim())
          .filter(Boolean),
        undefined,
      );
    case 'text':
    case 'choice':
    case 'switch':
    case 'switch-or-path':
      return readValue(field, text, undefined);
  }
}

/**
 * '1,600' and '10 000' as the page writes them itself, in both its languages; '0,0001' and '1,5' by people who write a
 * decimal comma. A comma before three digits groups, unless nothing but 0 stands before it.
 */
function numberIn(text: string): number | string {
  const grouped = /^[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+|(?: \d{3})+)(?:\.\d+)?$/.test(text);
  const plain = grouped ? text.replace(/[, ]/g, '') : text.replace(/^([+-]?\d+),(\d+)(?=$|e)/i, '$1.$2');
  const value = Number(plain);
  return Number.isNaN(value) ? text : value;
}

export function draftProblems(drafts: Drafts): SettingProblem[] {
  return Object.entries(drafts).flatMap(([name, text]) => {
    const field = name as FieldName;
    const read = readTyped(configFields[field], text);
    return 'problem' in read ? [{ field, ...read.problem }] : [];
  });
}

/** What only the run's length shows: a warm-up that it never leaves. */
export function warmupProblem(config: TrainConfig, steps: number): SettingProblem[] {
  const { lr_warmup_steps: warmup } = config;
  if (steps === 0 || warmup < 1 || warmup < steps) return [];
  const sentence = `lr_warmup_steps is ${warmup}, but the run has ${steps} steps: training would end before the warm-up does.`;
  return [{ field: 'lr_warmup_steps', code: 'conflict', sentence }];
}

export function conflictsIn(config: TrainConfig): SettingProblem[] {
  try {
    checkConfig(config);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ field, code, sentence }) => ({ field: field as FieldName, code, sentence }));
  }
}

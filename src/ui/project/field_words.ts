/** How fields are called, found and shown. Which fields the form has: all but those that name files on a disk. */
import {
  fieldList,
  isFieldName,
  isPlace,
  otherNames,
  type Field,
  type FieldName,
} from '../../formats/config/config_fields';
import type { Language } from '../../formats/config/language';
import { number } from '../figures';
import type { messages } from './settings_messages';
import type { SettingProblem } from './typed';

type Words = (typeof messages)['en'];

export interface FormField {
  readonly name: FieldName;
  readonly field: Field;
  /** What kohya calls it, where that is something else. */
  readonly kohya: string | undefined;
}

export const formFields: readonly FormField[] = fieldList.flatMap(({ name, field }) =>
  isFieldName(name) && !isPlace(field) ? [{ name, field, kohya: kohyaKey(name) }] : [],
);

/** Words that a person may know the field by, in lower case. */
export function matches({ name, field }: FormField, words: string, language: Language): boolean {
  const known = [field.label[language], name, name.replaceAll('_', ' ')];
  for (const [other, ours] of otherNames) if (ours === name) known.push(other);
  const text = known.join('\n').toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** A value as the form writes it. */
export function written(value: unknown): string {
  if (value === null || value === undefined) return '';
  return Array.isArray(value) ? value.join('\n') : String(value);
}

/** A value in a sentence: "Back to 16". */
export function spoken(value: unknown, m: Words): string {
  if (value === true) return m.on;
  if (value === false) return m.off;
  if (Array.isArray(value)) return value.length === 0 ? m.nothing : m.promptsCount(value.length);
  if (typeof value === 'number') return figure(value);
  const text = written(value);
  return text === '' ? m.nothing : text;
}

export function rangeOf(field: Field, m: Words): string {
  if (field.kind !== 'int' && field.kind !== 'number' && field.kind !== 'optional-number') return '';
  return m.range(figure(field.min), figure(field.max), field.step ? figure(field.step) : '');
}

/** 10,000,000, but 0.9999999 and 1e-16 as they are. */
export function figure(value: number): string {
  return Number.isInteger(value) ? number(value) : String(value);
}

/** A problem in the page's language. */
export function problemSentence({ code, field, sentence }: SettingProblem, of: Field, m: Words): string {
  if (code === 'conflict') return m.conflicts[field] ?? sentence;
  if (of.kind === 'text' || of.kind === 'texts') return m.oneLine;
  if (of.kind !== 'int' && of.kind !== 'number' && of.kind !== 'optional-number') return sentence;
  if (code === 'out-of-range') return m.outOfRange(of);
  return of.kind === 'int' ? m.wholeNumber : m.aNumber;
}

/** The long names of sd-scripts; short ones that people also write only help the search. */
function kohyaKey(name: FieldName): string | undefined {
  const shown = new Set([
    'network_dim',
    'network_alpha',
    'network_dropout',
    'train_batch_size',
    'max_train_epochs',
    'optimizer_type',
    'save_every_n_steps',
  ]);
  return [...otherNames].find(([other, ours]) => ours === name && shown.has(other))?.[0];
}

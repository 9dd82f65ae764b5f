// Settings of kohya's trainer and of those built on it, into ours: kohya_ss's JSON, sd-scripts' TOML (training and
// data-set files), lora-scripts' TOML or YAML. Whatever would have had an effect there and has none here is named,
// and so is what those files leave unsaid and kohya decides otherwise than we do. Files and folders of the other
// computer are left behind. The rules are in kohya_rules.ts; reading the three notations is in flat_config.ts.
import { parseConfig } from './config';
import { configFields, fieldList, isFieldName, type FieldName, type TrainConfig } from './config_fields';
import { readValue } from './config_values';
import { readFlat, type FlatValues } from './flat_config';
import { isKohyaKey, isMoot, isOff, rules, silentDefaults, type Rule } from './kohya_rules';

/** Something about an imported file that a person should know. `value` is as the file has it, shortened. */
export type ImportNote =
  /** It had an effect there; this trainer has nothing like it. */
  | { readonly kind: 'unsupported'; readonly key: string; readonly value: string }
  /** Taken, but not to the letter. */
  | { readonly kind: 'changed'; readonly key: string; readonly value: string; readonly field: FieldName }
  /** Names a file or folder of the computer it comes from. */
  | { readonly kind: 'place'; readonly key: string; readonly value: string }
  /** The file does not say it, and the trainer it is for has another default than ours. */
  | { readonly kind: 'assumed'; readonly field: FieldName; readonly value: string }
  /** The value cannot be used. */
  | { readonly kind: 'invalid'; readonly key: string; readonly value: string; readonly sentence: string };

export interface ImportedSettings {
  readonly from: 'studio' | 'kohya';
  /** Values that their fields accept; never paths. */
  readonly settings: Readonly<Partial<TrainConfig>>;
  readonly notes: readonly ImportNote[];
}

/**
 * Reads a settings file of any of the kinds. One of ours changes only what it names, and must get on with the rest of
 * what there is (`yours`). Throws ConfigError with what is wrong and where.
 */
export function importSettings(text: string, yours: Partial<TrainConfig> = {}): ImportedSettings {
  const file = readFlat(text);
  const foreign =
    file.notation !== 'yaml' || [...file.values.keys()].some((key) => !isFieldName(key) && isKohyaKey(key));
  return foreign ? fromKohya(file.values) : fromStudio(text, file.values, yours);
}

function fromStudio(text: string, file: FlatValues, yours: Partial<TrainConfig>): ImportedSettings {
  const values: { readonly [name: string]: unknown } = parseConfig(text, yours);
  const named = fieldList.filter(({ name }) => file.has(name));
  return {
    from: 'studio',
    settings: Object.fromEntries(
      named.filter(({ field }) => !isPlace(field)).map(({ name }) => [name, values[name]]),
    ),
    notes: named
      .filter(({ name, field }) => isPlace(field) && values[name] !== field.default)
      .map(({ name }) => ({ kind: 'place', key: name, value: shorten(values[name]) })),
  };
}

/** A field that names a file or folder, or resumes from one: it belongs to the trainer without a page. */
export function isPlace(field: (typeof fieldList)[number]['field']): boolean {
  return field.kind === 'switch-or-path' || (field.kind === 'text' && field.path);
}

function fromKohya(file: FlatValues): ImportedSettings {
  const settings = new Map<FieldName, unknown>();
  const notes: ImportNote[] = [];
  const used = new Set<string>();
  const set: Parameters<Rule>[1] = (key, field, value, changed) => {
    const result = readValue(configFields[field], value, undefined);
    const shown = shorten(file.get(key) ?? value);
    if ('problem' in result) {
      notes.push({ kind: 'invalid', key, value: shown, sentence: `${key}: ${result.problem.sentence}` });
      return;
    }
    settings.set(field, result.value);
    if (changed) notes.push({ kind: 'changed', key, value: shown, field });
  };
  const refuse = (key: string, value: unknown): void => {
    notes.push({ kind: 'unsupported', key, value: shorten(value) });
  };
  for (const rule of rules) for (const key of rule(file, set, refuse)) used.add(key);

  for (const [key, value] of file) {
    if (used.has(key) || isOff(value) || isMoot(key, value, file)) continue;
    if (isPath(key, value)) notes.push({ kind: 'place', key, value: shorten(value) });
    else refuse(key, value);
  }
  for (const [field, value] of silentDefaults(file)) {
    if (settings.has(field)) continue;
    settings.set(field, value);
    notes.push({ kind: 'assumed', field, value: shorten(value) });
  }
  return { from: 'kohya', settings: Object.fromEntries(settings) as Partial<TrainConfig>, notes };
}

/** By name or by value. A set of regularisation images or another VAE would change what is learned. */
function isPath(key: string, value: unknown): boolean {
  if (key === 'reg_data_dir' || key === 'vae') return false;
  return (
    /(_dir|_path|_file|_json|_folder|_weights|^resume|^dataset_config)$/.test(key) ||
    /\.(txt|toml|json|safetensors|ckpt)$/i.test(String(value))
  );
}

function shorten(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

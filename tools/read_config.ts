/**
 * The file behind `--config`: a YAML of this studio, read to the letter, or settings of another trainer, which are named and
 * listed before anything is done with them. What would ruin the run stops it here, unless the person says `--anyway`.
 */
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseConfig, checkConfig } from '../src/formats/config/config';
import { fieldsOfBase, type TrainConfig } from '../src/formats/config/config_fields';
import type { Changed, Left, Taken } from '../src/formats/kohya/import_ledger';
import type { ModelMarks, Prediction } from '../src/formats/families/family_facts';
import { plainFacts, sideOf, type FamilyName } from '../src/formats/families/plain';
import { importFromLora, importSettings, type ImportedSettings } from '../src/formats/kohya/import_settings';
import {
  changeReasons,
  leftReasons,
  programs,
  warningsFor,
  warningWords,
} from '../src/formats/kohya/import_words';
import { baseAt } from './base_family';
import { openSource } from './files';

/** Settings of another trainer that would not give what they were for. */
export class ForeignSettingsError extends Error {
  override readonly name = 'ForeignSettingsError';
}

/** There are base models of this family that predict noise and others that predict v, and nothing says which this is. */
export class PredictionUnsaidError extends Error {
  override readonly name = 'PredictionUnsaidError';
}

/**
 * `say` gets the lines for the person, in order. Throws ConfigError, PredictionUnsaidError, or ForeignSettingsError where
 * `anyway` is not said.
 */
export async function readConfig(
  path: string,
  anyway: boolean,
  say: (line: string) => void,
): Promise<TrainConfig> {
  const isLora = path.toLowerCase().endsWith('.safetensors');
  const text = isLora ? '' : await readText(path);
  const read = isLora ? await importFromLora(openSource(path)) : importSettings(text, { here: true });
  if (read.program === 'studio' && !/\.toml$/i.test(path)) return ownConfig(text, say);
  const { settings, warnings, lists } = await withDatasetConfig(read, path, text);
  const base = await baseAt({ base_model: '', vae: '', ...settings });
  const kept = warningsFor(warnings, base && plainFacts[base.family].title.en);
  for (const line of report(lists[0], kept)) say(line);
  for (const line of lists.slice(1).flatMap((each) => report(each, []))) say(line);
  if (kept.some(({ code }) => code === 'sets'))
    say(
      `! Pictures are read from one folder, train_data_dir. To train on all sets, name a folder that theirs lie in, with the data set TOML in it or beside it.`,
    );
  const ruins = kept.filter((warning) => warning.ruins);
  if (ruins.length > 0 && !anyway) {
    throw new ForeignSettingsError(
      `${ruins.map((warning) => warningWords(warning).en).join(' ')} ` +
        'Nothing was started. Mend the file, or say --anyway to train with what was taken.',
    );
  }
  return checkConfig(settings);
}

/** What a file of ours does not say of sizes, and of what is predicted, is as the base model has it. */
async function ownConfig(text: string, say: (line: string) => void): Promise<TrainConfig> {
  const config = parseConfig(text);
  const base = await baseAt(config);
  if (!base) return config;
  const { title, resolution, prediction } = plainFacts[base.family];
  const predicts = prediction === 'either' ? predictionOf(text, base) : base.marks.prediction;
  const fitted = parseConfig(text, {
    resolution: sideOf(plainFacts[base.family], predicts),
    max_bucket_reso: resolution.longest,
    v_parameterization: predicts === 'v',
    zero_terminal_snr: base.marks.zeroTerminalSnr === true,
  } satisfies Pick<TrainConfig, (typeof fieldsOfBase)[number]>);
  for (const field of fieldsOfBase) {
    if (fitted[field] === config[field]) continue;
    const why = fitted[field] === true ? 'as the base model says of itself' : `for ${title.en}`;
    say(`note: ${field}: ${fitted[field]}, ${why}; the configuration does not say.`);
  }
  return fitted;
}

/** As the file says, else as the base model says of itself. */
function predictionOf(
  text: string,
  { family, marks }: { family: FamilyName; marks: ModelMarks },
): Prediction {
  const [whenOn, whenOff] = [true, false].map(
    (v) => parseConfig(text, { v_parameterization: v }).v_parameterization,
  );
  if (whenOn === whenOff) return whenOn ? 'v' : 'epsilon';
  if (marks.prediction) return marks.prediction;
  const { title, resolution } = plainFacts[family];
  throw new PredictionUnsaidError(
    `There are two kinds of ${title.en}, and the base model's files do not say which this is. Write v_parameterization: false in the configuration for one that predicts noise (${resolution.side}-base), or v_parameterization: true for one that predicts v (${resolution.sideOfV ?? resolution.side}-v).`,
  );
}

/**
 * sd-scripts' data set file, where the settings name one: what stands there counts more. By its path as written, from the
 * folder in which the command runs as sd-scripts has it, or beside the settings.
 */
async function withDatasetConfig(read: ImportedSettings, path: string, text: string) {
  const alone = { settings: read.settings, warnings: read.warnings, lists: [read] };
  const named = read.warnings.find(({ code, name }) => code === 'elsewhere' && name.startsWith(DATASET));
  if (!named) return alone;
  const written = named.name.slice(DATASET.length).replaceAll('\\', '/');
  const found = [written, join(dirname(path), written)].find(existsSync);
  if (found === undefined || !text) return alone;
  const set = importSettings(await readText(found), { here: true });
  return {
    settings: { ...read.settings, ...set.settings },
    warnings: [...read.warnings.filter((warning) => warning !== named), ...set.warnings],
    lists: [read, set],
  };
}

const DATASET = 'dataset_config ';

/** What was read, most important first: warnings, then the three lists. */
export function report(read: ImportedSettings, warnings = read.warnings): string[] {
  return [
    `${programs[read.program].en}.`,
    ...warnings.map((warning) => `! ${warningWords(warning).en}`),
    `taken (${read.taken.length}):`,
    ...read.taken.map((each) => `  ${toFields(each)}`),
    `changed (${read.changed.length}):`,
    ...read.changed.map((each: Changed) => `  ${toFields(each)}: ${changeReasons[each.why].en}`),
    ...(read.assumed.length > 0
      ? [`not said in the file, as its program has it (${read.assumed.length}):`]
      : []),
    ...read.assumed.map(({ field, value }) => `  ${field} ${JSON.stringify(value)}`),
    `left out (${read.left.length}):`,
    ...leftByReason(read.left),
  ];
}

function toFields({ key, value, fields }: Taken): string {
  return `${key} ${value} -> ${fields.map((each) => `${each.field} ${JSON.stringify(each.value)}`).join(', ')}`;
}

function leftByReason(left: readonly Left[]): string[] {
  return Object.entries(leftReasons).flatMap(([why, words]) => {
    const names = left.filter((each) => each.why === why);
    if (names.length === 0) return [];
    const quiet = why === 'off' || why === 'moot' || why === 'record';
    return [
      `  ${words.en}: ${names.map((each) => (quiet ? each.key : (each.sentence ?? `${each.key} ${each.value}`))).join(', ')}`,
    ];
  });
}

async function readText(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) throw new Error(`The configuration cannot be read: ${path}`);
  const facts = await file.stat();
  await file.close();
  if (facts.isDirectory())
    throw new Error(`The configuration "${path}" is a folder: name the file in it that is meant.`);
  const { size } = facts;
  // Longer than any settings: the reader says so by itself.
  if (size > 1_000_000) throw new Error(`The configuration is too large to be one: ${path}`);
  return readFile(path, 'utf8');
}

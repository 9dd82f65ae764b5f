/**
 * The file behind `--config`: a YAML of this studio, read to the letter, or settings of another trainer, which are named and
 * listed before anything is done with them. What would ruin the run stops it here, unless the person says `--anyway`.
 */
import { open, readFile } from 'node:fs/promises';
import { parseConfig, checkConfig } from '../src/formats/config/config';
import type { TrainConfig } from '../src/formats/config/config_fields';
import type { Changed, Left, Taken } from '../src/formats/kohya/import_ledger';
import { importFromLora, importSettings, type ImportedSettings } from '../src/formats/kohya/import_settings';
import { changeReasons, leftReasons, programs, warningWords } from '../src/formats/kohya/import_words';
import { openSource } from './files';

/** Settings of another trainer that would not give what they were for. */
export class ForeignSettingsError extends Error {
  override readonly name = 'ForeignSettingsError';
}

/** `say` gets the lines for the person, in order. Throws ConfigError, or ForeignSettingsError where `anyway` is not said. */
export async function readConfig(
  path: string,
  anyway: boolean,
  say: (line: string) => void,
): Promise<TrainConfig> {
  const isLora = path.toLowerCase().endsWith('.safetensors');
  const text = isLora ? '' : await readText(path);
  const read = isLora ? await importFromLora(openSource(path)) : importSettings(text, { here: true });
  if (read.program === 'studio' && !/\.toml$/i.test(path)) return parseConfig(text);
  for (const line of report(read)) say(line);
  const ruins = read.warnings.filter((warning) => warning.ruins);
  if (ruins.length > 0 && !anyway) {
    throw new ForeignSettingsError(
      `${ruins.map((warning) => warningWords(warning).en).join(' ')} ` +
        'Nothing was started. Mend the file, or say --anyway to train with what was taken.',
    );
  }
  return checkConfig(read.settings);
}

/** What was read, most important first: warnings, then the three lists. */
export function report(read: ImportedSettings): string[] {
  return [
    `${programs[read.program].en}.`,
    ...read.warnings.map((warning) => `! ${warningWords(warning).en}`),
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
  const { size } = await file.stat();
  await file.close();
  // Longer than any settings: the reader says so by itself.
  if (size > 1_000_000) throw new Error(`The configuration is too large to be one: ${path}`);
  return readFile(path, 'utf8');
}

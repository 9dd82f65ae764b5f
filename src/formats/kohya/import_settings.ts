// Settings from elsewhere: which program wrote them, told by content alone, and what each of their names is here. The
// rules are in kohya_rules.ts, onetrainer_rules.ts and ai_toolkit_rules.ts; the lists are import_ledger.ts's.
import { fromAiToolkit } from './ai_toolkit_rules';
import type { ByteSource } from '../safetensors/byte_source';
import { ConfigError, parseConfig } from '../config/config';
import { configFields, isFieldName, isPlace, type TrainConfig } from '../config/config_fields';
import { entriesOf, isTable, readTree, type Notation } from './flat_config';
import { Ledger, type Lists } from './import_ledger';
import { fromKohya } from './kohya_config';
import { isKohyaKey } from './kohya_rules';
import { readLoraSettings } from './lora_settings';
import { fromConcepts, fromOneTrainer } from './onetrainer_rules';

export type Program =
  | 'studio'
  | 'kohya_ss'
  | 'sd-scripts'
  | 'sd-scripts-dataset'
  | 'sd-scripts-command'
  | 'lora-scripts'
  | 'onetrainer'
  | 'onetrainer-concepts'
  | 'ai-toolkit'
  | 'lora'
  | 'lora-onetrainer';

/** Those whose settings are texts of their own. */
type TextProgram = Exclude<Program, 'lora' | 'lora-onetrainer'>;

export interface ImportedSettings extends Lists {
  readonly program: Program;
}

export interface ImportOptions {
  /** What the settings are held against: the project's, for a file of ours that names only some. */
  readonly yours?: Partial<TrainConfig>;
  /** Paths in the file are of this computer, and taken. */
  readonly here?: boolean;
}

/** Reads a text of any of the kinds. Throws ConfigError with what is wrong and where. */
export function importSettings(
  text: string,
  { yours = {}, here = false }: ImportOptions = {},
): ImportedSettings {
  const { notation, tree } = readTree(text);
  const program = programOf(notation, tree);
  const ledger = ledgerOf(program, tree, here);
  const lists = ledger.close(yours.optimizer ?? configFields.optimizer.default);
  // A file of ours in our own notation is read to the letter, and refused with the line.
  if (program === 'studio' && notation === 'yaml') parseConfig(text, yours);
  return { program, ...lists };
}

/** The settings in a LoRA's own metadata; reads its header only. Throws SafetensorsError or ConfigError. */
export async function importFromLora(
  source: ByteSource,
  yours: Partial<TrainConfig> = {},
): Promise<ImportedSettings> {
  const { program, ledger } = await readLoraSettings(source);
  return { program, ...ledger.close(yours.optimizer ?? configFields.optimizer.default) };
}

/** Which program writes such a file. Throws ConfigError where none does. */
export function programOf(notation: Notation, tree: unknown): TextProgram {
  if (notation === 'command') return 'sd-scripts-command';
  if (Array.isArray(tree)) {
    if (tree.every((each) => isTable(each) && each.has('path') && (each.has('image') || each.has('text'))))
      return 'onetrainer-concepts';
    return unknownProgram();
  }
  const has = (...names: readonly string[]) => isTable(tree) && names.some((name) => tree.has(name));
  if (has('config') && has('job', 'meta')) return 'ai-toolkit';
  if (has('training_method', 'concept_file_name') || (has('base_model_name') && has('lora_rank')))
    return 'onetrainer';
  const names = entriesOf(tree).map(({ path }) => path.slice(path.lastIndexOf('.') + 1));
  const theirs = names.filter((name) => isKohyaKey(name) && !isFieldName(name));
  const ours = names.filter((name) => isFieldName(name) && !isKohyaKey(name));
  if (notation === 'yaml' && theirs.length === 0 && names.length > 0) return 'studio';
  // A name of kohya's among ours is a slip, for which the reader of our files has a hint.
  if (ours.length > theirs.length) return 'studio';
  if (has('model_train_type', 'positive_prompts', 'enable_preview', 'lycoris_algo')) return 'lora-scripts';
  if (notation === 'json' && names.some((name) => isKohyaKey(name))) return 'kohya_ss';
  const isRun = names.some((name) =>
    /^(pretrained_model|network_|learning_rate|optimizer|max_train)/.test(name),
  );
  if (has('datasets', 'general') && !isRun) return 'sd-scripts-dataset';
  return names.some((name) => isKohyaKey(name)) ? 'sd-scripts' : unknownProgram();
}

function unknownProgram(): never {
  throw new ConfigError([
    {
      code: 'no-settings',
      line: 0,
      sentence:
        'None of the names in it is a setting of this studio, sd-scripts, kohya_ss, lora-scripts, OneTrainer or ai-toolkit.',
    },
  ]);
}

function ledgerOf(program: TextProgram, tree: unknown, here: boolean): Ledger {
  switch (program) {
    case 'studio':
      return fromStudio(tree, here);
    case 'onetrainer':
      return fromOneTrainer(tree, here);
    case 'onetrainer-concepts':
      return fromConcepts(tree, here);
    case 'ai-toolkit':
      return fromAiToolkit(tree, here);
    case 'kohya_ss':
    case 'sd-scripts':
    case 'sd-scripts-dataset':
    case 'sd-scripts-command':
    case 'lora-scripts':
      return fromKohya(tree, here);
  }
}

/** Our own names in whatever notation. */
function fromStudio(tree: unknown, here: boolean): Ledger {
  const ledger = new Ledger(entriesOf(tree));
  for (const key of ledger.keys) {
    if (!isFieldName(key)) continue;
    const field = configFields[key];
    if (!isPlace(field) || here) ledger.take(key, key);
    else ledger.leave(key, ledger.get(key) === field.default || ledger.get(key) === null ? 'off' : 'place');
  }
  return ledger;
}

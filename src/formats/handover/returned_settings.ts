/**
 * What is known of the settings of a run that came back: from the LoRA's metadata, and more exactly from the job's own
 * config.toml and dataset.toml where they lie among the files. By the import of sd-scripts' settings that the page has.
 */
import type { ReturnedFile } from '../../protocol/handover';
import { configFields, isFieldName, isPlace, type TrainConfig } from '../config/config_fields';
import { isFileName } from '../config/file_name';
import { nameOf } from '../dataset/kinds';
import { importFromLora, importSettings } from '../kohya/import_settings';
import { fromBlob } from '../safetensors/byte_source';
import type { ReadLora } from './returned_lora';

const LONGEST = 2 ** 20;

export async function settingsOf(
  lora: ReadLora | undefined,
  files: readonly ReturnedFile[],
): Promise<{ settings: Partial<TrainConfig>; known: number; trainedFrom?: string }> {
  let settings: Partial<TrainConfig> = {};
  // What says nothing of settings is passed over: the run is shown without.
  const take = (more: Partial<TrainConfig>) => (settings = { ...settings, ...more });
  if (lora) await importFromLora(fromBlob(lora.file.file)).then((read) => take(read.settings), nothing);
  const config = await textOf(files, 'config.toml');
  for (const text of [config, await textOf(files, 'dataset.toml')]) {
    if (text === '') continue;
    try {
      take(importSettings(text).settings);
    } catch {
      // As above.
    }
  }
  const known = Object.keys(settings).length;
  const own = Object.fromEntries(
    // Places are of the other machine.
    Object.entries(settings).filter(([name]) => isFieldName(name) && !isPlace(configFields[name])),
  );
  const name = lora?.run ?? '';
  const weights = /^network_weights\s*=\s*["']([^"'\n]+)["']/m.exec(config)?.[1];
  return {
    settings: {
      ...own,
      ...(lora && !('lora_rank' in own) ? { lora_rank: lora.rank } : {}),
      ...(isFileName(name) ? { output_name: name } : {}),
    },
    known,
    ...(weights === undefined ? {} : { trainedFrom: nameOf(weights.replaceAll('\\', '/')) }),
  };
}

/** The lines of sample_prompts.txt that sd-scripts draws; none where it did not come along. */
export async function promptsIn(files: readonly ReturnedFile[]): Promise<string[]> {
  const text = await textOf(files, 'sample_prompts.txt');
  return text
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** The one that lies highest; '' for none, or one that is too long to be it. */
async function textOf(files: readonly ReturnedFile[], name: string): Promise<string> {
  const depth = ({ path }: ReturnedFile) => path.split('/').length;
  const [found] = files.filter(({ path }) => nameOf(path) === name).sort((a, b) => depth(a) - depth(b));
  return found && found.file.size <= LONGEST ? found.file.text() : '';
}

function nothing(): void {
  // It says nothing.
}

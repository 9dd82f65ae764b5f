/** Settings of any trainer, from a text or a LoRA's metadata, with what is wrong with them as data. */
import { ConfigError, type ConfigProblem } from '../config/config';
import type { TrainConfig } from '../config/config_fields';
import { importFromLora, importSettings, type ImportedSettings } from '../kohya/import_settings';
import { fromBlob } from '../safetensors/byte_source';
import { SafetensorsError } from '../safetensors/safetensors_error';

export type SettingsReading =
  | ImportedSettings
  | { readonly problems: readonly ConfigProblem[] }
  /** A LoRA whose header cannot be read. */
  | 'damaged';

/** `yours` are the project's. Rejects only where the file cannot be read. */
export async function readSettings(given: string | Blob, yours: TrainConfig): Promise<SettingsReading> {
  try {
    return typeof given === 'string'
      ? importSettings(given, { yours })
      : await importFromLora(fromBlob(given), yours);
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    if (error instanceof SafetensorsError) return 'damaged';
    throw error;
  }
}

/** Of which family the base model of a configuration is, for what has to be known before it is opened in earnest. */
import { familyOfFiles } from '../src/formats/checkpoint/checkpoint_kind';
import type { TrainConfig } from '../src/formats/config/config_fields';
import type { FamilyName } from '../src/formats/families/families';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { baseFiles } from './base_files';
import { withSource } from './files';

/** By its headers; undefined where the files are not on this machine, or are no base model. */
export async function familyAt(
  config: Pick<TrainConfig, 'base_model' | 'vae'>,
): Promise<FamilyName | undefined> {
  try {
    const files = await baseFiles(config);
    const headers = await Promise.all(files.map((path) => withSource(path, readHeader)));
    return familyOfFiles(headers.map(({ tensors }) => tensors));
  } catch {
    return undefined;
  }
}

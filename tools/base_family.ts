/** Of which family the base model of a configuration is, and what it says of itself, for what has to be known before it is opened in earnest. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOfFiles } from '../src/formats/checkpoint/checkpoint_kind';
import { marksOf, marksOfScheduler, marksTogether } from '../src/formats/checkpoint/marks';
import type { TrainConfig } from '../src/formats/config/config_fields';
import type { FamilyName } from '../src/formats/families/families';
import type { ModelMarks } from '../src/formats/families/family_facts';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { baseFiles } from './base_files';
import { withSource } from './files';

/** By its headers; undefined where the files are not on this machine, or are no base model. */
export async function baseAt(
  config: Pick<TrainConfig, 'base_model' | 'vae'>,
): Promise<{ family: FamilyName; marks: ModelMarks } | undefined> {
  try {
    const files = await baseFiles(config);
    const headers = await Promise.all(files.map((path) => withSource(path, readHeader)));
    const family = familyOfFiles(headers.map(({ tensors }) => tensors));
    if (!family) return undefined;
    const marks = marksTogether([...headers.map(marksOf), await schedulersMarks(config.base_model)]);
    return { family, marks };
  } catch {
    return undefined;
  }
}

/** Of a diffusers folder, whose weights say nothing of it. */
export async function schedulersMarks(base: string): Promise<ModelMarks> {
  const path = join(base, 'scheduler', 'scheduler_config.json');
  return marksOfScheduler(await readFile(path, 'utf8').catch(() => ''));
}

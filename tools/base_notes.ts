/** What the base model says against a configuration, for the command line; the page says it beside the fields. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { marksOf, marksOfScheduler, marksTogether } from '../src/formats/checkpoint/marks';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { baseAdvice, baseAdviceWords } from '../src/formats/families/base_advice';
import type { FamilyFacts, ModelMarks } from '../src/formats/families/family_facts';
import type { ByteSource } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';

/** Reads headers only. Throws SafetensorsError for what is no safetensors file. */
export async function baseNotes(
  config: TrainConfig,
  family: FamilyFacts,
  base: readonly ByteSource[],
): Promise<string[]> {
  const headers = await Promise.all(base.map(readHeader));
  const marks = marksTogether([...headers.map(marksOf), await schedulersMarks(config.base_model)]);
  return baseAdvice(config, family, marks).map(({ field, code }) => `${field}: ${baseAdviceWords[code].en}`);
}

/** Of a diffusers folder, whose weights say nothing of it. */
async function schedulersMarks(base: string): Promise<ModelMarks> {
  const path = join(base, 'scheduler', 'scheduler_config.json');
  return marksOfScheduler(await readFile(path, 'utf8').catch(() => ''));
}

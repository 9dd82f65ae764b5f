/** What the base model says against a configuration, for the command line; the page says it beside the fields. */
import { marksOf, marksTogether } from '../src/formats/checkpoint/marks';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { baseAdvice, baseAdviceWords } from '../src/formats/families/base_advice';
import type { FamilyFacts } from '../src/formats/families/family_facts';
import type { ByteSource } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { schedulersMarks } from './base_family';

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

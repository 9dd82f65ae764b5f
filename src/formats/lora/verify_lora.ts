// Reads a LoRA file as a program would that is about to use it, and says whether it is worth giving away: names that
// the family of models has, finite numbers, a change that is not zero, and the tensors it was made from.
import type { ByteSource } from '../safetensors/byte_source';
import { familyFacts, type FamilyName } from '../families/families';
import { parseLora, type LoraModule } from './kohya_lora';
import { LoraError } from './lora_error';
import { loraTensorName } from './lora_names';
import { sha256Hex } from '../safetensors/sha256';
import { readHeader } from '../safetensors/safetensors';
import { SafetensorsError } from '../safetensors/safetensors_error';

/** What was found in a file that passed. */
export interface LoraReport {
  readonly tensors: number;
  readonly modules: number;
  /** Modules that change nothing, because one of their two matrices is zero. */
  readonly idleModules: number;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export type VerificationCode = 'cut-short' | 'not-finite' | 'no-change' | 'names' | 'differs' | 'unreadable';

/** Why a file is not offered. `detail` names the place: a tensor, an offset. */
export class VerificationError extends Error {
  override name = 'VerificationError';
  constructor(
    readonly code: VerificationCode,
    sentence: string,
    readonly detail = '',
  ) {
    super(sentence);
  }
}

/** What a file must hold, if more is known than that it is a LoRA. */
export interface Expected {
  /** The file whose tensors it must have, bit for bit. */
  readonly source?: ByteSource;
  /** How many modules the run trained. */
  readonly modules?: number;
}

/** Throws VerificationError with a sentence for the user. Reads all of the file once, and hashes it. */
export async function verifyLora(file: ByteSource, expected: Expected = {}): Promise<LoraReport> {
  const { family, modules } = await parseLora(file).catch(refuse);
  const namings = Object.values(familyFacts[family].lora);
  const strange = modules.find(({ name }) => !namings.some(({ names }) => names.test(name)));
  if (strange) {
    const sentence = `"${strange.name}" is not a layer of ${familyFacts[family].title.en}, so other programs would skip it.`;
    throw new VerificationError('names', sentence, strange.name);
  }
  if (expected.modules !== undefined && expected.modules !== modules.length) {
    const counts = `${modules.length} of ${expected.modules}`;
    const sentence = `The file holds ${counts} trained layers. Save again, or take another checkpoint.`;
    throw new VerificationError('names', sentence, counts);
  }
  const idleModules = modules.filter(idle).length;
  if (idleModules === modules.length) {
    const sentence = 'The file would change nothing: every layer is zero. Train at least one step first.';
    throw new VerificationError('no-change', sentence);
  }
  const tensors = await compare(file, family, expected.source).catch(refuse);
  const sha256 = await sha256Hex(new Uint8Array(await file.slice(0, file.byteLength)));
  return { tensors, modules: modules.length, idleModules, bytes: file.byteLength, sha256 };
}

function idle({ down, up }: LoraModule): boolean {
  return down.every((value) => value === 0) || up.every((value) => value === 0);
}

/** The number of tensors; throws where one is missing from `file`, added, or not the same bits as in `source`. */
async function compare(
  file: ByteSource,
  family: FamilyName,
  source: ByteSource | undefined,
): Promise<number> {
  const { tensors } = await readHeader(file);
  const foreign = [...tensors.keys()].find((name) => loraTensorName(name, family)?.naming !== 'kohya');
  if (foreign !== undefined) {
    const sentence = `"${foreign}" is not a name of kohya's, so other programs might skip it.`;
    throw new VerificationError('names', sentence, foreign);
  }
  if (!source) return tensors.size;
  const wanted = (await readHeader(source)).tensors;
  for (const name of new Set([...wanted.keys(), ...tensors.keys()])) {
    const [a, b] = [tensors.get(name), wanted.get(name)];
    const same =
      a !== undefined &&
      b !== undefined &&
      a.dtype === b.dtype &&
      a.shape.join() === b.shape.join() &&
      sameBytes(await file.slice(a.start, a.end), await source.slice(b.start, b.end));
    if (!same) {
      const sentence = `"${name}" does not read back as it was trained. Save again, on another disk if it stays so.`;
      throw new VerificationError('differs', sentence, name);
    }
  }
  return tensors.size;
}

function sameBytes(a: ArrayBuffer, b: ArrayBuffer): boolean {
  const [x, y] = [new Uint8Array(a), new Uint8Array(b)];
  return x.length === y.length && x.every((byte, index) => byte === y[index]);
}

function refuse(error: unknown): never {
  if (error instanceof SafetensorsError && (error.code === 'truncated' || error.code === 'too-small')) {
    throw new VerificationError(
      'cut-short',
      `The file is cut short: ${error.message}`,
      `byte ${error.offset}`,
    );
  }
  if (error instanceof LoraError && error.code === 'non-finite') {
    throw new VerificationError('not-finite', error.message, error.module);
  }
  if (error instanceof LoraError || error instanceof SafetensorsError) {
    throw new VerificationError('unreadable', error.message);
  }
  throw error;
}

/**
 * SHA-256 of a run's base model, as WebUI and Civitai know it. It takes seconds a gigabyte: it is computed beside the run,
 * once a model, and goes into the file when that is downloaded.
 */
import * as Comlink from 'comlink';
import { isCheckpoint } from '../../formats/checkpoint/kinds';
import type { EngineFacts } from '../../protocol/engine_errors';
import { withReader } from './reader';

/** By size and date: files have no other identity here. */
const known = new Map<string, Promise<string | undefined>>();

/** What is the same as long as nobody has touched the file: a base model takes seconds to read. */
export function fileKey([file]: readonly Blob[]): string {
  return [file.size, file instanceof File ? `${file.name} ${file.lastModified}` : ''].join(' ');
}

/** Whether a run that began with another base model would go on with this one. */
export async function isOtherBase(
  began: { baseSha256?: string; baseKey?: string },
  files: readonly Blob[],
): Promise<boolean> {
  if (began.baseSha256 === undefined || began.baseKey === fileKey(files)) return false;
  const now = await baseDigest(files);
  return now !== undefined && now !== began.baseSha256;
}

/** Undefined where the model is not one file (a VAE of its own may lie beside it), or cannot be read. */
export function baseDigest(files: readonly Blob[]): Promise<string | undefined> {
  const [file] = files;
  const key = fileKey(files);
  const digest = known.get(key) ?? digestOf(file).catch(() => undefined);
  known.set(key, digest);
  return digest;
}

function digestOf(file: Blob): Promise<string | undefined> {
  return withReader(async (reader) => {
    const read = await reader.baseParts(file);
    if (!('kind' in read && isCheckpoint(read.kind))) return undefined;
    return reader.digest(
      file,
      Comlink.proxy(() => undefined),
    );
  });
}

/** Said as the trainer says it of a saved state: it is the same refusal, only earlier. */
export class OtherBaseError extends Error {
  override readonly name = 'ResumeError';
  readonly code = 'changed';
  readonly facts: EngineFacts['ResumeError']['changed'] = { changes: [{ what: 'base' }] };
  constructor() {
    super(
      'The saved state belongs to a run with another base model. Choose that one again, or begin a new run with the LoRA that was saved last.',
    );
  }
}

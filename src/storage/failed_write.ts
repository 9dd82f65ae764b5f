/**
 * What a failed write is told as. Browsers report a full disk in many ways (QuotaExceededError, an abort by nobody, a
 * broken data pipe, an unknown error), so that not the error decides but the room that is left: none is full storage; a
 * private window is named where there is one; for all else stands the browser's own reason.
 */
import { plainError, StorageError, StorageFullError } from './error';
import { looksPrivate, privateSigns } from './private_window';
import { hasRoom, saysFull, usedNow } from './room';

/** A database writes whole pages, and its journal: so much it wants even for one small record. */
const LEAST = 64 * 2 ** 10;
/** What is smaller is not worth a figure. */
const WORTH_SAYING = 1e6;

/** `what` is for the sentence; `bytes` were to be written, 0 if little. An error of ours stays as it is. */
export async function failedWrite(what: string, bytes: number, cause: unknown): Promise<StorageError> {
  if (cause instanceof StorageError) return cause;
  if (saysFull(cause) || (await hasRoom(Math.max(bytes, LEAST))) === false)
    return fullStorage(what, bytes, cause);
  const facts = { what, reason: reasonOf(cause) };
  return plainError(looksPrivate(await privateSigns()) ? 'not-kept-private' : 'not-kept', facts, cause);
}

/** With how much was needed, and how much there is to delete. */
export async function fullStorage(what: string, bytes: number, cause?: unknown): Promise<StorageFullError> {
  const used = (await usedNow()) ?? 0;
  const facts = {
    what,
    ...(bytes >= WORTH_SAYING ? { needed: bytes } : {}),
    ...(used >= WORTH_SAYING ? { used } : {}),
  };
  return new StorageFullError(facts, cause);
}

/** Runs one write; what it throws is told. */
export async function writing<T>(what: string, bytes: number, write: () => T | Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw await failedWrite(what, bytes, error);
  }
}

/** Refuses before anything is begun. */
export async function refuseWithoutRoom(what: string, bytes: number): Promise<void> {
  if (bytes > 0 && (await hasRoom(bytes)) === false) throw await fullStorage(what, bytes);
}

/** A file of the person's own, at a place that they chose: the browser's room has no part in it. */
export function failedSave(file: string, bytes: number, cause: unknown): StorageError {
  if (saysFull(cause)) return plainError('disk-full', { file, bytes }, cause);
  return plainError('not-saved', { file, reason: reasonOf(cause) }, cause);
}

/** The browser's words, without their full stop: they stand in brackets. */
export function reasonOf(cause: unknown): string {
  const message = cause instanceof Error || cause instanceof DOMException ? cause.message : '';
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : '';
  return message.replace(/\.\s*$/, '') || name || 'it gave no reason';
}

/**
 * Whether this looks like a private window, where all is gone when it closes. No browser says so; Firefox and Safari
 * refuse private files there, and Chromium before 138 gives such a window less room than twice its own memory limit. Since
 * then it keeps that to itself.
 */
import { saysFull } from './room';

export interface Signs {
  /** Whether the private file system could be opened. */
  readonly files: boolean;
  readonly quota?: number;
  /** Of it, in use. */
  readonly usage?: number;
  /** Chromium's limit of JavaScript memory, in bytes. */
  readonly heapLimit?: number;
}

export function looksPrivate({ files, quota, heapLimit }: Signs): boolean {
  if (!files) return true;
  return quota !== undefined && heapLimit !== undefined && quota < 2 * heapLimit;
}

/** A copy of the smallest usual base model, and room for what a run saves. */
const ENOUGH_BYTES = 3e9;

/**
 * What there is to say beforehand: no files at all, a private window, or less room than a base model's copy takes. `free` is
 * said of both: a small disk looks like a private window too, and of that the room is what matters.
 */
export function keeping(
  signs: Signs,
): { kind: 'all' | 'no-files' } | { kind: 'private' | 'little'; free: number; little: boolean } {
  if (!signs.files) return { kind: 'no-files' };
  const free = Math.max(0, (signs.quota ?? Infinity) - (signs.usage ?? 0));
  const little = free < ENOUGH_BYTES;
  if (looksPrivate(signs)) return { kind: 'private', free, little };
  return little ? { kind: 'little', free, little } : { kind: 'all' };
}

/** Looks for the signs in this browser. */
export async function privateSigns(): Promise<Signs> {
  // Over plain http there is no storage manager at all, which says nothing about the window.
  const storage = (globalThis.navigator as { storage?: Partial<StorageManager> } | undefined)?.storage;
  if (!storage?.getDirectory || !storage.estimate) return { files: true };
  const files = await storage.getDirectory().then(
    () => true,
    // A disk that is full refuses too, in any window.
    (error: unknown) => saysFull(error),
  );
  const { quota, usage } = await storage.estimate().catch((): StorageEstimate => ({}));
  const memory = (performance as { memory?: { jsHeapSizeLimit?: number } }).memory;
  return { files, quota, usage, heapLimit: memory?.jsHeapSizeLimit };
}

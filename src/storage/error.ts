/**
 * What storage refuses with: a sentence for the person, never a bare DOMException. `StorageFullError` is apart because
 * it has a remedy of its own: make room and try again.
 */

export class StorageError extends Error {
  override name = 'StorageError';
}

/** There was no room. Nothing of what was being written was kept, and what was there before still is. */
export class StorageFullError extends StorageError {
  override name = 'StorageFullError';
  readonly code = 'no-room';
  readonly facts: { readonly what: string };
  constructor(what: string, cause?: unknown) {
    super(
      `This browser has no room left for ${what}. Delete a project or old checkpoints under Storage, or free space on ` +
        'the disk, and try again.',
      { cause },
    );
    this.facts = { what };
  }
}

/** The sentence for whatever a write of `what` failed with. */
export function storageError(what: string, cause: unknown): Error {
  if (cause instanceof StorageError) return cause;
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : '';
  if (name === 'QuotaExceededError') return new StorageFullError(what, cause);
  if (name === 'AbortError' && cause instanceof Error) return cause;
  const reason = cause instanceof Error && cause.message ? cause.message : 'it gave no reason';
  return new StorageError(
    `This browser did not keep ${what} (${reason}). If this is a private window, open the studio in a normal one.`,
    { cause },
  );
}

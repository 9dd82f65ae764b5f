/**
 * What storage refuses with: a sentence for the person, never a bare DOMException. `StorageFullError` is apart because
 * it has a remedy of its own: make room and try again.
 */

export class StorageError<Code extends string = string, Facts = unknown> extends Error {
  override name = 'StorageError';
  constructor(
    readonly code: Code,
    readonly facts: Facts,
    sentence: string,
    options?: ErrorOptions,
  ) {
    super(sentence, options);
  }
}

/** What a plain StorageError knows, by its code. */
export interface StorageFacts {
  /** `what` was not written; the browser's reason, in its own words. */
  'not-kept': { what: string; reason: string };
  gone: { file: string };
  'no-folder': Record<string, never>;
}

/** There was no room. Nothing of what was being written was kept, and what was there before still is. */
export class StorageFullError extends StorageError<'no-room', { readonly what: string }> {
  override name = 'StorageFullError';
  constructor(what: string, cause?: unknown) {
    super(
      'no-room',
      { what },
      `This browser has no room left for ${what}. Delete a project or old checkpoints under Storage, or free space on ` +
        'the disk, and try again.',
      { cause },
    );
  }
}

/** The sentence for whatever a write of `what` failed with. */
export function storageError(what: string, cause: unknown): Error {
  if (cause instanceof StorageError) return cause;
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : '';
  if (name === 'QuotaExceededError') return new StorageFullError(what, cause);
  const reason = cause instanceof Error && cause.message ? cause.message : 'it gave no reason';
  return new StorageError<'not-kept', StorageFacts['not-kept']>(
    'not-kept',
    { what, reason },
    `This browser did not keep ${what} (${reason}). If this is a private window, open the studio in a normal one.`,
    { cause },
  );
}

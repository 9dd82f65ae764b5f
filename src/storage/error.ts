/**
 * What storage refuses with: a sentence for the person, never a bare DOMException. `StorageFullError` is apart because
 * it has a remedy of its own: make room and try again. Which of them a failed write is, `failed_write` decides.
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
  /** The same where the window looks like a private one. */
  'not-kept-private': { what: string; reason: string };
  /** A file that the person chose could not be read while it was copied. */
  unreadable: { file: string; reason: string };
  gone: { file: string };
  'no-folder': Record<string, never>;
  /** A later version of the studio has written here. */
  newer: Record<string, never>;
  /** On the person's own disk, at a place of their choice. */
  'disk-full': { file: string; bytes: number };
  'not-saved': { file: string; reason: string };
}

const says: { [Code in keyof StorageFacts]: (facts: StorageFacts[Code]) => string } = {
  'not-kept': ({ what, reason }) =>
    `This browser did not keep ${what} (${reason}). Try again; if that does not help, restart the browser.`,
  'not-kept-private': ({ what, reason }) =>
    `This browser did not keep ${what} (${reason}). This looks like a private window: open the studio in a normal one.`,
  unreadable: ({ file, reason }) =>
    `${file} could not be read to its end (${reason}). It was changed, moved or unplugged meanwhile: choose it again.`,
  gone: ({ file }) =>
    `The stored file ${file} is gone: this browser or a person has cleared its data. Choose the file again.`,
  'no-folder': () =>
    'This browser lets the studio keep no files, as in a private window or where site data is blocked. Open it in a normal window, and let it keep data.',
  newer: () =>
    'A newer version of the studio has been open in this browser, and has changed how it keeps things. Close all its tabs and open it again.',
  'disk-full': ({ file, bytes }) =>
    `There is no room for ${file} (${sizeText(bytes)}) at that place. Free space there, or save it elsewhere.`,
  'not-saved': ({ file, reason }) =>
    `${file} was not saved: the browser could not write it there (${reason}). Save it elsewhere.`,
};

export function plainError<Code extends keyof StorageFacts>(
  code: Code,
  facts: StorageFacts[Code],
  cause: unknown,
): StorageError<Code, StorageFacts[Code]> {
  return new StorageError(code, facts, says[code](facts), { cause });
}

export interface NoRoom {
  readonly what: string;
  /** Bytes that were to be written, where that is worth saying. */
  readonly needed?: number;
  /** Bytes that the studio keeps in this browser now. */
  readonly used?: number;
}

/** There was no room. Nothing of what was being written was kept, and what was there before still is. */
export class StorageFullError extends StorageError<'no-room', NoRoom> {
  override name = 'StorageFullError';
  constructor(facts: NoRoom, cause?: unknown) {
    const { what, needed, used } = facts;
    const much = needed === undefined ? '' : ` (${sizeText(needed)})`;
    const kept = used === undefined ? '' : ` The studio keeps ${sizeText(used)} here.`;
    super(
      'no-room',
      facts,
      `This browser has no room left for ${what}${much}.${kept} Delete a project or old checkpoints under Storage, or free ` +
        'space on the disk, and try again.',
      { cause },
    );
  }
}

/** For sentences. */
export function sizeText(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

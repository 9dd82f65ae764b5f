/**
 * Changed pictures on their way to storage: written together a moment after the last change, and at once when the page
 * is hidden or goes away. What could not be written stays here and is tried again with the next change.
 */
import { putPictures, type Picture } from '../../storage/pictures';
import { sentenceOf } from '../sentence';

const SAVE_AFTER_MS = 300;

export class Unsaved {
  /** The newest version of each that is not known to be on the disk. */
  readonly #changed = new Map<string, Picture>();
  /** Those of them that no write has taken yet. */
  readonly #waiting = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #abandon = new AbortController();

  /** `onTrouble` is told the sentence why nothing could be saved, and `undefined` once it could. */
  constructor(private readonly onTrouble: (sentence: string | undefined) => void) {
    if (typeof document === 'undefined') return;
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.#flushAtOnce();
    });
    addEventListener('pagehide', () => this.#flushAtOnce());
  }

  add(pictures: Iterable<Picture>): void {
    for (const picture of pictures) {
      this.#changed.set(picture.id, picture);
      this.#waiting.add(picture.id);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), SAVE_AFTER_MS);
  }

  /** They were removed: there is nothing to save any more. */
  forget(ids: Iterable<string>): void {
    for (const id of ids) {
      this.#changed.delete(id);
      this.#waiting.delete(id);
    }
  }

  /** Resolves when all that was changed until now is in storage, or the trouble was told. */
  flush(): Promise<void> {
    return this.#flush(this.#abandon.signal);
  }

  #flush(abandon?: AbortSignal): Promise<void> {
    clearTimeout(this.#timer);
    const batch = [...this.#waiting].flatMap((id) => this.#changed.get(id) ?? []);
    this.#waiting.clear();
    if (batch.length > 0) {
      // Begun now, not after the write before it: IndexedDB keeps their order, and the page may be going away.
      this.#writing = Promise.all([this.#writing, this.#write(batch, abandon)]).then(() => undefined);
    }
    return this.#writing;
  }

  /**
   * The page may be going away. What is being written in pieces would die with it, and hold up what comes after: it is
   * abandoned and said again, whole.
   */
  #flushAtOnce(): void {
    this.#abandon.abort();
    this.#abandon = new AbortController();
    for (const id of this.#changed.keys()) this.#waiting.add(id);
    void this.#flush();
  }

  async #write(batch: readonly Picture[], abandon?: AbortSignal): Promise<void> {
    // Of a picture that was changed or removed meanwhile, another version, or none, is the newest.
    const newest = () => batch.filter((picture) => this.#changed.get(picture.id) === picture);
    try {
      await putPictures(batch, abandon);
      for (const { id } of newest()) this.#changed.delete(id);
      this.onTrouble(undefined);
    } catch (error) {
      // Then the write that took its place has them.
      if (abandon?.aborted) return;
      for (const { id } of newest()) this.#waiting.add(id);
      this.onTrouble(sentenceOf(error));
    }
  }
}

/**
 * Object URLs of thumbnails, for what is in sight and a little more. A few are read at a time, the last asked for
 * first; one that is out of sight before its turn is not read; the oldest out of sight are revoked.
 */
import { getThumbnail } from '../../../storage/pictures';

interface Entry {
  holders: Set<(url: string) => void>;
  url?: string;
}

const AT_ONCE = 6;
const KEPT = 400;

export class Thumbnails {
  readonly #entries = new Map<string, Entry>();
  #waiting: string[] = [];
  #reading = 0;
  readonly #read: (id: string) => Promise<Blob | undefined>;

  /** Another place to read from is for tests. */
  constructor(read: (id: string) => Promise<Blob | undefined> = getThumbnail) {
    this.#read = read;
  }

  /** Calls back with the URL, at once if it is there. The function given back lets go of it. */
  hold(id: string, show: (url: string) => void): () => void {
    const entry = this.#entries.get(id) ?? { holders: new Set() };
    // Moved to the end: the map is in order of last use.
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    entry.holders.add(show);
    if (entry.url !== undefined) show(entry.url);
    else if (entry.holders.size === 1) {
      this.#waiting.push(id);
      this.#next();
    }
    return () => {
      entry.holders.delete(show);
      if (entry.holders.size > 0) return;
      this.#waiting = this.#waiting.filter((each) => each !== id);
      this.#trim();
    };
  }

  /** Revokes all that nobody holds. */
  clear(): void {
    this.#trim(0);
  }

  #next(): void {
    while (this.#reading < AT_ONCE) {
      const id = this.#waiting.pop();
      if (id === undefined) return;
      this.#reading++;
      void this.#load(id).finally(() => {
        this.#reading--;
        this.#next();
      });
    }
  }

  async #load(id: string): Promise<void> {
    const blob = await this.#read(id).catch(() => undefined);
    const entry = this.#entries.get(id);
    if (!blob || !entry || entry.url !== undefined) return;
    const url = URL.createObjectURL(blob);
    entry.url = url;
    for (const show of entry.holders) show(url);
    this.#trim();
  }

  #trim(keep = KEPT): void {
    for (const [id, { holders, url }] of this.#entries) {
      if (this.#entries.size <= keep) return;
      if (holders.size > 0) continue;
      if (url !== undefined) URL.revokeObjectURL(url);
      this.#entries.delete(id);
    }
  }
}

export const thumbnails = new Thumbnails();

/**
 * What the page and the download worker say to each other. It is the one part of the studio that may ask another
 * origin for something, by headers of its own, and only for an address that a person gave.
 */

export interface Download {
  /** Where the file lies, as storage's `openFile` takes it. */
  path: string;
  /** From the address. */
  name: string;
  byteLength: number;
  /** SHA-256, in hex. */
  sha256: string;
}

export interface DownloadProgress {
  done: number;
  /** Undefined where the server does not say. */
  total: number | undefined;
}

export interface DownloadWish {
  /** In hex; a file that has another is deleted and refused. */
  sha256?: string;
  /** Bytes that it has at most; without it, the most that any model here has (storage/downloads.ts). */
  most?: number;
  /**
   * One of several files that are of use together: it stays noted when it is whole, so that it is there without being
   * asked for again, until whoever wanted it drops the note.
   */
  oneOfSeveral?: boolean;
}

export interface Downloader {
  /**
   * Fetches a file into the browser's own storage; one that was begun before is gone on with where the server allows
   * it. Rejects with a sentence (address, status, room, network), or with an AbortError after `cancel`, which keeps
   * what has arrived.
   */
  download(
    address: string,
    wish: DownloadWish,
    onProgress: (progress: DownloadProgress) => void,
  ): Promise<Download>;
  cancel(): void;
}

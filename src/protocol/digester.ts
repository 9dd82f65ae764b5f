/** What the page and the digest worker say to each other. */

export interface Digester {
  /** SHA-256 of a file, in hex. Rejects if it cannot be read to its end. */
  digest(file: Blob, onProgress: (bytes: number) => void): Promise<string>;
}

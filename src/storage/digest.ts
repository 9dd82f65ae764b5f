/** SHA-256 of files of any size, piece by piece: the browser's own digest wants the whole file in memory. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

const PIECE = 4 * 2 ** 20;

/** In hex. `onProgress` is told the bytes read. It computes for seconds a gigabyte: call it in a worker. */
export async function digestOf(blob: Blob, onProgress?: (bytes: number) => void): Promise<string> {
  const hash = sha256.create();
  for (let at = 0; at < blob.size; at += PIECE) {
    const end = Math.min(blob.size, at + PIECE);
    hash.update(new Uint8Array(await blob.slice(at, end).arrayBuffer()));
    onProgress?.(end);
  }
  return bytesToHex(hash.digest());
}

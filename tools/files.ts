/** Files on disk as the tools read and write them. */
import { createHash } from 'node:crypto';
import { createReadStream, fstatSync, openSync, read } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ByteSource } from '../src/formats/byte_source';

const readAt = promisify(read);

/** Random access to a file; nothing is read until `slice` is called. Open until the process ends. */
export function openSource(path: string): ByteSource {
  const descriptor = openFile(path);
  const { size } = fstatSync(descriptor);
  return {
    byteLength: size,
    async slice(start, end) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await readAt(descriptor, bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) {
          throw new Error(`"${path}" ended at byte ${start + at}; it was shortened while being read.`);
        }
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch {
    throw new Error(`There is no file "${path}", or it may not be read.`);
  }
}

/** SHA-256 of a file of any size, in hex; reads it once, piece by piece. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 4 * 2 ** 20 }))
    hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** A reader never sees half a file, whenever the power goes. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}

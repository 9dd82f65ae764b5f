/**
 * Files on disk as the tools read and write them. What is written here is either there whole, also after the power went,
 * or not there at all.
 */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, read } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { ByteSource } from '../src/formats/safetensors/byte_source';

const readAt = promisify(read);

/** Random access to a file; nothing is read until `slice` is called. Open until the process ends. */
export function openSource(path: string): ByteSource {
  return sourceOf(openFile(path), path);
}

/** Random access to a file while `use` runs; closed after it, so that a file deleted then gives its room back. */
export async function withSource<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const descriptor = openFile(path);
  const source = sourceOf(descriptor, path);
  try {
    return await use(source);
  } finally {
    closeSync(descriptor);
  }
}

function sourceOf(descriptor: number, path: string): ByteSource {
  const facts = fstatSync(descriptor);
  if (facts.isDirectory()) {
    closeSync(descriptor);
    throw new Error(`"${path}" is a folder; a file is wanted here.`);
  }
  const { size } = facts;
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

/** Whether there is a folder at this path. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/** SHA-256 of a file of any size, in hex; reads it once, piece by piece. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 4 * 2 ** 20 }))
    hash.update(piece as Buffer);
  return hash.digest('hex');
}

/**
 * Puts a whole file in the place of another, or leaves that one as it was: a reader never sees half a file, whenever the
 * power goes. `bytes` may come piece by piece. `beforePlacing` runs when the new bytes are on the disk and not yet under their name. Throws Node's error
 * (ENOSPC, EACCES, ...); the temporary file is gone then.
 */
export async function writeWhole(
  path: string,
  bytes: Uint8Array | string | ((put: (pieces: readonly Uint8Array[]) => Promise<void>) => Promise<void>),
  beforePlacing?: () => Promise<void>,
): Promise<void> {
  const part = `${path}${PART}`;
  try {
    const file = await open(part, 'w');
    try {
      if (typeof bytes === 'function') {
        await bytes(async (pieces) => {
          for (const piece of pieces) await file.writeFile(piece);
        });
      } else await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await beforePlacing?.();
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Behind the name of a file that is being written. */
export const PART = '.part';

/** The new name is on the disk too. Windows opens no folders, and some file systems sync none: there it is their affair. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  try {
    await folder?.sync();
  } catch {
    // The file itself is on the disk.
  } finally {
    await folder?.close();
  }
}

/**
 * A folder with those above it. Node's own `recursive` says ENOENT of a disk that can only be read, and tries for ever
 * where a file system makes no folders (/proc). Throws what `mkdir` threw, ENOTDIR where there is a file.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory()) return;
    const parent = dirname(path);
    if (there || code !== 'ENOENT' || parent === path || (await stat(parent).catch(() => undefined)))
      throw error;
    await makeFolder(parent);
    await mkdir(path);
  }
}

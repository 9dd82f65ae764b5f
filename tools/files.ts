/** Files on disk as the trainer reads them. */
import { open } from 'node:fs/promises';
import type { ByteSource } from '../src/formats/byte_source';

/** Random access to a file; nothing is read until `slice` is called. Stays open until the process ends. */
export async function openSource(path: string): Promise<ByteSource> {
  const handle = await open(path).catch(() => {
    throw new Error(`There is no file "${path}".`);
  });
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(start, end) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0)
          throw new Error(`"${path}" ended at byte ${start + at}; it was shortened while being read.`);
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

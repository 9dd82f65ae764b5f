/** What the VAE said of a run's pictures, in a folder beside what the run writes. Whatever fails here costs time only. */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LatentStore } from '../src/protocol/trainer';

/** Entries are files in `folder`, which is made when there is something to keep. */
export function latentStore(folder: string): LatentStore {
  return {
    read: async (name) => {
      const bytes = await readFile(join(folder, name)).catch(() => undefined);
      return bytes && Uint8Array.from(bytes);
    },
    write: async (name, bytes) => {
      const part = join(folder, `${name}.part`);
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(part, bytes);
        await rename(part, join(folder, name));
        return true;
      } catch {
        await rm(part, { force: true }).catch(() => undefined);
        return false;
      }
    },
    shrink: async (keep, mostBytes) => {
      try {
        const files = await Promise.all(
          (await readdir(folder)).map(async (name) => {
            const { size, mtimeMs } = await stat(join(folder, name));
            return { name, size, mtimeMs };
          }),
        );
        let total = files.reduce((sum, { size }) => sum + size, 0);
        for (const { name, size } of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
          if (total <= mostBytes) return;
          if (keep.has(name)) continue;
          await rm(join(folder, name));
          total -= size;
        }
      } catch {
        // There is none, or the next run tries again.
      }
    },
  };
}

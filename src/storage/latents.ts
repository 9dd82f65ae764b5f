/**
 * What the VAE said of a project's pictures, in the browser's private files: one folder a project, one file an entry.
 * Whatever fails here costs time and nothing else, so it is never an error.
 */
import type { LatentStore } from '../protocol/trainer';

const LATENTS = 'latents';
/** A day. */
const SWEEP_AFTER_MS = 86_400_000;

export function latentStore(project: string): LatentStore {
  const folder = async (): Promise<FileSystemDirectoryHandle> =>
    (await latents(true)).getDirectoryHandle(project, { create: true });
  return {
    read: async (name) => {
      try {
        const file = await (await (await folder()).getFileHandle(name)).getFile();
        return new Uint8Array(await file.arrayBuffer());
      } catch {
        return undefined;
      }
    },
    write: async (name, bytes) => {
      try {
        const to = await (await (await folder()).getFileHandle(name, { create: true })).createWritable();
        try {
          await to.write(bytes);
          await to.close();
          return true;
        } catch (error) {
          await to.abort().catch(() => undefined);
          throw error;
        }
      } catch {
        // An empty one is left where nothing could be written.
        await folder()
          .then((of) => of.removeEntry(name))
          .catch(() => undefined);
        return false;
      }
    },
    shrink: async (keep, mostBytes) => {
      try {
        const own = await folder();
        const files = await filesIn(own);
        let total = files.reduce((sum, { size }) => sum + size, 0);
        for (const { name, size } of files.sort((a, b) => a.lastModified - b.lastModified)) {
          if (total <= mostBytes) return;
          if (keep.has(name)) continue;
          await own.removeEntry(name);
          total -= size;
        }
      } catch {
        // The next run tries again.
      }
    },
  };
}

/** Bytes of each project's. */
export async function latentBytes(): Promise<Map<string, number>> {
  const bytes = new Map<string, number>();
  try {
    for await (const [project, entry] of (await latents(false)).entries())
      if (isFolder(entry))
        bytes.set(
          project,
          (await filesIn(entry)).reduce((sum, { size }) => sum + size, 0),
        );
  } catch {
    // There are none.
  }
  return bytes;
}

/** Of a project that is no more. */
export async function deleteLatentsOf(project: string): Promise<void> {
  await latents(false)
    .then((of) => of.removeEntry(project, { recursive: true }))
    .catch(() => undefined);
}

/**
 * Deletes those of projects that are none of `projects`: a run may write some while its project is being deleted, in this tab
 * or another. Gives how many projects' they were.
 */
export async function sweepLatents(projects: ReadonlySet<string>, now = Date.now()): Promise<number> {
  let swept = 0;
  try {
    const all = await latents(false);
    for await (const [project, entry] of all.entries()) {
      if (!isFolder(entry) || projects.has(project)) continue;
      const latest = Math.max(0, ...(await filesIn(entry)).map(({ lastModified }) => lastModified));
      // What is being written now is young; its project may be another tab's that is not listed yet.
      if (now - latest < SWEEP_AFTER_MS) continue;
      await all.removeEntry(project, { recursive: true });
      swept++;
    }
  } catch {
    // There are none, or the next start tries again.
  }
  return swept;
}

function isFolder(entry: FileSystemHandle): entry is FileSystemDirectoryHandle {
  return entry.kind === 'directory';
}

async function latents(create: boolean): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(LATENTS, { create });
}

async function filesIn(
  folder: FileSystemDirectoryHandle,
): Promise<{ name: string; size: number; lastModified: number }[]> {
  const files: { name: string; size: number; lastModified: number }[] = [];
  for await (const [name, entry] of folder.entries()) {
    if (isFolder(entry)) continue;
    const { size, lastModified } = await entry.getFile();
    files.push({ name, size, lastModified });
  }
  return files;
}

/**
 * Whether the browser has room for so many bytes more. Its own estimate is not enough: Chromium from 138 on says 10 GiB
 * more than is used whatever it will allow, so that a file is asked to be that long, which is refused or granted at once.
 */
export const FOLDER = 'models';

/** Undefined where it cannot be found out. */
export async function hasRoom(bytes: number): Promise<boolean | undefined> {
  const storage = storageManager();
  if (!storage) return undefined;
  const { quota, usage } = await estimated(storage);
  if (quota !== undefined && usage !== undefined && quota - usage < bytes) return false;
  try {
    const folder = await (await storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
    return await canGrow(folder, bytes);
  } catch (error) {
    return saysFull(error) ? false : undefined;
  }
}

/** What the studio keeps here, in bytes. */
export async function usedNow(): Promise<number | undefined> {
  const storage = storageManager();
  return storage && (await estimated(storage)).usage;
}

/** Whether the browser itself names full storage. Firefox has codes of its own for it. */
export function saysFull(error: unknown): boolean {
  if (!(error instanceof Error || error instanceof DOMException)) return false;
  return (
    error.name === 'QuotaExceededError' ||
    /quota|no[ _](device[ _])?space|disk (is )?full|not enough (disk )?space|ENOSPC/i.test(error.message)
  );
}

/** A file that no one sees; it is gone afterwards. Extending it writes nothing, so this takes milliseconds. */
async function canGrow(folder: FileSystemDirectoryHandle, bytes: number): Promise<boolean | undefined> {
  const leaf = `${crypto.randomUUID()}-room`;
  const handle = await folder.getFileHandle(leaf, { create: true });
  // Not in Safari before 26.
  if (!('createWritable' in handle)) {
    await folder.removeEntry(leaf).catch(() => undefined);
    return undefined;
  }
  let to: FileSystemWritableFileStream | undefined;
  try {
    to = await handle.createWritable();
    // Where one byte is refused too, it is not the size that is refused.
    await to.truncate(1);
    const grown = await to.truncate(bytes).then(
      () => true,
      () => false,
    );
    return grown;
  } finally {
    await to?.abort().catch(() => undefined);
    await folder.removeEntry(leaf).catch(() => undefined);
  }
}

function storageManager(): StorageManager | undefined {
  // Over plain http there is none, whatever the type says; in Node neither.
  const storage = (globalThis.navigator as { storage?: Partial<StorageManager> } | undefined)?.storage;
  return typeof storage?.estimate === 'function' ? (storage as StorageManager) : undefined;
}

async function estimated(storage: StorageManager): Promise<StorageEstimate> {
  try {
    return await storage.estimate();
  } catch {
    return {};
  }
}

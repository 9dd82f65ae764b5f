/**
 * The folder in the browser's private file system that big files lie in: naming, room, listing and deleting. Writing
 * and opening are `files`, and `downloads`.
 */
import { plainError } from './error';
import { failedWrite } from './failed_write';
import { FOLDER, saysFull } from './room';

export { FOLDER } from './room';

/** It is no error if it is gone already. */
export async function deleteFile(path: string): Promise<void> {
  await (await models()).removeEntry(leafOf(path)).catch(ignoreMissing);
}

/** Bytes of each stored file, by path; none where the browser has no such folder. */
export async function storedFiles(): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const folder = await models().catch(() => undefined);
  if (!folder) return sizes;
  for await (const [leaf, entry] of folder.entries()) {
    if (entry.kind === 'file') sizes.set(`${FOLDER}/${leaf}`, (await fileOf(entry)).size);
  }
  return sizes;
}

export async function models(): Promise<FileSystemDirectoryHandle> {
  let root: FileSystemDirectoryHandle;
  try {
    root = await navigator.storage.getDirectory();
  } catch (error) {
    if (saysFull(error)) throw await failedWrite('its files', 0, error);
    throw plainError('no-folder', {}, error);
  }
  try {
    return await root.getDirectoryHandle(FOLDER, { create: true });
  } catch (error) {
    throw await failedWrite('its files', 0, error);
  }
}

/** Whether there is a folder of this name beside it; false where the browser has no such files. */
export async function hasFolder(name: string): Promise<boolean> {
  try {
    await (await navigator.storage.getDirectory()).getDirectoryHandle(name);
    return true;
  } catch {
    return false;
  }
}

export async function fileOf(entry: FileSystemHandle): Promise<{ size: number; lastModified: number }> {
  return (entry as FileSystemFileHandle).getFile().catch(() => ({ size: 0, lastModified: Date.now() }));
}

export function leafOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A name of its own for a new file, which people still know it by. */
export function newLeaf(name: string): string {
  return `${crypto.randomUUID()}-${name.replace(/[^\p{L}\p{N}._-]+/gu, '_').slice(-100)}`;
}

/** What the file was called that lies under such a name. */
export function nameOfLeaf(leaf: string): string {
  return leaf.replace(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-/, '');
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof DOMException && error.name === 'NotFoundError')) throw error;
}

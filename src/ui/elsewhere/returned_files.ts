/** Files that came back as the handover worker takes them, and those in what was dropped, with folders walked. */
import type { ReturnedFile } from '../../protocol/handover';
import { incomingFrom } from '../pictures/import/incoming';

export function returnedFiles(files: readonly File[]): ReturnedFile[] {
  return files.map((file) => ({
    path: PATHS.get(file) ?? (file.webkitRelativePath || file.name),
    file,
    modified: file.lastModified,
  }));
}

/** A dropped folder's files do not say where they lay. */
const PATHS = new WeakMap<File, string>();

/** Call it straight from the event: what was dropped is gone afterwards. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  const found = await incomingFrom(transfer);
  const files: File[] = [];
  for (const { path, open } of found) {
    const file = await open().catch(() => undefined);
    if (!(file instanceof File)) continue;
    PATHS.set(file, path);
    files.push(file);
  }
  return files;
}

/** What came back of a run, in the browser: zips opened, pictures decoded once, the rest is formats/handover's. */
import { readReturned } from '../../src/formats/handover/returned';
import { openZip } from '../../src/formats/zip/zip';
import type { Returned, ReturnedFile, ReturnedNote } from '../../src/protocol/handover';

export async function fromReturned(files: readonly ReturnedFile[]): Promise<Returned> {
  const all: ReturnedFile[] = [];
  const notes: ReturnedNote[] = [];
  for (const file of files) {
    if (!/\.zip$/i.test(file.path)) all.push(file);
    else {
      const inside = await unpacked(file, notes).catch((error: unknown) => {
        notes.push(refused(file.path, error));
        return [];
      });
      all.push(...inside);
    }
  }
  const returned = await readReturned(all, sizeOf);
  return { ...returned, notes: [...notes, ...returned.notes] };
}

async function unpacked({ path, file }: ReturnedFile, notes: ReturnedNote[]): Promise<ReturnedFile[]> {
  const { entries, refused: left } = await openZip(file);
  notes.push(...left.map((each): ReturnedNote => ({ file: `${path}: ${each.path}`, why: 'unknown' })));
  const files: ReturnedFile[] = [];
  for (const entry of entries) {
    try {
      const modified = entry.modified === undefined ? {} : { modified: entry.modified };
      files.push({ path: entry.path, file: await entry.open(), ...modified });
    } catch (error) {
      notes.push(refused(entry.path, error));
    }
  }
  return files;
}

function refused(file: string, error: unknown): ReturnedNote {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const { code, facts } = error as { code?: unknown; facts?: unknown };
  return { file, why: 'error', error: { name, message, code, facts } };
}

async function sizeOf(picture: Blob): Promise<{ width: number; height: number } | undefined> {
  const bitmap = await createImageBitmap(picture).catch(() => undefined);
  if (!bitmap) return undefined;
  const { width, height } = bitmap;
  bitmap.close();
  return { width, height };
}

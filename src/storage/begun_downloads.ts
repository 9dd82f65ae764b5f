/**
 * Downloads that were begun and have not ended: which address, which file, and by what to know that the rest belongs to
 * the same file. While there is such a record, the file is only a part.
 */
import { get } from 'idb-keyval';
import { storedFiles } from './opfs';
import { readAll, records, write } from './records';

export interface BegunDownload {
  address: string;
  /** Where the part lies, as `openFile` takes it. */
  path: string;
  name: string;
  /** Bytes of the whole, where the server said so. */
  length?: number;
  /** ETag or date of the whole, where the server let us see one. */
  validator?: string;
}

const store = records('downloads');

export function begunDownload(address: string): Promise<BegunDownload | undefined> {
  return get<BegunDownload>(['begun', address], store);
}

/** With the bytes that are there. */
export async function begunDownloads(): Promise<(BegunDownload & { done: number })[]> {
  const [all, files] = await Promise.all([readAll<BegunDownload>(store, ['begun']), storedFiles()]);
  return all.map((begun) => ({ ...begun, done: files.get(begun.path) ?? 0 }));
}

export function putBegun(begun: BegunDownload): Promise<void> {
  return write(store, 'the note of a download', (to) => void to.put(begun, ['begun', begun.address]));
}

export function dropBegun(address: string): Promise<void> {
  return write(store, 'the end of a download', (to) => void to.delete(['begun', address]));
}

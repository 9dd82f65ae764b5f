/**
 * The models that propose captions, kept once for all projects: a record each, and its files in the browser's private
 * file system. The studio's own small one is not among them: it is served, not kept.
 */
import { get } from 'idb-keyval';
import { deleteFile } from './opfs';
import { readAll, records, write } from './records';

/** `external`: weights that a model has in a file beside it, as many as it names. */
export type CaptionerRole = 'vision' | 'text' | 'model' | 'tags' | 'external';

export interface CaptionerFile {
  role: CaptionerRole;
  /** Path of `files`. */
  path: string;
  name: string;
  byteLength: number;
  /** In hex. */
  sha256: string;
}

export interface StoredCaptioner {
  /** From the digests of its files: the same files are the same model. */
  key: string;
  kind: 'clip' | 'tagger';
  name: string;
  files: CaptionerFile[];
  addedAt: number;
}

const store = records('captioners');

/** The one added last comes first. */
export async function listCaptioners(): Promise<StoredCaptioner[]> {
  const all = await readAll<StoredCaptioner>(store, ['captioner']);
  return all.sort((a, b) => b.addedAt - a.addedAt);
}

export function getCaptioner(key: string): Promise<StoredCaptioner | undefined> {
  return get<StoredCaptioner>(['captioner', key], store);
}

export function putCaptioner(captioner: StoredCaptioner): Promise<void> {
  return write(store, 'the captioning model', (to) => void to.put(captioner, ['captioner', captioner.key]));
}

/** The record goes first: interrupted, files without one are swept. */
export async function deleteCaptioner({ key, files }: StoredCaptioner): Promise<void> {
  await write(store, 'the removal', (from) => void from.delete(['captioner', key]));
  for (const { path } of files) await deleteFile(path);
}

/** In bytes. */
export function captionerSize({ files }: StoredCaptioner): number {
  return files.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** What names a model in caches. */
export function captionerKey(files: readonly Pick<CaptionerFile, 'role' | 'sha256'>[]): string {
  return files
    .map(({ role, sha256 }) => `${role} ${sha256}`)
    .sort()
    .join(', ');
}

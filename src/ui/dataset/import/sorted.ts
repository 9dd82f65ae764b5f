/**
 * The first half of an import: what each file is, with zips listed and captions read and paired. After it the pictures
 * are known by path and caption; none has been opened.
 */
import {
  pairCaptions,
  type Pairing,
  type Sidecar,
  type Table,
} from '../../../formats/dataset/import_captions';
import { kindOf, nameOf, type FileKind } from '../../../formats/dataset/kinds';
import { inNaturalOrder } from '../../../formats/dataset/names';
import { CaptionFileError, readSidecar } from '../../../formats/dataset/caption_file';
import { parseMetadataCsv } from '../../../formats/dataset/metadata_csv';
import { openZip } from '../../../formats/zip';
import { ZipError } from '../../../formats/zip_error';
import { inOrder } from './in_order';
import type { Incoming } from './incoming';
import type { Reject } from './outcome';

/** Small files to read at a time. */
const AT_A_TIME = 16;

export interface PictureToRead {
  path: string;
  open(): Promise<Blob>;
  caption?: string;
}

export interface Sorted {
  /** 2.png before 10.png. */
  pictures: PictureToRead[];
  configs: Incoming[];
  /** Captions of no picture among them: perhaps of pictures that are in the project. */
  rest: Pick<Pairing, 'sidecars' | 'tables'>;
  rejects: Reject[];
}

export async function sortIncoming(incoming: readonly Incoming[], takesConfigs: boolean): Promise<Sorted> {
  const rejects: Reject[] = [];
  const reject = (one: Reject) => void rejects.push(one);
  const of = byKind(await withZipsListed(incoming, reject));
  const configs = takesConfigs ? of.config : [];
  for (const { path } of [...of.unknown, ...(takesConfigs ? [] : of.config)]) {
    reject({ path, reason: 'unknown-type' });
  }
  const files = inNaturalOrder(of.picture, ({ path }) => path);
  // Each of these takes a while where there are ten thousand: the page may answer in between.
  await new Promise((resolve) => setTimeout(resolve));
  const pairing = pairCaptions(
    files.map(({ path }) => path),
    await readCaptions<Sidecar>(of.caption, reject, (path, bytes) => ({
      path,
      text: readSidecar(bytes).text,
    })),
    await readCaptions<Table>(of.table, reject, (path, bytes) => ({ path, rows: parseMetadataCsv(bytes) })),
  );
  const pictures = files.map(({ path, open }) => ({
    path,
    open,
    caption: pairing.captions.get(path),
  }));
  return { pictures, configs, rest: pairing, rejects };
}

function byKind(incoming: readonly Incoming[]): Record<FileKind, Incoming[]> {
  const of: Record<FileKind, Incoming[]> = {
    picture: [],
    caption: [],
    table: [],
    config: [],
    zip: [],
    junk: [],
    unknown: [],
  };
  for (const one of incoming) of[kindOf(one.path, one.type)].push(one);
  return of;
}

async function withZipsListed(
  incoming: readonly Incoming[],
  reject: (one: Reject) => void,
): Promise<Incoming[]> {
  const all: Incoming[] = [];
  for (const one of incoming) {
    if (kindOf(one.path, one.type) === 'zip') all.push(...(await listed(one, reject)));
    else all.push(one);
  }
  return all;
}

async function listed(archive: Incoming, reject: (one: Reject) => void): Promise<Incoming[]> {
  const { path } = archive;
  try {
    const zip = await openZip(await archive.open());
    for (const refused of zip.refused) {
      if (kindOf(refused.path) !== 'junk')
        reject({ path: `${path}/${refused.path}`, reason: 'zip', code: refused.code });
    }
    const entries = zip.entries.map((entry) => ({
      path: `${path}/${entry.path}`,
      type: '',
      open: () => entry.open(),
    }));
    for (const inner of entries) {
      if (kindOf(inner.path) === 'zip') reject({ path: inner.path, reason: 'zip-in-zip' });
    }
    return entries.filter((inner) => kindOf(inner.path) !== 'zip');
  } catch (error) {
    reject(unopened(path, error));
    return [];
  }
}

async function readCaptions<T>(
  files: readonly Incoming[],
  reject: (one: Reject) => void,
  parse: (path: string, bytes: Uint8Array) => T,
): Promise<T[]> {
  const read: T[] = [];
  const results = inOrder(files, AT_A_TIME, async ({ path, open }): Promise<() => void> => {
    try {
      const parsed = parse(path, new Uint8Array(await (await open()).arrayBuffer()));
      return () => read.push(parsed);
    } catch (error) {
      return () => reject(unopened(path, error));
    }
  });
  for await (const settle of results) settle();
  return read;
}

/** Why a file could not be opened or understood. */
export function unopened(path: string, error: unknown): Reject {
  if (error instanceof ZipError) return { path, reason: 'zip', code: error.code, sentence: error.message };
  if (error instanceof CaptionFileError) {
    const { code, line, message: sentence } = error;
    // A table of something else is no caption file that went wrong.
    const isMetadata = /^metadata\.csv$|\.(txt|caption)$/i.test(nameOf(path));
    return isMetadata
      ? { path, reason: 'caption-file', code, line, sentence }
      : { path, reason: 'unknown-type' };
  }
  return { path, reason: 'unreadable' };
}

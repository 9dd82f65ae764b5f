/**
 * The pictures of every project: a small record each, to be listed by the ten thousand, and apart from it the original
 * file and a thumbnail, read one by one. All in one store, so that a picture and its files are written together.
 */
import { get, promisifyRequest } from 'idb-keyval';
import { number, reader, text, type Reads } from './read_record';
import { readAll, records, under, write } from './records';

export interface Picture {
  id: string;
  project: string;
  order: number;
  /** File name, unique in the project. */
  name: string;
  /** Upright, in pixels. */
  width: number;
  height: number;
  byteLength: number;
  /** MIME type. */
  type: string;
  /** SHA-256 of the file, in hex. */
  digest: string;
  /** 64-bit difference hash of what it shows, in hex. */
  look: string;
  caption: string;
  repeats: number;
  /** Where the crop sits, 0 to 1 across and down; [0.5, 0.5] is the centre. */
  focus: readonly [number, number];
  /** Why it is not trained on, if it is not. */
  aside?: 'by-hand' | 'duplicate' | 'near-duplicate';
}

/** A picture as it comes in: its record, the file as it was given, and a small picture of it. */
export interface NewPicture {
  picture: Picture;
  file: Blob;
  thumbnail: Blob;
}

/** Records that are handed over in some milliseconds. */
const PIECE = 500;

const pair: Reads<readonly [number, number]> = (value) => {
  const [x, y] = Array.isArray(value) ? value.map(number) : [];
  return x === undefined || y === undefined ? undefined : [x, y];
};

const readPicture = reader<Picture>(
  { id: text, project: text, name: text, width: number, height: number },
  {
    order: [number, 0],
    byteLength: [number, 0],
    type: [text, ''],
    digest: [text, ''],
    look: [text, ''],
    caption: [text, ''],
    repeats: [number, 1],
    focus: [pair, [0.5, 0.5]],
  },
);

const store = records('pictures');

/** In their order. */
export async function listPictures(project: string): Promise<Picture[]> {
  const pictures = (await readAll<unknown>(store, ['picture', project])).map(readPicture);
  return pictures.filter((picture) => picture !== undefined).sort((a, b) => a.order - b.order);
}

/**
 * Writes new records or new versions of them; all or none. With `abandon` the page may answer between pieces, and the
 * write is undone when that is aborted. Without it all is said at once, which a page that goes away must do.
 */
export function putPictures(pictures: readonly Picture[], abandon?: AbortSignal): Promise<void> {
  return write(store, 'the changes to your pictures', (to) => {
    if (abandon && pictures.length > PIECE) return putInPieces(to, pictures, abandon);
    for (const picture of pictures) putRecord(to, picture);
    return undefined;
  });
}

/** Writes records together with their files; all or none. */
export function putNewPictures(added: readonly NewPicture[]): Promise<void> {
  const bytes = added.reduce((sum, { file, thumbnail }) => sum + file.size + thumbnail.size, 0);
  const put = (to: IDBObjectStore) => {
    for (const { picture, file, thumbnail } of added) {
      putRecord(to, picture);
      putFiles(to, picture.id, file, thumbnail);
    }
    return undefined;
  };
  return write(store, 'these pictures', put, bytes);
}

/** Removes records and files. */
export function deletePictures(project: string, ids: readonly string[]): Promise<void> {
  return write(store, 'the removal', (to) => void remove(to, project, ids));
}

export function deletePicturesOf(project: string): Promise<void> {
  return write(store, 'the removal', async (to) => {
    const pictures = await promisifyRequest<Picture[]>(to.getAll(under(['picture', project])));
    remove(
      to,
      project,
      pictures.map(({ id }) => id),
    );
  });
}

export function putImage(id: string, file: Blob, thumbnail: Blob): Promise<void> {
  const bytes = file.size + thumbnail.size;
  return write(store, 'this picture', (to) => void putFiles(to, id, file, thumbnail), bytes);
}

/** The file as it was given. */
export function getImage(id: string): Promise<Blob | undefined> {
  return get<Blob>(['image', id], store);
}

export function getThumbnail(id: string): Promise<Blob | undefined> {
  return get<Blob>(['thumbnail', id], store);
}

async function putInPieces(
  to: IDBObjectStore,
  pictures: readonly Picture[],
  abandon: AbortSignal,
): Promise<void> {
  for (let at = 0; at < pictures.length; at += PIECE) {
    const requests = pictures.slice(at, at + PIECE).map((picture) => putRecord(to, picture));
    const undo = () => to.transaction.abort();
    abandon.addEventListener('abort', undo);
    await promisifyRequest(requests[requests.length - 1]);
    abandon.removeEventListener('abort', undo);
  }
  to.transaction.commit();
}

function putRecord(to: IDBObjectStore, picture: Picture): IDBRequest<IDBValidKey> {
  return to.put(picture, ['picture', picture.project, picture.id]);
}

function putFiles(to: IDBObjectStore, id: string, file: Blob, thumbnail: Blob): void {
  to.put(file, ['image', id]);
  to.put(thumbnail, ['thumbnail', id]);
}

function remove(from: IDBObjectStore, project: string, ids: readonly string[]): void {
  for (const id of ids) {
    from.delete(['picture', project, id]);
    from.delete(['image', id]);
    from.delete(['thumbnail', id]);
  }
}

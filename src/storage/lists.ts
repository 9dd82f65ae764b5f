/**
 * Lists that only grow (a curve, a log), kept as chunks under [...key, number]: appending rewrites one chunk, reading
 * ten thousand points reads some twenty records.
 */
import { promisifyRequest } from 'idb-keyval';
import { readAll, under, type Key, type Records } from './records';

const CHUNK = 500;

/** Within a transaction of `write`. */
export async function appendTo<T>(to: IDBObjectStore, key: Key, items: readonly T[]): Promise<void> {
  const last = await promisifyRequest<IDBCursorWithValue | null>(to.openCursor(under(key), 'prev'));
  let number = last ? Number((last.key as Key).at(-1)) : 0;
  let chunk: T[] = last ? (last.value as T[]) : [];
  for (let at = 0; at < items.length; number++) {
    const room = CHUNK - chunk.length;
    if (room > 0) to.put([...chunk, ...items.slice(at, at + room)], [...key, number]);
    at += Math.max(0, room);
    chunk = [];
  }
}

export async function readLists<T>(from: Records, key: Key): Promise<T[]> {
  return (await readAll<T[]>(from, key)).flat();
}

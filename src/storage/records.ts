/**
 * Reads and writes in one IndexedDB store, over idb-keyval's connection. Keys are lists ([kind, owner, ...]), so that
 * all of one owner are a range. A write is all or nothing; it rejects with a sentence (see `error`). A store knows which
 * version its records have, and brings old ones up to date before the first use.
 */
import { createStore, promisifyRequest, type UseStore } from 'idb-keyval';
import { plainError } from './error';
import { failedWrite } from './failed_write';

export type Records = UseStore;
export type Key = readonly (string | number)[];

/** Brings all records of a store from one version to the next, in the transaction it is given. */
export type Migration = (store: IDBObjectStore) => Promise<void>;

/** Where a store says its version; without it, it is empty or of version 1. */
const VERSION: Key = ['version'];

/**
 * The connection opens with the first use. A store has version 1 + `migrations`. What a later version of the studio has
 * written is refused (StorageError `newer`): an old page in another tab must not write over it.
 */
export function records(name: string, migrations: readonly Migration[] = []): Records {
  const open = createStore(`lora-studio-${name}`, name);
  let ready: Promise<void> | undefined;
  return async (mode, work) => {
    ready ??= bringUpToDate(open, migrations).catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    await ready;
    return open(mode, work);
  };
}

async function bringUpToDate(of: Records, migrations: readonly Migration[]): Promise<void> {
  const wanted = 1 + migrations.length;
  const written = await of('readonly', versionOf);
  if (written === wanted) return;
  if (written > wanted) throw plainError('newer', {}, undefined);
  await write(of, 'the new version of its records', async (store) => {
    // Another tab may have been here in between.
    const from = await versionOf(store);
    for (const migrate of migrations.slice(from - 1)) await migrate(store);
    store.put(wanted, [...VERSION]);
  });
}

async function versionOf(store: IDBObjectStore): Promise<number> {
  const written: unknown = await promisifyRequest(store.get([...VERSION]));
  return typeof written === 'number' ? written : 1;
}

/** All keys that begin with `prefix`, those of `prefix` itself included. */
export function under(prefix: Key): IDBKeyRange {
  // A list sorts after every number and string, and a longer list after its beginning.
  return IDBKeyRange.bound([...prefix], [...prefix, []]);
}

export async function readAll<T>(of: Records, prefix: Key): Promise<T[]> {
  return of('readonly', (store) => promisifyRequest<T[]>(store.getAll(under(prefix))));
}

/**
 * Several reads and writes in one transaction. Resolves when it is on disk; a throw in `change` undoes all of it. `bytes`
 * says about how many are written, where they are many.
 */
export async function write(
  of: Records,
  what: string,
  change: (store: IDBObjectStore) => Promise<void> | undefined,
  bytes = 0,
): Promise<void> {
  try {
    await of('readwrite', async (store) => {
      const ended = end(store.transaction);
      // It is awaited below in any case; this keeps an early abort from counting as unhandled.
      ended.catch(() => undefined);
      try {
        const more = change(store);
        // Nothing is to follow: said at once, it is kept even if the page goes away before the answers come.
        if (more === undefined) store.transaction.commit();
        else await more;
      } catch (error) {
        if (store.transaction.error === null) abort(store.transaction);
        throw store.transaction.error ?? error;
      }
      await ended;
    });
  } catch (error) {
    throw await failedWrite(what, bytes, error);
  }
}

function end(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the write was abandoned'));
  });
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It has ended already.
  }
}

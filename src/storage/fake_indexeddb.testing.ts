/** Gives Node an IndexedDB, in memory. Import it before anything that stores. */
import { IDBKeyRange, IDBObjectStore, indexedDB } from 'fake-indexeddb';

Object.assign(globalThis, { indexedDB, IDBKeyRange, IDBObjectStore });

/** Latents over a private file system in memory: a folder a project, gone with it, bounded; a broken disk is no error. */
import './fake_indexeddb.testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sweepOrphans } from './files';
import { deleteLatentsOf, latentBytes, latentStore, sweepLatents } from './latents';
import { deleteProject, putProject, type Project } from './projects';

type Files = Map<string, { blob: Blob; at: number }>;
let folders: Map<string, Files>;
let clock: number;
let full: boolean;

beforeEach(() => {
  folders = new Map();
  clock = 0;
  full = false;
  const root = { getDirectoryHandle: () => Promise.resolve(latents) };
  vi.stubGlobal('navigator', { storage: { getDirectory: () => Promise.resolve(root) } });
});
afterEach(() => void vi.unstubAllGlobals());

const missing = () => Promise.reject(new DOMException('not there', 'NotFoundError'));

/** As much of directory handles as `latents` uses. */
const latents = {
  getDirectoryHandle(name: string, { create = false } = {}) {
    if (create && !folders.has(name)) folders.set(name, new Map());
    const files = folders.get(name);
    return files ? Promise.resolve(folder(files)) : missing();
  },
  removeEntry: (name: string) => (folders.delete(name) ? Promise.resolve() : missing()),
  async *entries() {
    for (const [name, files] of folders) yield [name, folder(files)] as const;
  },
};

function folder(files: Files) {
  const handle = (name: string) => ({
    kind: 'file',
    getFile: () => {
      const { blob, at } = files.get(name) ?? { blob: new Blob(), at: 0 };
      return Promise.resolve(new File([blob], name, { lastModified: at }));
    },
    createWritable() {
      const parts: BlobPart[] = [];
      return Promise.resolve({
        write: (part: BlobPart) =>
          full
            ? Promise.reject(new DOMException('full', 'QuotaExceededError'))
            : Promise.resolve(parts.push(part)),
        abort: () => Promise.resolve(),
        close: () => Promise.resolve(void files.set(name, { blob: new Blob(parts), at: ++clock })),
      });
    },
  });
  return {
    kind: 'directory',
    getFileHandle(name: string, { create = false } = {}) {
      if (create && !files.has(name)) files.set(name, { blob: new Blob(), at: ++clock });
      return files.has(name) ? Promise.resolve(handle(name)) : missing();
    },
    removeEntry: (name: string) => (files.delete(name) ? Promise.resolve() : missing()),
    async *entries() {
      for (const name of [...files.keys()]) yield [name, handle(name)] as const;
    },
  };
}

test('kept by project, shrunk to a bound, and gone with the project', async () => {
  const [one, two] = [latentStore('one'), latentStore('two')];
  expect(await one.read('a')).toBeUndefined();
  for (const name of ['a', 'b', 'c']) expect(await one.write(name, new Uint8Array(10).fill(7))).toBe(true);
  await two.write('a', new Uint8Array(5));
  expect(await one.read('b')).toEqual(new Uint8Array(10).fill(7));
  expect(await latentBytes()).toEqual(
    new Map([
      ['one', 30],
      ['two', 5],
    ]),
  );
  await one.shrink(new Set(['a']), 20);
  expect([...(folders.get('one')?.keys() ?? [])]).toEqual(['a', 'c']);
  await deleteProject('one');
  await deleteLatentsOf('one');
  expect([...folders.keys()]).toEqual(['two']);
});

test('what is left of a project that is no more is swept, once it is a day old', async () => {
  for (const project of ['one', 'gone']) await latentStore(project).write('a', new Uint8Array(3));
  folders.set('empty', new Map());
  const day = 24 * 60 * 60 * 1000;
  expect(await sweepLatents(new Set(['one']), clock + day / 2)).toBe(0);
  expect([...folders.keys()]).toEqual(['one', 'gone', 'empty']);
  // At the start of the page, with the models' files that nothing uses.
  const own: Project = {
    ...{ id: 'one', name: '', createdAt: 0, changedAt: 0 },
    purpose: 'style',
    trigger: '',
    settings: {},
  };
  await putProject(own);
  await sweepOrphans(clock + 2 * day);
  expect([...folders.keys()]).toEqual(['one']);
  vi.stubGlobal('navigator', {});
  expect(await sweepLatents(new Set())).toBe(0);
});

test('a full disk keeps nothing of an entry; without private files there is none', async () => {
  const store = latentStore('one');
  full = true;
  expect(await store.write('a', new Uint8Array(10))).toBe(false);
  expect(folders.get('one')?.size).toBe(0);
  vi.stubGlobal('navigator', {});
  expect(await store.write('a', new Uint8Array(10))).toBe(false);
  expect(await store.read('a')).toBeUndefined();
  await store.shrink(new Set(), 0);
  expect(await latentBytes()).toEqual(new Map());
});

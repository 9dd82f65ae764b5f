/** Big files over a private file system in memory: whole or not there, and swept after a crash. */
import './fake_indexeddb.testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { captionerKey, deleteCaptioner, listCaptioners, putCaptioner } from './captioners';
import { StorageFullError } from './error';
import { deleteFile, nameOfLeaf, openFile, storeFile, sweepOrphans } from './files';
import { storedFiles } from './opfs';
import { deleteProject, putProject } from './projects';

const DAY = 24 * 3600 * 1000;
let disk: Map<string, Blob>;
let room: number;
/** What the disk truly takes, whatever the estimate says. */
let refusesAbove: number;

beforeEach(() => {
  disk = new Map();
  room = 1e9;
  refusesAbove = Infinity;
  vi.stubGlobal('navigator', {
    storage: {
      getDirectory: () => Promise.resolve({ getDirectoryHandle: () => Promise.resolve(folder()) }),
      estimate: () => Promise.resolve({ quota: room, usage: 0 }),
    },
  });
});
afterEach(() => void vi.unstubAllGlobals());

test('A file is stored in pieces with its progress, opened, and deleted', async () => {
  const bytes = new Uint8Array(20 * 2 ** 20).map((_, i) => i % 251);
  const seen: number[] = [];
  const path = await storeFile('my model (v2).safetensors', new Blob([bytes]), (done) => seen.push(done));
  expect(path).toMatch(/^models\/[0-9a-f-]+-my_model_v2_\.safetensors$/);
  expect(nameOfLeaf((await openFile(path)).name)).toBe('my_model_v2_.safetensors');
  expect(seen).toEqual([8, 16, 20].map((mib) => mib * 2 ** 20));
  expect(Buffer.from(await (await openFile(path)).arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
  expect(await storedFiles()).toEqual(new Map([[path, bytes.length]]));
  await deleteFile(path);
  await deleteFile(path);
  await expect(openFile(path)).rejects.toThrow(/is gone.*Choose the file again/);
});

test('Without room nothing is begun; without room on the way nothing is left', async () => {
  const blob = new Blob([new Uint8Array(100)]);
  room = 99;
  await expect(storeFile('a', blob)).rejects.toBeInstanceOf(StorageFullError);
  expect(disk.size).toBe(0);
  room = 100;
  const write = storeFile('a', new Blob([new Uint8Array(100)]), () => {
    throw new DOMException('disk', 'QuotaExceededError');
  });
  await expect(write).rejects.toBeInstanceOf(StorageFullError);
  expect(disk.size).toBe(0);
});

test('A write that fails without a word of room is tried once more; it is no stop', async () => {
  const once = vi.fn().mockImplementationOnce(() => {
    throw new DOMException('room changed', 'AbortError');
  });
  await expect(storeFile('a', new Blob(['a']), once)).resolves.toMatch(/-a$/);
  expect(once).toHaveBeenCalledTimes(2);
  expect(disk.size).toBe(1);
});

test.each([
  ['AbortError', 'The user aborted a request.'],
  ['DataError', 'Failed to write data to data pipe'],
  ['UnknownError', 'An internal error occurred.'],
  ['InvalidStateError', 'An operation that depends on state cached in an interface object was made.'],
  ['NoModificationAllowedError', ''],
])('%s in the middle: the room that is left decides what is told', async (name, message) => {
  const failing = (left: number) => () => {
    room = left;
    throw new DOMException(message, name);
  };
  const blob = new Blob([new Uint8Array(3e6)]);
  await expect(storeFile('base.safetensors', blob, failing(2e6))).rejects.toMatchObject({
    name: 'StorageFullError',
    facts: { what: 'base.safetensors', needed: 3e6 },
  });
  room = 1e9;
  // As Chromium from 138 on: its estimate says that there is room, and only the write itself finds none.
  refusesAbove = 2e6;
  const put = storeFile('base.safetensors', blob, failing(1e9));
  await expect(put).rejects.toMatchObject({ name: 'StorageFullError' });
  refusesAbove = Infinity;
  const told: unknown = await storeFile('base.safetensors', blob, failing(1e9)).catch(
    (error: unknown) => error,
  );
  expect(told).toMatchObject({ name: 'StorageError', code: 'not-kept' });
  expect((told as Error).message).toContain(message.replace(/\.$/, '') || name);
  expect((told as Error).message).not.toMatch(/private window|no room/);
  expect(disk.size).toBe(0);
});

test('A chosen file that cannot be read is no failed write', async () => {
  const blob = new Blob(['abc']);
  const unplugged = () => Promise.reject(new DOMException('It could not be read.', 'NotReadableError'));
  vi.spyOn(blob, 'slice').mockReturnValue({ size: 3, arrayBuffer: unplugged } as unknown as Blob);
  await expect(storeFile('base', blob)).rejects.toMatchObject({
    code: 'unreadable',
    facts: { file: 'base', reason: 'It could not be read' },
  });
  expect(disk.size).toBe(0);
});

test('Where the browser keeps no files, that is said, and a full disk too', async () => {
  const refuse = (name: string) =>
    vi.stubGlobal('navigator', {
      storage: { getDirectory: () => Promise.reject(new DOMException('no', name)) },
    });
  refuse('SecurityError');
  await expect(storeFile('a', new Blob(['a']))).rejects.toMatchObject({ code: 'no-folder' });
  refuse('QuotaExceededError');
  await expect(storeFile('a', new Blob(['a']))).rejects.toBeInstanceOf(StorageFullError);
});

test('A stopped copy leaves nothing and rejects with the reason', async () => {
  const stop = new AbortController();
  const copy = storeFile('a', new Blob([new Uint8Array(9 * 2 ** 20)]), () => stop.abort(), stop.signal);
  await expect(copy).rejects.toMatchObject({ name: 'AbortError' });
  expect(disk.size).toBe(0);
});

test('What no project uses is swept when it is old; what one uses stays', async () => {
  const used = await storeFile('used', new Blob(['u']));
  const lost = await storeFile('lost', new Blob(['l']));
  disk.set('half.crswap', new Blob(['h']));
  await putProject(project('owner', [used]));
  expect(await sweepOrphans()).toBe(0);
  expect(await sweepOrphans(Date.now() + 2 * DAY)).toBe(2);
  expect([...(await storedFiles()).keys()]).toEqual([used]);
  expect(disk.has(lost.slice('models/'.length))).toBe(false);
});

test('A deleted project takes its base model along unless another one uses it', async () => {
  const [own, shared] = [await storeFile('own', new Blob(['o'])), await storeFile('shared', new Blob(['s']))];
  await putProject(project('first', [own, shared]));
  await putProject(project('second', [shared]));
  await deleteProject('first');
  expect([...(await storedFiles()).keys()]).toEqual([shared]);
});

test('A captioner is listed, its files outlast the sweep, and both go together', async () => {
  const files = await Promise.all(
    (['vision', 'text'] as const).map(async (role, i) => ({
      role,
      path: await storeFile(`${role}_model.onnx`, new Blob([role])),
      name: `${role}_model.onnx`,
      byteLength: role.length,
      sha256: String(i).repeat(64),
    })),
  );
  const key = captionerKey(files);
  expect(captionerKey([...files].reverse())).toBe(key);
  const captioner = { key, kind: 'clip' as const, name: 'clip', files, addedAt: 1 };
  await putCaptioner(captioner);
  expect(await listCaptioners()).toEqual([captioner]);
  expect(await sweepOrphans(Date.now() + 2 * DAY)).toBe(0);
  await deleteCaptioner(captioner);
  expect(await listCaptioners()).toEqual([]);
  expect((await storedFiles()).size).toBe(0);
});

function project(id: string, paths: string[]) {
  const base = { name: id, byteLength: 1, kind: '', where: { in: 'stored' as const, paths } };
  return {
    id,
    name: id,
    createdAt: 0,
    changedAt: 0,
    purpose: 'style' as const,
    trigger: '',
    settings: {},
    base,
  };
}

/** As much of a directory handle as `opfs` and `files` use. A file appears when it is closed. */
function folder() {
  const missing = () => Promise.reject(new DOMException('no such file', 'NotFoundError'));
  const handle = (leaf: string) => ({
    kind: 'file',
    getFile: () => Promise.resolve(new File([disk.get(leaf) ?? new Blob()], leaf)),
    createWritable() {
      const parts: Blob[] = [];
      return Promise.resolve({
        truncate: (size: number) =>
          size > refusesAbove
            ? Promise.reject(new DOMException('too long', 'UnknownError'))
            : Promise.resolve(),
        write: (part: Blob) => Promise.resolve(void parts.push(part)),
        abort: () => Promise.resolve(),
        close: () => Promise.resolve(void disk.set(leaf, new Blob(parts))),
      });
    },
  });
  return {
    getFileHandle(leaf: string, { create = false } = {}) {
      if (create) disk.set(leaf, new Blob());
      return disk.has(leaf) ? Promise.resolve(handle(leaf)) : missing();
    },
    removeEntry: (leaf: string) => (disk.delete(leaf) ? Promise.resolve() : missing()),
    async *entries() {
      for (const leaf of [...disk.keys()]) yield [leaf, handle(leaf)];
    },
  };
}

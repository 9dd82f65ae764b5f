/** Files made piece by piece: whole, or not there; who refuses is who speaks. */
import './fake_indexeddb.testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { storePieces, writePieces, type Pieces } from './pieces';

interface FakeFile {
  bytes: number[];
  closed: boolean;
}
let files: Map<string, FakeFile>;
/** Bytes that the disk takes. */
let room: number;

function handleOf(name: string): FileSystemFileHandle {
  const file: FakeFile = files.get(name) ?? { bytes: [], closed: false };
  files.set(name, file);
  const createWritable = () => {
    let pending: number[] = [];
    return Promise.resolve({
      truncate: (size: number) => (size > room ? Promise.reject(full()) : Promise.resolve()),
      write: (piece: Uint8Array) => {
        if (pending.length + piece.length > room) return Promise.reject(full());
        pending = [...pending, ...piece];
        return Promise.resolve();
      },
      close: () => {
        Object.assign(file, { bytes: pending, closed: true });
        return Promise.resolve();
      },
      abort: () => Promise.resolve(),
    });
  };
  return { name, createWritable } as unknown as FileSystemFileHandle;
}
const full = () => new DOMException('no room', 'QuotaExceededError');

beforeEach(() => {
  files = new Map();
  room = 1e6;
  const folder = {
    getFileHandle: (leaf: string) => Promise.resolve(handleOf(leaf)),
    removeEntry: (leaf: string) => Promise.resolve(void files.delete(leaf)),
  };
  vi.stubGlobal('navigator', {
    storage: {
      getDirectory: () => Promise.resolve({ getDirectoryHandle: () => Promise.resolve(folder) }),
      estimate: () => Promise.resolve({ quota: 1e12, usage: 0 }),
    },
  });
});
afterEach(() => vi.unstubAllGlobals());

const made = (fails?: Error): Pieces => ({
  name: 'merged.safetensors',
  bytes: 5,
  async *pieces() {
    yield await Promise.resolve(Uint8Array.of(1, 2, 3));
    if (fails) throw fails;
    yield Uint8Array.of(4, 5);
  },
});

describe('in the browser’s own files', () => {
  test('written whole, with what was written told', async () => {
    const told: number[] = [];
    const path = await storePieces(made(), (bytes) => void told.push(bytes));
    expect(path).toMatch(/^models\/[0-9a-f-]{36}-merged\.safetensors$/);
    expect(files.get(path.slice('models/'.length))).toEqual({ bytes: [1, 2, 3, 4, 5], closed: true });
    expect(told).toEqual([3, 5]);
  });

  test('what makes it fails, or it is stopped: nothing is left, and the reason is that one', async () => {
    await expect(storePieces(made(new Error('a layer is broken')))).rejects.toThrow('a layer is broken');
    const stop = new DOMException('stopped', 'AbortError');
    await expect(
      storePieces(made(), () => {
        throw stop;
      }),
    ).rejects.toBe(stop);
    expect(files.size).toBe(0);
  });

  test('no room: refused before anything is made', async () => {
    room = 4;
    const one = made();
    const pieces = vi.spyOn(one, 'pieces');
    await expect(storePieces(one)).rejects.toMatchObject({ name: 'StorageFullError' });
    expect(pieces).not.toHaveBeenCalled();
    expect(files.size).toBe(0);
  });
});

test('at a place of the person’s: a full disk is said, and what was there stays', async () => {
  const place = handleOf('mine.safetensors');
  files.set('mine.safetensors', { bytes: [9], closed: true });
  room = 4;
  await expect(writePieces(place, made())).rejects.toMatchObject({ code: 'disk-full' });
  expect(files.get('mine.safetensors')).toEqual({ bytes: [9], closed: true });
});

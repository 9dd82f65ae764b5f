/** What a failed write is told as, for each way in which browsers fail: decided by the room that is left. */
import './fake_indexeddb.testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { StorageFullError } from './error';
import { failedSave, failedWrite, refuseWithoutRoom } from './failed_write';
import { looksPrivate, privateSigns } from './private_window';
import { getRun, putRun } from './runs';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

interface Browser {
  /** What `estimate` says is left. */
  said?: number;
  /** What a file may truly grow to. */
  granted?: number;
  /** The name of the error by which it refuses more. */
  refusal?: string;
  /** No private files at all, as in a private window of Firefox. */
  noFiles?: boolean;
}

function browser({ said = 10e9, granted = Infinity, refusal = 'QuotaExceededError', noFiles }: Browser) {
  const left = new Set<string>();
  const refuse = (name: string) => Promise.reject(new DOMException('refused', name));
  const folder = {
    getFileHandle: (leaf: string) => {
      left.add(leaf);
      return Promise.resolve({
        createWritable: () =>
          Promise.resolve({
            truncate: (size: number) => (size > granted ? refuse(refusal) : Promise.resolve()),
            abort: () => Promise.resolve(),
          }),
      });
    },
    removeEntry: (leaf: string) => Promise.resolve(void left.delete(leaf)),
  };
  vi.stubGlobal('navigator', {
    storage: {
      getDirectory: () =>
        noFiles
          ? refuse('SecurityError')
          : Promise.resolve({ getDirectoryHandle: () => Promise.resolve(folder) }),
      estimate: () => Promise.resolve({ quota: 5e9 + said, usage: 5e9 }),
    },
  });
  return left;
}

const errors = [
  new DOMException('Failed to write data to data pipe', 'DataError'),
  new DOMException('The operation was aborted.', 'AbortError'),
  new DOMException('Internal error committing transaction.', 'UnknownError'),
  new DOMException('The database connection is closing.', 'InvalidStateError'),
  new Error('the write was abandoned'),
  new TypeError('Failed to write data to data pipe'),
];

describe.each(errors.map((error) => [`${error.name}: ${error.message}`, error] as const))(
  '%s',
  (_, error) => {
    test('full by the estimate', async () => {
      browser({ said: 2e6 });
      const told = await failedWrite('base.safetensors', 4e9, error);
      expect(told).toBeInstanceOf(StorageFullError);
      expect(told.message).toMatch(
        /no room left for base\.safetensors \(4\.0 GB\)\. The studio keeps 5\.0 GB here\./,
      );
      expect(told.cause).toBe(error);
    });

    test.each(['QuotaExceededError', 'UnknownError'])('full by a trial, refused by %s', async (refusal) => {
      const left = browser({ granted: 2e6, refusal });
      expect(await failedWrite('base.safetensors', 4e9, error)).toBeInstanceOf(StorageFullError);
      expect(left.size).toBe(0);
    });

    test('with room the true reason is told, and no private window', async () => {
      const left = browser({});
      const told = await failedWrite('the run', 0, error);
      expect(told).toMatchObject({ name: 'StorageError', code: 'not-kept' });
      expect(told.message).toContain(error.message.replace(/\.$/, ''));
      expect(told.message).not.toMatch(/private/);
      expect(left.size).toBe(0);
    });

    test('a private window is named where there is one', async () => {
      browser({ noFiles: true });
      const told = await failedWrite('the run', 0, error);
      expect(told).toMatchObject({ code: 'not-kept-private' });
      expect(told.message).toMatch(/private window/);
    });
  },
);

test.each([
  new DOMException('x', 'QuotaExceededError'),
  new Error('NS_ERROR_FILE_NO_DEVICE_SPACE'),
  new DOMException('The current transaction exceeded its quota limitations.', 'UnknownError'),
  new Error('ENOSPC: no space left on device, write'),
])('what names full storage itself is believed: %s', async (error) => {
  browser({});
  expect(await failedWrite('the run', 0, error)).toBeInstanceOf(StorageFullError);
});

test('nothing is known of the browser: the reason alone', async () => {
  vi.stubGlobal('navigator', {});
  expect(await failedWrite('the run', 0, new Error('odd'))).toMatchObject({ code: 'not-kept' });
  expect(await failedWrite('the run', 0, undefined)).toMatchObject({
    facts: { reason: 'it gave no reason' },
  });
});

test.each([
  ['SecurityError', true],
  ['UnknownError', true],
  ['QuotaExceededError', false],
])('private files refused by %s: a private window is %s', async (name, expected) => {
  vi.stubGlobal('navigator', {
    storage: {
      getDirectory: () => Promise.reject(new DOMException('no', name)),
      estimate: () => Promise.resolve({}),
    },
  });
  expect(looksPrivate(await privateSigns())).toBe(expected);
});

test('an error of ours stays what it is', async () => {
  const ours = new StorageFullError({ what: 'x' });
  expect(await failedWrite('y', 0, ours)).toBe(ours);
});

test('what is too big is refused beforehand, also where the estimate is wrong', async () => {
  browser({ granted: 2e6 });
  await expect(refuseWithoutRoom('clip.onnx', 3e6)).rejects.toMatchObject({
    facts: { what: 'clip.onnx', needed: 3e6 },
  });
  await expect(refuseWithoutRoom('clip.onnx', 1e6)).resolves.toBeUndefined();
});

test('a database write is told the same way', async () => {
  // Its version is written with the first use.
  await getRun('none');
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('odd', 'UnknownError');
  });
  const run = { id: 'r', project: 'p', name: 'r', startedAt: 0, changedAt: 0, state: 'running' as const };
  const record = { ...run, config: '', baseName: '', images: 1, step: 0, steps: 1, seconds: 0 };
  browser({ granted: 1000 });
  await expect(putRun(record)).rejects.toBeInstanceOf(StorageFullError);
  browser({});
  await expect(putRun(record)).rejects.toMatchObject({
    code: 'not-kept',
    facts: { what: 'the run', reason: 'odd' },
  });
});

test('a file at a place of the person’s own: full disk, or what the browser says', () => {
  const full = failedSave('zk.safetensors', 25e6, new DOMException('x', 'QuotaExceededError'));
  expect(full).toMatchObject({ code: 'disk-full' });
  expect(full.message).toMatch(/no room for zk\.safetensors \(25 MB\)/);
  const blocked = failedSave(
    'zk.safetensors',
    25e6,
    new DOMException('Blocked by Safe Browsing.', 'AbortError'),
  );
  expect(blocked).toMatchObject({ code: 'not-saved', facts: { reason: 'Blocked by Safe Browsing' } });
});

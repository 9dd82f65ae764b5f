/** Saving a LoRA through the system's dialog: a closed dialog is a wish, an aborted write is not. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sha256Hex } from '../formats/safetensors/sha256';
import { saveFile } from './save_file';

const file = new Blob(['lora']);
let written: string;
let fail: DOMException | undefined;

const handle = {
  name: 'zk.safetensors',
  createWritable: () =>
    Promise.resolve({
      write: async (blob: Blob) => void (written = await blob.text()),
      close: () => (fail ? Promise.reject(fail) : Promise.resolve()),
      abort: () => Promise.resolve(void (written = '')),
    }),
  getFile: () => Promise.resolve(new Blob([written])),
};

beforeEach(() => {
  written = '';
  fail = undefined;
});
afterEach(() => void vi.unstubAllGlobals());

async function save(picker: () => Promise<unknown> = () => Promise.resolve(handle)) {
  vi.stubGlobal('window', { showSaveFilePicker: picker });
  return saveFile(file, 'zk.safetensors', await sha256Hex(new Uint8Array(await file.arrayBuffer())));
}

test('written, read back, the same', async () => {
  expect(await save()).toEqual({ state: 'saved', compared: true });
});

test('a dialog that the person closes is no failure', async () => {
  const closed = () => Promise.reject(new DOMException('closed', 'AbortError'));
  expect(await save(closed)).toEqual({ state: 'no' });
});

test.each([
  ['AbortError', 'not-saved'],
  ['InvalidStateError', 'not-saved'],
  ['QuotaExceededError', 'disk-full'],
])('a write that ends in %s is told: %s', async (name, code) => {
  fail = new DOMException('the write ended', name);
  await expect(save()).rejects.toMatchObject({ code, facts: { file: 'zk.safetensors' } });
  expect(written).toBe('');
});

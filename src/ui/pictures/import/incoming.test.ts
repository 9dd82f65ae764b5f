/** What is dropped is listed: files, folders in folders with more than browsers hand out at once, pasted pictures. */
import { afterEach, expect, test, vi } from 'vitest';
import { incomingFrom } from './incoming';

class FakeTransfer {
  constructor(public items: unknown[]) {}
}

afterEach(() => void vi.unstubAllGlobals());

test('Folders are walked to the end, and the transfer is read before the event is over', async () => {
  vi.stubGlobal('DataTransfer', FakeTransfer);
  const many = Array.from({ length: 250 }, (_, i) => file(`/set/many/${i}.png`));
  const transfer = new FakeTransfer([
    item(file('/one.png'), new File(['1'], 'one.png')),
    item(folder('/set', [file('/set/a.txt'), folder('/set/many', many), folder('/set/empty', [])])),
    item(null, new File(['pasted'], 'image.png', { type: 'image/png' })),
    { kind: 'string' },
  ]);
  const found: number[] = [];
  const listing = incomingFrom(transfer as unknown as DataTransfer, (files) => found.push(files));
  transfer.items = [];
  const incoming = await listing;
  expect(incoming.map(({ path }) => path).sort()).toEqual(
    ['one.png', 'image.png', 'set/a.txt', ...many.map(({ fullPath }) => fullPath.slice(1))].sort(),
  );
  expect(found.length).toBe(3);
  const inner = incoming.find(({ path }) => path === 'set/many/249.png');
  expect(await (await inner?.open())?.text()).toBe('/set/many/249.png');
});

test('A folder that cannot be listed does not keep the others out', async () => {
  vi.stubGlobal('DataTransfer', FakeTransfer);
  const bad = folder('/bad', new DOMException('not allowed', 'NotReadableError'));
  const transfer = new FakeTransfer([item(bad), item(folder('/good', [file('/good/a.png')]))]);
  const incoming = await incomingFrom(transfer as unknown as DataTransfer);
  expect(incoming.map(({ path }) => path).sort()).toEqual(['bad', 'good/a.png']);
  await expect(incoming.find(({ path }) => path === 'bad')?.open()).rejects.toThrow('not allowed');
});

test('Chosen files keep their folders', async () => {
  const inFolder = new File(['x'], 'a.png');
  Object.defineProperty(inFolder, 'webkitRelativePath', { value: '10_kiko/a.png' });
  const incoming = await incomingFrom([inFolder, new File(['y'], 'b.png')]);
  expect(incoming.map(({ path }) => path)).toEqual(['10_kiko/a.png', 'b.png']);
});

function item(entry: unknown, asFile: File | null = null) {
  return { kind: 'file', webkitGetAsEntry: () => entry, getAsFile: () => asFile };
}

function file(fullPath: string) {
  return {
    fullPath,
    isDirectory: false,
    file: (resolve: (file: File) => void) => resolve(new File([fullPath], fullPath)),
  };
}

/** Hands out a hundred at a time, as Chromium does. */
function folder(fullPath: string, content: unknown[] | Error) {
  return {
    fullPath,
    isDirectory: true,
    createReader() {
      let at = 0;
      return {
        readEntries(resolve: (entries: unknown[]) => void, reject: (error: Error) => void) {
          if (content instanceof Error) return reject(content);
          resolve(content.slice(at, (at += 100)));
        },
      };
    },
  };
}

/**
 * Zips: what we and others write is read back, and what was made to do harm, or damaged, is refused by name. Archives
 * to break are made by fflate.
 */
import fc from 'fast-check';
import { zipSync, type Zippable } from 'fflate';
import { expect, test } from 'vitest';
import { openZip, zipLimits, type ZipLimits } from './zip';
import { ZipError } from './zip_error';
import { writeZip } from './zip_write';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const made = (files: Zippable, level: 0 | 6 = 6) => new Uint8Array(zipSync(files, { level }));
const open = (bytes: Uint8Array, limits?: Partial<ZipLimits>) =>
  openZip(new Blob([bytes.slice()]), { ...zipLimits, ...limits });

test('What is written is read back, whatever the names and contents', async () => {
  const path = fc.string({
    unit: fc.constantFrom('a', 'é', '中', ' ', '-', '1'),
    minLength: 1,
    maxLength: 8,
  });
  const files = fc.uniqueArray(fc.tuple(path, fc.uint8Array()), { selector: ([name]) => name, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(files, async (entries) => {
      const archive = await writeZip(
        entries.map(([name, bytes]) => ({ path: name, file: new Blob([new Uint8Array(bytes)]) })),
      );
      expect(await contents(await openZip(archive))).toEqual(
        entries.map(([name, bytes]) => [name, [...bytes]]),
      );
      const others = made(Object.fromEntries(entries));
      const read = await contents(await open(others));
      expect(new Map(read)).toEqual(new Map(entries.map(([name, bytes]) => [name, [...bytes]])));
    }),
    { numRuns: 60 },
  );
});

test('A file larger than a piece is written whole', async () => {
  const bytes = new Uint8Array(3 * 2 ** 20 + 7).map((_, i) => i % 253);
  const done: number[] = [];
  const archive = await writeZip([{ path: 'big', file: new Blob([bytes]) }], (files) => done.push(files));
  const [entry] = (await openZip(archive)).entries;
  expect(entry.size).toBe(bytes.length);
  expect(Buffer.from(await (await entry.open()).arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
  expect(done).toEqual([1]);
});

test('Folders are no entries; a zip behind something else is read; a comment may hold the mark of an end', async () => {
  const archive = made({ folder: { 'a.txt': bytesOf('a') }, empty: {} });
  expect((await open(archive)).entries.map(({ path }) => path)).toEqual(['folder/a.txt']);
  const behind = joined(bytesOf('#!/bin/sh something'), archive);
  expect(await contents(await open(behind))).toEqual([['folder/a.txt', [97]]]);
  const comment = joined(archive, bytesOf('PK\x05\x06 and so on, all of it a comment'));
  new DataView(comment.buffer).setUint16(archive.length - 2, comment.length - archive.length, true);
  expect(await contents(await open(comment))).toEqual([['folder/a.txt', [97]]]);
});

test('Names that are not UTF-8 are read as the person says, and come as they stand', async () => {
  const archive = made({ xxxx: bytesOf('1'), 'plain.txt': bytesOf('2') });
  // 训练 in GBK, over the four letters in both headers.
  const gbk = [0xd1, 0xb5, 0xc1, 0xb7];
  for (const at of allOf(archive, bytesOf('xxxx'))) archive.set(gbk, at);
  const asked = await open(archive);
  expect(asked.foreignNames.map((bytes) => [...bytes])).toEqual([gbk]);
  const names = async (encoding: 'gbk' | 'shift-jis' | 'windows-1252') =>
    (await openZip(new Blob([archive.slice()]), zipLimits, encoding)).entries.map(({ path }) => path);
  expect(await names('gbk')).toEqual(['训练', 'plain.txt']);
  expect(await names('shift-jis')).toEqual(['ﾑｵﾁｷ', 'plain.txt']);
  expect(await names('windows-1252')).toEqual(['ÑµÁ·', 'plain.txt']);
  expect((await open(made({ 训练: bytesOf('1') }))).foreignNames).toEqual([]);
});

test('An entry knows when its file was changed', async () => {
  const mtime = new Date(2024, 1, 29, 13, 5, 8);
  const [entry] = (await open(zipSync({ a: [bytesOf('1'), { mtime }] }))).entries;
  expect(entry.modified).toBe(mtime.getTime());
});

test('Sizes in zip64 fields are read', async () => {
  const archive = zip64(bytesOf('hello'));
  const [entry] = (await open(archive)).entries;
  expect([entry.path, entry.size]).toEqual(['a', 5]);
  expect(await (await entry.open()).text()).toBe('hello');
});

test.each(['../a', 'a/../../b', '/etc/x', 'C:\\x', '..\\x', 'a\0b', 'a/..'])(
  'The name %j is refused, the others are not',
  async (name) => {
    const zip = await open(made({ [name]: bytesOf('1'), 'fine..png': bytesOf('2') }));
    expect(zip.refused.map(({ code }) => code)).toEqual(['unsafe-name']);
    expect(zip.entries.map(({ path }) => path)).toEqual(['fine..png']);
  },
);

test('Encrypted files and unknown methods are refused one by one', async () => {
  const archive = made({ a: bytesOf('1'), b: bytesOf('2'), c: bytesOf('3') });
  const [a, b] = directoryOf(archive);
  archive[a + 8] |= 1;
  archive[b + 10] = 99;
  const zip = await open(archive);
  expect(zip.refused).toEqual([
    { path: 'a', code: 'encrypted' },
    { path: 'b', code: 'method' },
  ]);
  expect(await contents(zip)).toEqual([['c', [51]]]);
});

test('Too many files, too many bytes and too good a ratio are refused before anything is unpacked', async () => {
  const three = made({ a: bytesOf('1'), b: bytesOf('2'), c: bytesOf('3') });
  await refused(open(three, { entries: 2 }), 'too-many');
  await refused(open(three, { totalBytes: 2 }), 'too-large');
  const zeros = made({ bomb: new Uint8Array(4 * 2 ** 20), small: new Uint8Array(2 ** 20) });
  const zip = await open(zeros);
  expect(zip.refused).toEqual([{ path: 'bomb', code: 'ratio' }]);
  expect(zip.entries.map(({ path }) => path)).toEqual(['small']);
});

test('A file that unpacks to more, or other, than it says is refused when opened', async () => {
  for (const change of [
    { at: 24, by: -1 },
    { at: 24, by: 1 },
    { at: 16, by: 1 },
  ]) {
    const archive = made({ liar: bytesOf('some text that is some text that is some text') });
    archive[directoryOf(archive)[0] + change.at] += change.by;
    const [entry] = (await open(archive)).entries;
    await refused(entry.open(), 'broken');
  }
});

test('Files that lie over each other are refused', async () => {
  const archive = made({ a: bytesOf('one'), b: bytesOf('two') }, 0);
  const view = new DataView(archive.buffer);
  const [a, b] = directoryOf(archive);
  view.setUint32(b + 42, view.getUint32(a + 42, true), true);
  await refused(open(archive), 'overlap');
});

test('What is no zip, or half of one, is refused', async () => {
  const archive = made({ a: bytesOf('one') });
  await refused(open(new Uint8Array(0)), 'not-zip');
  await refused(open(bytesOf('a'.repeat(100_000))), 'not-zip');
  await refused(open(archive.slice(0, -1)), 'not-zip');
  await refused(open(archive.slice(20)), 'broken');
});

test('Damage anywhere gives the contents or a ZipError, never more bytes than declared', async () => {
  const archive = made({ 'a/one.txt': bytesOf('one one one one one one'), 'two.png': bytesOf('two') });
  const damage = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(damage, fc.nat(archive.length), async (changes, cut) => {
      const bytes = archive.slice(0, cut % 5 === 0 ? cut : archive.length);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        const zip = await open(bytes);
        for (const entry of zip.entries) expect((await entry.open()).size).toBe(entry.size);
      } catch (error) {
        expect(error).toBeInstanceOf(ZipError);
      }
    }),
    { numRuns: 1500 },
  );
});

async function contents({ entries }: Awaited<ReturnType<typeof openZip>>): Promise<[string, number[]][]> {
  return Promise.all(
    entries.map(async ({ path, open: unpack }) => [
      path,
      [...new Uint8Array(await (await unpack()).arrayBuffer())],
    ]),
  );
}

async function refused(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ZipError);
  expect(error).toMatchObject({ code });
}

/** Where the entries of the central directory begin. */
function directoryOf(archive: Uint8Array): number[] {
  return allOf(archive, bytesOf('PK\x01\x02'));
}

function allOf(bytes: Uint8Array, mark: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at + mark.length <= bytes.length; at++) {
    if (mark.every((byte, i) => bytes[at + i] === byte)) found.push(at);
  }
  return found;
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** One stored file "a" whose sizes and offset, and the directory's, stand in zip64 fields only (APPNOTE 4.5.3). */
function zip64(content: Uint8Array): Uint8Array {
  const full = 0xffffffff;
  const crc = new DataView(made({ a: content }).buffer).getUint32(14, true);
  const local = fields(
    [4, 0x04034b50],
    [2, 45],
    [2, 0],
    [2, 0],
    [4, 0],
    [4, crc],
    [4, full],
    [4, full],
    [2, 1],
    [2, 0],
  );
  const entry = joined(
    fields([4, 0x02014b50], [2, 45], [2, 45], [2, 0], [2, 0], [4, 0], [4, crc], [4, full], [4, full]),
    fields([2, 1], [2, 28], [2, 0], [2, 0], [2, 0], [4, 0], [4, full]),
    bytesOf('a'),
    fields([2, 1], [2, 24], [8, content.length], [8, content.length], [8, 0]),
  );
  const start = local.length + 1 + content.length;
  const end64 = fields([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, 1], [8, 1]);
  const ends = fields([8, entry.length], [8, start]);
  const locator = fields([4, 0x07064b50], [4, 0], [8, start + entry.length], [4, 1]);
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, 0xffff], [2, 0xffff], [4, full], [4, full], [2, 0]);
  return joined(local, bytesOf('a'), content, entry, end64, ends, locator, end);
}

/** [bytes, value], little-endian. */
function fields(...list: [number, number][]): Uint8Array {
  return Uint8Array.from(
    list.flatMap(([size, value]) =>
      Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256),
    ),
  );
}

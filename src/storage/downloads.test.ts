/** Downloads from a real server on this machine into a private file system in memory: whole, stopped, gone on with. */
import './fake_indexeddb.testing';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { begunDownloads, dropBegun } from './begun_downloads';
import type { DownloadCode } from './download_error';
import { downloadFile, type DownloadOptions } from './downloads';
import { sweepOrphans } from './files';

const BYTES = Buffer.from(new Uint8Array(600_000).map((_, i) => (i * 7) % 251));
const SUM = createHash('sha256').update(BYTES).digest('hex');
const HALF = 250_000;
const DAY = 24 * 3600 * 1000;

let disk: Map<string, Buffer>;
let room: number;
let failWrite: (() => never) | undefined;
let answer: RequestListener;
let asked: IncomingMessage[];
let address: string;
const server = createServer((request, response) => {
  asked.push(request);
  answer(request, response);
});

beforeEach(async () => {
  disk = new Map();
  room = 1e9;
  failWrite = undefined;
  asked = [];
  answer = whole();
  stubStorage();
  for (const begun of await begunDownloads()) await dropBegun(begun.address);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/my%20model.safetensors`;
});
afterEach(async () => {
  vi.unstubAllGlobals();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('A whole file, its name, size and hash, by one GET that says nothing of the person', async () => {
  const seen: number[] = [];
  const onProgress = ({ done, total }: { done: number; total: number | undefined }) => {
    expect(total).toBe(BYTES.length);
    seen.push(done);
  };
  const got = await downloadFile(`${address}?download=true#top`, { onProgress, sha256: SUM.toUpperCase() });
  expect(got).toMatchObject({ name: 'my model.safetensors', byteLength: BYTES.length, sha256: SUM });
  expect(got.path).toMatch(/^models\/[0-9a-f-]+-my_model\.safetensors$/);
  expect([...disk.values()].map((bytes) => bytes.equals(BYTES))).toEqual([true]);
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(BYTES.length);
  expect(await begunDownloads()).toEqual([]);
  expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /models/my%20model.safetensors?download=true',
  ]);
  const { cookie, referer, authorization, range } = asked[0].headers;
  expect([cookie, referer, authorization, range]).toEqual([undefined, undefined, undefined, undefined]);
});

test('What broke off is kept, and only the rest is asked for', async () => {
  answer = cut();
  await expect(downloadFile(address)).rejects.toMatchObject({ code: 'interrupted' });
  expect(await begunDownloads()).toMatchObject([{ address, done: HALF, length: BYTES.length }]);
  answer = whole();
  const seen: number[] = [];
  const got = await downloadFile(address, { onProgress: ({ done }) => seen.push(done) });
  expect(got.sha256).toBe(SUM);
  expect(seen[0]).toBe(HALF);
  expect([...disk.values()].map((bytes) => bytes.equals(BYTES))).toEqual([true]);
  expect(asked.map(({ headers }) => headers.range)).toEqual([undefined, `bytes=${HALF}-`]);
});

test.each<[string, RequestListener, DownloadOptions, number]>([
  ['a server that gives no ranges', (_, response) => void response.end(BYTES), {}, 2],
  ['a file that has changed since', whole('"other"'), {}, 3],
  ['a range that begins elsewhere', whole('"one"', 1), {}, 3],
])('It begins again with %s', async (_, then, options, requests) => {
  answer = cut();
  await expect(downloadFile(address)).rejects.toThrow();
  answer = then;
  expect((await downloadFile(address, options)).sha256).toBe(SUM);
  expect(asked).toHaveLength(requests);
});

test.each<[string, RequestListener]>([
  ['says that it is', whole()],
  [
    'does not say how long it is, and does not end',
    (_, response) => {
      const more = () => response.write(BYTES.subarray(0, 100_000), () => setTimeout(more, 1));
      more();
    },
  ],
  [
    'says that it is shorter, of its packed form',
    (_, response) =>
      void response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-length': gzipSync(BYTES).length })
        .end(gzipSync(BYTES)),
  ],
])('A file that is longer than it may be, and %s: nothing of it is kept', async (_, then) => {
  answer = then;
  await expect(downloadFile(address, { most: BYTES.length - 1 })).rejects.toMatchObject({
    code: 'too-large',
    facts: { host: new URL(address).host, bytes: BYTES.length - 1 },
  });
  expect([...disk]).toEqual([]);
  expect(await begunDownloads()).toEqual([]);
  answer = whole();
  expect((await downloadFile(address, { most: BYTES.length })).sha256).toBe(SUM);
});

test('Redirected to another host, as model hosts do, also when it is gone on with', async () => {
  let then = cut();
  const elsewhere = createServer((request, response) => {
    asked.push(request);
    then(request, response);
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  try {
    // localhost is another host than 127.0.0.1.
    const store = `http://localhost:${(elsewhere.address() as AddressInfo).port}/blobs`;
    let signature = 0;
    answer = (_, response) => void response.writeHead(302, { location: `${store}/${++signature}` }).end();
    await expect(downloadFile(address)).rejects.toMatchObject({ code: 'interrupted' });
    expect(await begunDownloads()).toMatchObject([{ address, name: 'my model.safetensors', done: HALF }]);
    then = whole();
    expect(await downloadFile(address)).toMatchObject({ name: 'my model.safetensors', sha256: SUM });
    expect(asked.map(({ url, headers }) => [url, headers.range])).toEqual([
      ['/models/my%20model.safetensors', undefined],
      ['/blobs/1', undefined],
      ['/models/my%20model.safetensors', `bytes=${HALF}-`],
      ['/blobs/2', `bytes=${HALF}-`],
    ]);
  } finally {
    elsewhere.closeAllConnections();
    await new Promise((resolve) => elsewhere.close(resolve));
  }
});

test.each<[string, RequestListener, DownloadCode]>([
  [
    'in a circle',
    (request, response) => void response.writeHead(302, { location: request.url }).end(),
    'unreachable',
  ],
  [
    'to a page to sign in',
    (request, response) =>
      request.url === '/login'
        ? void response.writeHead(200, { 'content-type': 'text/html' }).end('<form>')
        : void response.writeHead(302, { location: '/login' }).end(),
    'html',
  ],
])('Redirected %s: a sentence, and what had arrived is kept', async (_, then, code) => {
  answer = cut();
  await expect(downloadFile(address)).rejects.toThrow();
  answer = then;
  await expect(downloadFile(address)).rejects.toMatchObject({ code });
  expect(await begunDownloads()).toMatchObject([{ done: HALF }]);
});

test('Cut again and again, each time a little further', async () => {
  for (const end of [100_000, 200_000, 300_000, BYTES.length]) {
    answer = (request, response) => {
      const from = Number(/(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, {
        etag: '"one"',
        'content-length': BYTES.length - from,
        ...(from > 0 ? { 'content-range': `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` } : {}),
      });
      if (end === BYTES.length) response.end(BYTES.subarray(from));
      else response.write(BYTES.subarray(from, end), () => setTimeout(() => response.destroy(), 50));
    };
    const got = downloadFile(address, { sha256: SUM });
    if (end === BYTES.length) expect((await got).sha256).toBe(SUM);
    else await expect(got).rejects.toMatchObject({ code: 'interrupted' });
  }
  expect(asked.map(({ headers }) => headers.range)).toEqual([
    undefined,
    'bytes=100000-',
    'bytes=200000-',
    'bytes=300000-',
  ]);
});

test('One of several stays noted when it is whole, and is not asked for twice', async () => {
  const first = await downloadFile(address, { sha256: SUM, oneOfSeveral: true });
  expect(await begunDownloads()).toEqual([
    { address, path: first.path, name: first.name, length: BYTES.length, done: BYTES.length },
  ]);
  expect(await downloadFile(address, { sha256: SUM, oneOfSeveral: true })).toEqual(first);
  expect(asked).toHaveLength(1);
  await dropBegun(address);
  expect((await downloadFile(address)).path).not.toBe(first.path);
});

test('Without a word by which to know the file again it begins anew, unless its hash is known', async () => {
  answer = cut(null);
  await expect(downloadFile(address)).rejects.toThrow();
  answer = whole(null);
  expect((await downloadFile(address)).sha256).toBe(SUM);
  expect(asked.at(-1)?.headers.range).toBe(undefined);

  answer = cut(null);
  await expect(downloadFile(address)).rejects.toThrow();
  answer = whole(null);
  expect((await downloadFile(address, { sha256: SUM })).sha256).toBe(SUM);
  expect(asked.at(-1)?.headers.range).toBe(`bytes=${HALF}-`);
});

test('A refusal half-way does not touch what is there', async () => {
  answer = cut();
  await expect(downloadFile(address)).rejects.toThrow();
  answer = status(503);
  await expect(downloadFile(address)).rejects.toMatchObject({ code: 'status' });
  expect(await begunDownloads()).toMatchObject([{ done: HALF }]);
});

test('Stopped by the person: kept, and rejected with the reason', async () => {
  const stop = new AbortController();
  answer = (_, response) => void response.writeHead(200, { etag: '"one"' }).write(BYTES.subarray(0, HALF));
  const onProgress = ({ done }: { done: number }) => {
    if (done === 0) setTimeout(() => stop.abort(), 200);
  };
  const stopped = downloadFile(address, { onProgress, signal: stop.signal });
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  expect((await begunDownloads())[0].done).toBeGreaterThan(0);
});

test('A wrong hash: deleted and said', async () => {
  const wrong = downloadFile(address, { sha256: 'ab'.repeat(32) });
  await expect(wrong).rejects.toMatchObject({
    code: 'checksum',
    message: expect.stringContaining(SUM.slice(0, 10)),
  });
  expect(disk.size).toBe(0);
  expect(await begunDownloads()).toEqual([]);
});

test.each<[string, RequestListener]>([
  ['forbidden', status(403)],
  ['missing', status(404)],
  ['status', status(500)],
  [
    'html',
    (_, response) => void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>'),
  ],
  ['unreachable', (request) => void request.socket.destroy()],
])('%s: a sentence, and nothing is left', async (code, then) => {
  answer = then;
  await expect(downloadFile(address)).rejects.toMatchObject({ name: 'DownloadError', code });
  expect([disk.size, await begunDownloads()]).toEqual([0, []]);
});

test.each([
  ['not-an-address', 'my model'],
  ['not-an-address', 'ftp://example.org/a'],
  ['not-an-address', `https://example.org/${'a'.repeat(2000)}`],
  ['not-https', 'http://example.org/a.safetensors'],
  ['has-password', 'https://me:secret@example.org/a.safetensors'],
])('%s: nobody is asked', async (code, typed) => {
  const fetched = vi.spyOn(globalThis, 'fetch');
  await expect(downloadFile(typed)).rejects.toMatchObject({ code });
  expect(fetched).not.toHaveBeenCalled();
  fetched.mockRestore();
});

test('Without room nothing is begun', async () => {
  room = BYTES.length - 1;
  await expect(downloadFile(address)).rejects.toMatchObject({ name: 'StorageFullError' });
  expect([disk.size, await begunDownloads()]).toEqual([0, []]);
});

test.each([
  ['UnknownError', 1000, 'StorageFullError'],
  ['InvalidStateError', 1e9, 'StorageError'],
])('A write that fails by %s with %d bytes left: %s', async (name, left, told) => {
  failWrite = () => {
    room = left;
    throw new DOMException('odd', name);
  };
  await expect(downloadFile(address)).rejects.toMatchObject({
    name: told,
    facts: { what: 'my model.safetensors' },
  });
  expect([disk.size, await begunDownloads()]).toEqual([0, []]);
  room = 1e9;
  failWrite = undefined;
  await expect(downloadFile(address)).resolves.toMatchObject({ sha256: SUM });
});

test('A part is kept for a week, then swept with its note', async () => {
  answer = cut();
  await expect(downloadFile(address)).rejects.toThrow();
  expect(await sweepOrphans(Date.now() + 6 * DAY)).toBe(0);
  expect(await sweepOrphans(Date.now() + 8 * DAY)).toBe(1);
  expect([disk.size, await begunDownloads()]).toEqual([0, []]);
});

function stubStorage(): void {
  vi.stubGlobal('navigator', {
    onLine: true,
    storage: {
      getDirectory: () => Promise.resolve({ getDirectoryHandle: () => Promise.resolve(folder()) }),
      estimate: () => Promise.resolve({ quota: room, usage: 0 }),
    },
  });
}

/** Gives ranges; `shift`: of a server that answers with another one than it was asked for. */
function whole(etag: string | null = '"one"', shift = 0): RequestListener {
  return (request, response) => {
    const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    if (from === undefined) return send(response, 200, BYTES, etag);
    const at = Number(from) - shift;
    response.setHeader('content-range', `bytes ${at}-${BYTES.length - 1}/${BYTES.length}`);
    return send(response, 206, BYTES.subarray(at), etag);
  };
}

/** Promises all and breaks off half-way. */
function cut(etag: string | null = '"one"'): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'content-length': BYTES.length, ...(etag === null ? {} : { etag }) });
    response.write(BYTES.subarray(0, HALF), () => setTimeout(() => response.destroy(), 50));
  };
}

function send(response: ServerResponse, code: number, bytes: Buffer, etag: string | null): void {
  response.writeHead(code, { 'content-length': bytes.length, ...(etag === null ? {} : { etag }) }).end(bytes);
}

function status(code: number): RequestListener {
  return (_, response) => void response.writeHead(code, { 'content-type': 'text/html' }).end('<p>no</p>');
}

/** As much of a directory handle as is used. */
function folder() {
  const handle = (leaf: string) => ({
    kind: 'file',
    getFile: () => Promise.resolve(new File([new Uint8Array(disk.get(leaf) ?? [])], leaf)),
    createSyncAccessHandle: () =>
      Promise.resolve({
        getSize: () => disk.get(leaf)?.length ?? 0,
        truncate: (size: number) =>
          void disk.set(leaf, (disk.get(leaf) ?? Buffer.alloc(0)).subarray(0, size)),
        write(from: Uint8Array, { at }: { at: number }) {
          failWrite?.();
          disk.set(leaf, Buffer.concat([(disk.get(leaf) ?? Buffer.alloc(0)).subarray(0, at), from]));
          return from.length;
        },
        read: (into: Uint8Array, { at }: { at: number }) =>
          (disk.get(leaf) ?? Buffer.alloc(0)).copy(into, 0, at),
        flush() {},
        close() {},
      }),
  });
  return {
    getFileHandle(leaf: string) {
      if (!disk.has(leaf)) disk.set(leaf, Buffer.alloc(0));
      return Promise.resolve(handle(leaf));
    },
    removeEntry(leaf: string) {
      return disk.delete(leaf) ? Promise.resolve() : Promise.reject(new DOMException('', 'NotFoundError'));
    },
    async *entries() {
      for (const leaf of [...disk.keys()]) yield [leaf, handle(leaf)];
    },
  };
}

/**
 * A file from an address that a person gave, into the browser's private files: GET, without cookies or referrer,
 * written and hashed as it comes. What has arrived stays when it stops, and is gone on with. For a worker whose own
 * headers let it ask (public/_headers); reaching files synchronously is a worker's, too.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Download, DownloadProgress, DownloadWish } from '../protocol/downloader';
import { begunDownload, dropBegun, putBegun, type BegunDownload } from './begun_downloads';
import { DownloadError } from './download_error';
import { failedWrite, refuseWithoutRoom, writing } from './failed_write';
import { deleteFile, FOLDER, leafOf, models, newLeaf } from './opfs';

export interface DownloadOptions extends DownloadWish {
  /** At most ten times a second, and once more at the end. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Stops; what has arrived is kept. Rejects with its reason. */
  signal?: AbortSignal;
}

const PROGRESS_MS = 100;
const PIECE = 4 * 2 ** 20;
const LONGEST_ADDRESS = 2000;
/** Twice the largest Stable Diffusion 1.x checkpoint there is (float32, with its averages): no server fills the disk. */
const MOST_BYTES = 16 * 2 ** 30;

/** Rejects with a DownloadError, a StorageError, or the signal's reason. */
export async function downloadFile(address: string, options: DownloadOptions = {}): Promise<Download> {
  const url = parseAddress(address);
  const before = await begunDownload(url.href);
  const begun = before ?? {
    address: url.href,
    name: nameOf(url),
    path: `${FOLDER}/${newLeaf(nameOf(url))}`,
  };
  const file = await openPart(begun);
  let byteLength = 0;
  let digest = '';
  try {
    [byteLength, digest] = await fetchInto(file, begun, options);
    await writing(begun.name, 0, () => file.flush());
  } catch (error) {
    const useless = error instanceof DownloadError && error.code === 'too-large';
    if (useless || file.getSize() === 0) await forget(begun, file);
    throw options.signal?.aborted ? options.signal.reason : error;
  } finally {
    file.close();
  }
  if (options.sha256 !== undefined && digest !== options.sha256.toLowerCase()) {
    await forget(begun);
    throw new DownloadError('checksum', { expected: options.sha256, got: digest });
  }
  const { name, path } = begun;
  if (options.oneOfSeveral) await putBegun({ address: url.href, name, path, length: byteLength });
  else await dropBegun(url.href);
  return { path, name, byteLength, sha256: digest };
}

/** Absolute, https (or this machine's own), and short: an address is the one thing that goes out. */
function parseAddress(address: string): URL {
  const typed = address.trim();
  const url = URL.canParse(typed) ? new URL(typed) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || typed.length > LONGEST_ADDRESS)
    throw new DownloadError('not-an-address', { address: typed.slice(0, 80) });
  // The only places that the worker's headers allow without https.
  const ownMachine = url.hostname === '127.0.0.1' || url.hostname === 'localhost';
  if (url.protocol === 'http:' && !ownMachine) throw new DownloadError('not-https', { host: url.host });
  if (url.username || url.password) throw new DownloadError('has-password', { host: url.host });
  url.hash = '';
  return url;
}

function nameOf(url: URL): string {
  const last = url.pathname.split('/').findLast((part) => part !== '') ?? url.hostname;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** Bytes and SHA-256 of the whole file. */
async function fetchInto(
  file: SyncFile,
  begun: BegunDownload,
  { sha256: expected, onProgress, signal, most = MOST_BYTES }: DownloadOptions,
): Promise<[number, string]> {
  const { host } = new URL(begun.address);
  const tooLarge = () => new DownloadError('too-large', { host, bytes: most });
  const had = file.getSize();
  let done = 0;
  let hash = sha256.create();
  if (had > 0 && had === begun.length) {
    hash = await hashOf(file, signal);
    return [had, bytesToHex(hash.digest())];
  }
  // What is there is good for nothing if it cannot be told whether the rest belongs to it.
  const from = begun.validator !== undefined || expected !== undefined ? had : 0;
  let response = await ask(begun.address, from, signal);
  const rest = from > 0 && goesOn(response, begun, from);
  if (!rest && (response.status === 206 || response.status === 416)) {
    await response.body?.cancel();
    response = await ask(begun.address, 0, signal);
  }
  // Refused before what is there is touched.
  const body = bodyOf(response, host);
  const total = rest ? begun.length : lengthOf(response);
  if (total !== undefined && total > most) {
    await body.cancel();
    throw tooLarge();
  }
  if (rest) {
    hash = await hashOf(file, signal);
    done = from;
  }
  await refuseWithoutRoom(begun.name, (total ?? had) - had);
  if (!rest) {
    await writing(begun.name, 0, () => file.truncate(0));
    const { address, name, path } = begun;
    const known = { ...optional('length', total), ...optional('validator', validatorOf(response)) };
    await putBegun({ address, name, path, ...known });
  }

  let told = -Infinity;
  let soon: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    clearTimeout(soon);
    soon = undefined;
    told = performance.now();
    // More than was promised: the length was that of a packed form.
    onProgress?.({ done, total: total !== undefined && done <= total ? total : undefined });
  };
  tell();
  try {
    for await (const piece of piecesOf(body, begun.address, signal)) {
      // Whatever length was said, or none.
      if (done + piece.length > most) throw tooLarge();
      const left = total === undefined ? piece.length : Math.max(total - done, piece.length);
      await writing(begun.name, left, () => writeAll(file, piece, done));
      hash.update(piece);
      done += piece.length;
      if (performance.now() - told >= PROGRESS_MS) tell();
      // What came last before a pause is told too.
      else soon ??= setTimeout(tell, PROGRESS_MS);
    }
    tell();
  } finally {
    clearTimeout(soon);
  }
  return [done, bytesToHex(hash.digest())];
}

/**
 * One GET. `Range` in this form needs no preflight; `If-Range` would, so that the answer is compared instead.
 */
async function ask(address: string, from: number, signal: AbortSignal | undefined): Promise<Response> {
  const { host } = new URL(address);
  try {
    return await fetch(address, {
      method: 'GET',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
      headers: from > 0 ? { Range: `bytes=${from}-` } : {},
      ...optional('signal', signal),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new DownloadError(navigator.onLine ? 'unreachable' : 'offline', { host }, cause);
  }
}

/** Whether the answer is the rest of the same file. */
function goesOn(response: Response, begun: BegunDownload, from: number): boolean {
  if (response.status !== 206 || validatorOf(response) !== begun.validator) return false;
  const range = response.headers.get('content-range');
  if (range !== null && !range.startsWith(`bytes ${from}-`)) return false;
  const rest = lengthOf(response);
  return rest === undefined || begun.length === undefined || from + rest === begun.length;
}

function bodyOf(response: Response, host: string): ReadableStream<Uint8Array> {
  const { status, body } = response;
  const refused = (code: 'forbidden' | 'missing' | 'status') => new DownloadError(code, { host, status });
  if (status === 401 || status === 403) throw refused('forbidden');
  if (status === 404 || status === 410) throw refused('missing');
  if (!response.ok || !body) throw refused('status');
  if (/^text\/html\b/i.test(response.headers.get('content-type') ?? ''))
    throw new DownloadError('html', { host });
  return body;
}

async function* piecesOf(
  body: ReadableStream<Uint8Array>,
  address: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw new DownloadError('interrupted', { host: new URL(address).host }, cause);
  } finally {
    // Also when writing failed: nothing more is to come.
    await reader.cancel().catch(() => undefined);
  }
}

/** A strong ETag or a date; undefined where the server shows neither to other origins. */
function validatorOf({ headers }: Response): string | undefined {
  const tag = headers.get('etag');
  return (tag?.startsWith('"') ? tag : headers.get('last-modified')) ?? undefined;
}

function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
}

/** As much of FileSystemSyncAccessHandle as is used; the DOM's types have it for workers only. */
export interface SyncFile {
  read(into: Uint8Array, options: { at: number }): number;
  write(from: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

async function openPart({ path, name }: BegunDownload): Promise<SyncFile> {
  const folder = await models();
  try {
    const handle = await folder.getFileHandle(leafOf(path), { create: true });
    return await (
      handle as unknown as { createSyncAccessHandle(): Promise<SyncFile> }
    ).createSyncAccessHandle();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NoModificationAllowedError')
      throw new DownloadError('busy', { name }, error);
    throw await failedWrite(name, 0, error);
  }
}

function writeAll(file: SyncFile, piece: Uint8Array, at: number): void {
  if (file.write(piece, { at }) !== piece.length)
    throw new DOMException('fewer bytes were written than given', 'QuotaExceededError');
}

/** The hash so far. It lets go of the thread between pieces, so that a cancel is heard. */
async function hashOf(file: SyncFile, signal: AbortSignal | undefined) {
  const hash = sha256.create();
  const piece = new Uint8Array(PIECE);
  for (let at = 0, size = file.getSize(); at < size;) {
    const read = file.read(piece, { at });
    hash.update(piece.subarray(0, read));
    at += read;
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
  }
  return hash;
}

/** The file and the note of it. A file that is open is closed first. */
async function forget({ path, address }: BegunDownload, file?: SyncFile): Promise<void> {
  file?.close();
  await deleteFile(path);
  await dropBegun(address);
}

function optional<Name extends string, T>(name: Name, value: T | undefined): { [N in Name]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [N in Name]?: T };
}

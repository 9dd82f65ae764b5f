/**
 * A zip's central directory: what is in it and where. Reads the end of the archive only, checks every bound before it
 * reads on, and believes no size; what is allowed is decided in `zip`.
 */
import { Breath } from '../dataset/at_a_time';
import { decodeText, inEncoding, type Encoding } from '../dataset/text';
import { ZipError } from './zip_error';

export interface DirectoryEntry {
  /** With '/'; one that ends in it is a folder. */
  path: string;
  /** Unpacked, as declared. */
  size: number;
  packedSize: number;
  /** Of its local header, from the start of the archive. */
  offset: number;
  method: number;
  crc: number;
  encrypted: boolean;
  /** Milliseconds since 1970, to two seconds, in the time zone of whoever reads it. */
  modified?: number;
  /** The name as it stands, where nothing says in which encoding. */
  foreignName?: Uint8Array;
}

const END = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_64 = 0x07064b50;
const END_64 = 0x06064b50;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
/** Flag: name and comment are UTF-8. */
const UTF8 = 0x800;
/** A name and its extra fields hardly ever take more, on average. */
const BYTES_PER_ENTRY = 1024;

interface End {
  entries: number;
  bytes: number;
  offset: number;
  /** Where the directory must have ended. */
  position: number;
}

/** `encoding`: of names that are not UTF-8. Throws `ZipError`. */
export async function readDirectory(
  archive: Blob,
  maxEntries: number,
  encoding?: Encoding,
): Promise<DirectoryEntry[]> {
  const end = await findEnd(archive);
  if (end.entries > maxEntries || end.bytes > maxEntries * BYTES_PER_ENTRY) {
    const sentence = `This zip holds more than the ${maxEntries} files that are taken at once. Unpack it and drop parts of it.`;
    throw new ZipError('too-many', sentence);
  }
  const start = end.position - end.bytes;
  // Offsets count from where the zip begins, which may be after something else (a self-extracting program).
  const before = start - end.offset;
  if (start < 0 || before < 0) throw broken();
  const view = new DataView(await archive.slice(start, end.position).arrayBuffer());
  const entries: DirectoryEntry[] = [];
  const breath = new Breath();
  for (let at = 0; entries.length < end.entries;) {
    if (at + ENTRY_BYTES > view.byteLength || view.getUint32(at, true) !== ENTRY) throw broken();
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + ENTRY_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true);
    if (next > view.byteLength) throw broken();
    const entry = readEntry(view, at, nameBytes, extraBytes, encoding);
    entry.offset += before;
    if (entry.offset + entry.packedSize > start) throw broken();
    entries.push(entry);
    at = next;
    if (entries.length % 256 === 0 && breath.due) await breath.take();
  }
  return entries;
}

async function findEnd(archive: Blob): Promise<End> {
  const tailStart = Math.max(0, archive.size - END_BYTES - 0xffff);
  const tail = new DataView(await archive.slice(tailStart).arrayBuffer());
  for (let at = tail.byteLength - END_BYTES; at >= 0; at--) {
    // The comment after it must end where the archive does: the mark may stand in a comment too.
    if (tail.getUint32(at, true) !== END) continue;
    if (at + END_BYTES + tail.getUint16(at + 20, true) !== tail.byteLength) continue;
    const end = {
      entries: tail.getUint16(at + 10, true),
      bytes: tail.getUint32(at + 12, true),
      offset: tail.getUint32(at + 16, true),
      position: tailStart + at,
    };
    const large = end.entries === 0xffff || end.bytes === 0xffffffff || end.offset === 0xffffffff;
    return large ? findEnd64(archive, end) : end;
  }
  throw new ZipError(
    'not-zip',
    'This is no zip archive, or its end is missing: it may be a broken download. Get it again.',
  );
}

async function findEnd64(archive: Blob, end: End): Promise<End> {
  const at = end.position - 20;
  const locator = new DataView(await archive.slice(Math.max(0, at), end.position).arrayBuffer());
  // Exactly 65,535 files, or another field that happens to be full, without zip64.
  if (at < 0 || locator.getUint32(0, true) !== LOCATOR_64) return end;
  const position = number(locator, 8);
  const record = new DataView(await archive.slice(position, position + 56).arrayBuffer());
  if (record.byteLength < 56 || record.getUint32(0, true) !== END_64) throw broken();
  return {
    entries: number(record, 32),
    bytes: number(record, 40),
    offset: number(record, 48),
    position,
  };
}

function readEntry(
  view: DataView,
  at: number,
  nameBytes: number,
  extraBytes: number,
  encoding: Encoding | undefined,
): DirectoryEntry {
  const flags = view.getUint16(at + 8, true);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at + ENTRY_BYTES, nameBytes);
  const { name, foreign } = decodeName(bytes, (flags & UTF8) !== 0, encoding);
  const modified = dosTime(view.getUint16(at + 14, true), view.getUint16(at + 12, true));
  const entry: DirectoryEntry = {
    path: name.replaceAll('\\', '/'),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packedSize: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
    encrypted: (flags & 1) !== 0,
    ...(modified !== undefined && { modified }),
    ...(foreign && { foreignName: bytes.slice() }),
  };
  readExtra64(entry, view, at + ENTRY_BYTES + nameBytes, extraBytes);
  return entry;
}

/** Numbers too large for 32 bits stand in an extra field, in this order, only those that are. */
function readExtra64(entry: DirectoryEntry, view: DataView, start: number, bytes: number): void {
  for (let at = start; at + 4 <= start + bytes;) {
    const end = at + 4 + view.getUint16(at + 2, true);
    if (end > start + bytes) return;
    if (view.getUint16(at, true) === 1) {
      let from = at + 4;
      for (const field of ['size', 'packedSize', 'offset'] as const) {
        if (entry[field] !== 0xffffffff) continue;
        if (from + 8 > end) throw broken();
        entry[field] = number(view, from);
        from += 8;
      }
      return;
    }
    at = end;
  }
}

/**
 * Many archivers write UTF-8 without the flag that says so; others the encoding of their system, which nothing names.
 * Without `encoding` such a name is read as GBK for the time being: it then comes with its bytes, for a person to say.
 */
function decodeName(
  bytes: Uint8Array,
  isUtf8: boolean,
  encoding?: Encoding,
): { name: string; foreign: boolean } {
  const read = isUtf8 ? { text: new TextDecoder().decode(bytes) } : decodeText(bytes);
  if ('text' in read) return { name: read.text, foreign: false };
  const name = (encoding && inEncoding(bytes, encoding)) ?? new TextDecoder('gb18030').decode(bytes);
  return { name, foreign: true };
}

/** Undefined where the date is none. */
function dosTime(date: number, time: number): number | undefined {
  const [year, month, day] = [1980 + (date >> 9), (date >> 5) & 15, date & 31];
  if (month < 1 || month > 12 || day < 1) return undefined;
  return new Date(year, month - 1, day, time >> 11, (time >> 5) & 63, 2 * (time & 31)).getTime();
}

function number(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw broken();
  return Number(value);
}

function broken(): ZipError {
  return new ZipError('broken', "This zip's list of files is damaged. Make the zip again, or unpack it.");
}

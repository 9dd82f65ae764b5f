/**
 * Reads zip archives that a stranger may have made: the central directory first, against limits, then each file only
 * when it is opened, streamed and held to the size it declared. Nested archives are not opened. PKWARE's APPNOTE 6.3,
 * zip64 included; stored and deflated files only.
 */
import type { Encoding } from '../dataset/text';
import { readDirectory, type DirectoryEntry } from './zip_directory';
import { ZipError, type ZipErrorCode } from './zip_error';

export interface ZipLimits {
  entries: number;
  /** Unpacked, all together. */
  totalBytes: number;
  /** Unpacked, one file that is packed. Looked at in the list, before any of it is unpacked. */
  fileBytes: number;
  /** What all files together gain by being unpacked: pictures are packed by themselves. */
  gainBytes: number;
  /** Unpacked over packed, for files over a megabyte. Pictures hardly shrink at all. */
  ratio: number;
}

export const zipLimits: ZipLimits = {
  entries: 50_000,
  totalBytes: 16 * 2 ** 30,
  // A picture of 64 megapixels takes 192 MiB where it is not packed at all, as BMP.
  fileBytes: 200 * 2 ** 20,
  gainBytes: 2 * 2 ** 30,
  ratio: 200,
};

export interface ZipEntry {
  /** With '/', relative, without '..'. */
  path: string;
  size: number;
  /** Milliseconds since 1970, to two seconds. */
  modified?: number;
  /** Unpacks it. Rejects with `ZipError`. */
  open(): Promise<Blob>;
}

export interface Zip {
  /** Without folders. */
  entries: ZipEntry[];
  refused: { path: string; code: ZipErrorCode }[];
  /** Names of entries in an encoding that nothing tells, as they stand. */
  foreignNames: Uint8Array[];
}

/**
 * Lists an archive; throws `ZipError` where none of it can be trusted. `encoding`: of names that are not UTF-8; without
 * it they are read as GBK.
 */
export async function openZip(
  archive: Blob,
  limits: ZipLimits = zipLimits,
  encoding?: Encoding,
): Promise<Zip> {
  const directory = await readDirectory(archive, limits.entries, encoding);
  const files = directory.filter(({ path }) => !path.endsWith('/'));
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > limits.totalBytes) {
    const sentence = `This zip unpacks to ${gib(total)}, more than the ${gib(limits.totalBytes)} that are taken at once. Unpack it and drop parts of it.`;
    throw new ZipError('too-large', sentence);
  }
  const gain = files.reduce((sum, { size, packedSize }) => sum + Math.max(0, size - packedSize), 0);
  if (gain > limits.gainBytes) {
    const sentence = `This zip grows by ${gib(gain)} when it is unpacked, more than the ${gib(limits.gainBytes)} that are taken. Unpack it and drop parts of it.`;
    throw new ZipError('too-large', sentence);
  }
  refuseOverlaps(files);
  const zip: Zip = {
    entries: [],
    refused: [],
    foreignNames: files.flatMap(({ foreignName }) => foreignName ?? []),
  };
  for (const entry of files) {
    const code = objection(entry, limits);
    if (code) zip.refused.push({ path: entry.path, code });
    else {
      const { path, size, modified } = entry;
      zip.entries.push({
        path,
        size,
        ...(modified !== undefined && { modified }),
        open: () => unpack(archive, entry),
      });
    }
  }
  return zip;
}

const STORED = 0;
const DEFLATED = 8;

function objection(entry: DirectoryEntry, limits: ZipLimits): ZipErrorCode | undefined {
  const { path, size, packedSize, method } = entry;
  if (/^\/|^[a-z]:|(^|\/)\.\.(\/|$)|[\u0000-\u001f]/i.test(path)) return 'unsafe-name';
  if (entry.encrypted) return 'encrypted';
  if (method !== STORED && method !== DEFLATED) return 'method';
  if (method === STORED && size !== packedSize) return 'broken';
  if (method !== STORED && size > limits.fileBytes) return 'file-too-large';
  if (size > 2 ** 20 && size > packedSize * limits.ratio) return 'ratio';
  return undefined;
}

/** Files that share their bytes are how a small archive unpacks to petabytes. */
function refuseOverlaps(files: readonly DirectoryEntry[]): void {
  const byOffset = [...files].sort((a, b) => a.offset - b.offset);
  for (const [i, entry] of byOffset.entries()) {
    const next = byOffset[i + 1];
    if (next && entry.offset + LOCAL_HEADER + entry.packedSize > next.offset) {
      const sentence = `In this zip "${entry.path}" and "${next.path}" lie over each other, as in archives made to do harm. It was not opened.`;
      throw new ZipError('overlap', sentence);
    }
  }
}

const LOCAL_HEADER = 30;

async function unpack(archive: Blob, entry: DirectoryEntry): Promise<Blob> {
  const broken = (): ZipError =>
    new ZipError(
      'broken',
      `"${entry.path}" is damaged in the zip. Make the zip again, or drop the file itself.`,
    );
  const header = new DataView(await archive.slice(entry.offset, entry.offset + LOCAL_HEADER).arrayBuffer());
  if (header.byteLength < LOCAL_HEADER || header.getUint32(0, true) !== 0x04034b50) throw broken();
  const start = entry.offset + LOCAL_HEADER + header.getUint16(26, true) + header.getUint16(28, true);
  const packed = archive.slice(start, start + entry.packedSize);
  if (packed.size !== entry.packedSize) throw broken();
  if (entry.method === STORED) return packed;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  let crc = 0;
  try {
    const reader = packed.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.length;
      if (size > entry.size) {
        // It unpacks to more than it said: the limits above were checked against a lie.
        await reader.cancel();
        break;
      }
      crc = crc32(read.value, crc);
      parts.push(read.value);
    }
  } catch {
    throw broken();
  }
  if (size !== entry.size || crc !== entry.crc) throw broken();
  return new Blob(parts);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 as zip and PNG have it; `before` is that of the bytes before these. */
function crc32(bytes: Uint8Array, before: number): number {
  let crc = ~before;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

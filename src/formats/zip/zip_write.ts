/**
 * Writes zip archives of pictures and captions: stored, for pictures hardly shrink. Streams through fflate, one file at a
 * time: into a Blob, or to wherever `put` brings the bytes.
 */
import { Zip, ZipPassThrough } from 'fflate';
import { ZipError } from './zip_error';

export interface ZipInput {
  path: string;
  file: Blob;
}

const PIECE = 2 ** 20;
/** Without zip64, which fflate does not write. */
const MAX_BYTES = 0xffff_0000;
const MAX_FILES = 0xffff;

/** Files are read one at a time. Rejects with `ZipError` where the archive would be too large for the format. */
export async function writeZip(
  files: Iterable<ZipInput> | AsyncIterable<ZipInput>,
  onFile?: (written: number) => void,
): Promise<Blob> {
  const parts: Blob[] = [];
  // Out of the script's memory and into the browser's.
  await streamZip(files, (pieces) => void parts.push(new Blob(pieces)), onFile);
  return new Blob(parts, { type: 'application/zip' });
}

/** The same, file by file in order, to `put`; the next file is read when it is done. Rejects too with what `put` throws. */
export async function streamZip(
  files: Iterable<ZipInput> | AsyncIterable<ZipInput>,
  put: (pieces: Uint8Array<ArrayBuffer>[]) => Promise<void> | void,
  onFile?: (written: number) => void,
): Promise<void> {
  let pending: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  let written = 0;
  let failure: Error | undefined;
  const zip = new Zip((error, data) => {
    if (error) failure = error;
    // fflate hands over what was pushed, which is an ArrayBuffer's.
    else pending.push(data);
  });
  for await (const { path, file } of files) {
    bytes += file.size + 2 * path.length + 200;
    written++;
    if (bytes > MAX_BYTES || written > MAX_FILES) {
      throw new ZipError(
        'too-much',
        'These pictures are more than the 4 GB that a zip takes. Export fewer at a time.',
      );
    }
    const entry = new ZipPassThrough(path);
    zip.add(entry);
    for (let at = 0; at < file.size; at += PIECE) {
      entry.push(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()), false);
    }
    entry.push(new Uint8Array(0), true);
    if (failure) throw failure;
    const done = pending;
    pending = [];
    await put(done);
    onFile?.(written);
  }
  zip.end();
  if (failure) throw failure;
  await put(pending);
}

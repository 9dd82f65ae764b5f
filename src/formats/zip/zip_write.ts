/** Writes zip archives of pictures and captions: stored, for pictures hardly shrink. Streams through fflate. */
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
  let pending: Uint8Array<ArrayBuffer>[] = [];
  const parts: Blob[] = [];
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
    // Out of the script's memory and into the browser's.
    parts.push(new Blob(pending));
    pending = [];
    onFile?.(written);
  }
  zip.end();
  if (failure) throw failure;
  return new Blob([...parts, ...pending], { type: 'application/zip' });
}

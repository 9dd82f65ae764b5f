/** Why something could not be written, as a sentence with what to do, from the error that Node gave. */
import { statfs } from 'node:fs/promises';

/** @param bytes how much was to be written into `dir` */
export async function whyNotWritten(error: unknown, dir: string, bytes: number): Promise<string> {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  switch (code) {
    case 'ENOSPC': {
      const free = await freeBytes(dir);
      const left = free === undefined ? 'no room is left' : `${megabytes(free)} are free`;
      return `The disk is full: ${left} in "${dir}", ${megabytes(bytes)} are needed. Make room there.`;
    }
    case 'EDQUOT':
      return `Your quota for the disk of "${dir}" is used up; ${megabytes(bytes)} are needed. Make room there.`;
    case 'EFBIG':
      return `A file of ${megabytes(bytes)} is larger than "${dir}" or the shell (ulimit -f) allows.`;
    case 'EACCES':
    case 'EPERM':
      return `You may not write into "${dir}". Give yourself the right to, or name another output_dir.`;
    case 'EROFS':
      return `"${dir}" is on a disk that can only be read. Name another output_dir.`;
    case 'ENOENT':
      return `The folder "${dir}" is not there, and cannot be made. Was its disk taken away?`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `"${dir}" is no folder, or lies in a file. Name another output_dir.`;
    default:
      return `"${dir}" cannot be written to (${error instanceof Error ? error.message : String(error)}).`;
  }
}

async function freeBytes(dir: string): Promise<number | undefined> {
  const facts = await statfs(dir).catch(() => undefined);
  return facts && facts.bavail * facts.bsize;
}

/** Rounded up, so that nothing is said to be 0. */
export function megabytes(bytes: number): string {
  return `${(Math.ceil(bytes / 1e4) / 100).toFixed(2)} MB`;
}

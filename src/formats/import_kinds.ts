/**
 * What a file that was dropped is, told by its name alone, and how kohya's folder names are read. Whether a picture is
 * one is told by its content, later.
 */

export type FileKind = 'picture' | 'caption' | 'table' | 'config' | 'zip' | 'junk' | 'unknown';

const KINDS: Readonly<Record<string, FileKind>> = {
  ...kind('picture', 'png jpg jpeg jpe jfif webp gif bmp avif apng heic heif tif tiff'),
  ...kind('caption', 'txt caption'),
  ...kind('table', 'csv'),
  ...kind('config', 'yaml yml toml json'),
  ...kind('zip', 'zip'),
};

/** Left there by operating systems, and the caches that kohya's trainer writes beside pictures. */
const JUNK = /(^|\/)(__MACOSX\/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)|\.npz$/i;

/** `mime` is what the browser believes, and decides for names without an ending. */
export function kindOf(path: string, mime = ''): FileKind {
  if (JUNK.test(path)) return 'junk';
  const found = KINDS[endingOf(path)];
  if (found) return found;
  return mime.startsWith('image/') ? 'picture' : 'unknown';
}

/** `10_kiko girl` means: each picture in it 10 times an epoch. Four digits are a year, not repeats. */
const KOHYA = /^0*([1-9]\d{0,2})_(.+)$/;

export interface KohyaFolder {
  folder: string;
  repeats: number;
}

/** The innermost folder of kohya's kind that a file lies in. */
export function kohyaFolder(path: string): KohyaFolder | undefined {
  for (const folder of path.split('/').slice(0, -1).reverse()) {
    const match = KOHYA.exec(folder);
    // The archive a file came in is in its path, but is no folder of kohya's.
    if (match && kindOf(folder) !== 'zip') return { folder, repeats: Number(match[1]) };
  }
  return undefined;
}

/** File name without its folders. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The folders, with the last slash; '' for none. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** Without the ending; folders stay. A name that begins with its only point has none. */
export function stemOf(path: string): string {
  return path.replace(/(?<=[^/])\.[^./]*$/, '');
}

function endingOf(path: string): string {
  return nameOf(path)
    .slice(nameOf(stemOf(path)).length + 1)
    .toLowerCase();
}

function kind(of: FileKind, endings: string): Record<string, FileKind> {
  return Object.fromEntries(endings.split(' ').map((ending) => [ending, of]));
}

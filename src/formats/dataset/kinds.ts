/**
 * What a file is, told by its name alone, and the parts of a path. Whether a picture is one, and whether a JSON or TOML
 * belongs to the data set, is told by its content, later.
 */

export type FileKind = 'picture' | 'caption' | 'table' | 'config' | 'zip' | 'junk' | 'unknown';

/** A map: an ending may be `__proto__` or `constructor`, which every object answers. */
const KINDS: ReadonlyMap<string, FileKind> = new Map([
  // Those that nothing here decodes are pictures too: they are named with what to do, not passed over.
  ...kind(
    'picture',
    'png jpg jpeg jpe jfif webp gif bmp dib avif apng heic heif tif tiff jxl jp2 j2k jpf jpx svg psd',
  ),
  ...kind('caption', 'txt caption'),
  ...kind('table', 'csv tsv jsonl'),
  // Commands that start a trainer are settings too, as people keep them.
  ...kind('config', 'yaml yml toml json sh bat cmd ps1'),
  ...kind('zip', 'zip'),
]);

/** Hidden (a name that begins with two points was rather typed), or left there by operating systems and disks on the network, and the caches that kohya's trainer writes. */
const JUNK = /(^|\/)(__MACOSX\/|@eaDir\/|\.(?!\.)[^/]|Thumbs\.db$|desktop\.ini$)|\.npz$/i;

/** `mime` is what the browser believes, and decides for names without an ending. */
export function kindOf(path: string, mime = ''): FileKind {
  if (JUNK.test(path)) return 'junk';
  const found = KINDS.get(endingOf(path));
  if (found) return found;
  return mime.startsWith('image/') ? 'picture' : 'unknown';
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

function kind(of: FileKind, endings: string): [string, FileKind][] {
  return endings.split(' ').map((ending) => [ending, of]);
}

/** The form in which paths are compared: macOS hands out decomposed Unicode, others composed. */
export function fileKey(name: string): string {
  return name
    .replaceAll('\\', '/')
    .replace(/^(\.\/)+/, '')
    .normalize('NFC');
}

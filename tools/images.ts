/**
 * A folder of images and captions as people have them on disk, for the command-line trainer: plain images, kohya's
 * `N_class words` folders, captions from metadata.csv or from .txt files beside the images. sharp only decodes;
 * scaling and cutting are `training/resize.ts`, the same as in the browser (sharp has no area averaging, and its
 * kernels differ from a canvas's).
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, isAbsolute, join, posix, sep } from 'node:path';
import sharp from 'sharp';
import { CaptionFileError, readSidecar } from '../src/formats/dataset/caption_file';
import { fileKey } from '../src/formats/dataset/kinds';
import { parseMetadataCsv } from '../src/formats/dataset/metadata_csv';
import type { Placement, Size } from '../src/formats/buckets';
import { placeImage } from '../src/training/resize';

export interface FolderImage {
  /** Where to read it. */
  path: string;
  /** Relative to the folder, with slashes. */
  name: string;
  caption: string;
  /** How often an epoch shows it. */
  repeats: number;
  /** Upright pixels (EXIF orientation applied). */
  size: Size;
}

export interface ImageFolder {
  /** In natural order of their names: 2.png before 10.png. */
  images: FolderImage[];
  /** What was left out or is missing, each a sentence for the user. */
  notes: string[];
}

export type ImageFolderErrorCode =
  | 'no-folder'
  | 'no-metadata'
  | 'no-images'
  | 'missing-image'
  | 'outside-folder'
  | 'undecodable-image'
  | 'bad-caption';

/** Why a folder cannot be trained on; the message says which file and what to do. */
export class ImageFolderError extends Error {
  override readonly name = 'ImageFolderError';
  constructor(
    readonly code: ImageFolderErrorCode,
    sentence: string,
    cause?: unknown,
  ) {
    super(sentence, { cause });
  }
}

const extensions = ['.png', '.jpg', '.jpeg', '.webp', '.bmp'];
const formats = ['png', 'jpeg', 'webp'];
const captionExtensions = ['.txt', '.caption'];

/**
 * Lists the images of a folder with caption, repeats and size; every header is read, no pixels yet.
 * @param metadataPath a metadata.csv, names in it relative to `dir`; without it `dir`/metadata.csv if there is
 *   one. With metadata only the images it lists are used.
 * @throws ImageFolderError
 */
export async function scanImageFolder(dir: string, metadataPath?: string): Promise<ImageFolder> {
  const files = await listFolder(dir);
  const notes: string[] = [];
  const csv = metadataPath ?? (files.includes('metadata.csv') ? join(dir, 'metadata.csv') : undefined);
  const found = files.filter((name) => extensions.includes(extname(name).toLowerCase()));
  const captioned =
    csv === undefined
      ? await fromFolders(dir, files, found, notes)
      : await fromMetadata(dir, csv, found, notes);
  if (captioned.length === 0) {
    throw new ImageFolderError(
      'no-images',
      `There are no images to train on in ${dir}. Put ${extensions.slice(0, 4).join(', ')} files there, ` +
        `or in folders in it named like 10_name.`,
    );
  }
  const silent = captioned.filter(({ caption }) => caption === '').map(({ name }) => name);
  if (silent.length > 0)
    notes.push(`${count(silent, 'image has', 'images have')} no caption: ${some(silent)}.`);
  const images: FolderImage[] = [];
  for (const image of captioned.sort((a, b) => naturalOrder(a.name, b.name))) {
    const path = join(dir, image.name);
    images.push({
      ...image,
      path,
      repeats: placeOf(image.name).repeats,
      size: await readSize(path, image.name),
    });
  }
  return { images, notes };
}

/**
 * The images of a folder, in natural order, with the captions that .txt files beside them give; metadata.csv is not
 * asked, folder names are no captions, and nothing is decoded.
 * @throws ImageFolderError
 */
export async function imagesWithSidecars(dir: string): Promise<{ name: string; caption: string }[]> {
  const files = await listFolder(dir);
  const found = files.filter((name) => extensions.includes(extname(name).toLowerCase()));
  const captioned = await fromFolders(dir, files, found, []);
  return captioned
    .map(({ name, caption }) => ({ name, caption: caption === placeOf(name).words ? '' : caption }))
    .sort((a, b) => naturalOrder(a.name, b.name));
}

/**
 * Pixels of one image: upright, transparency over white, sRGB.
 * @returns [height, width, 3], 8 bits
 * @throws ImageFolderError 'undecodable-image'
 */
export async function readPixels(
  image: Pick<FolderImage, 'path' | 'name'>,
): Promise<{ rgb: Uint8Array; size: Size }> {
  try {
    const { data, info } = await sharp(image.path, { failOn: 'error' })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it decodes to ${info.channels} channels instead of 3`);
    return { rgb: data, size: [info.width, info.height] };
  } catch (error) {
    throw undecodable(image.name, error);
  }
}

/**
 * Pixels of a picture in memory: upright, sRGB, alpha straight. [height, width, 4], 8 bits
 * @throws ImageFolderError 'undecodable-image'
 */
export async function decodeRgba(
  file: Uint8Array,
  name: string,
): Promise<{ data: Uint8Array; width: number; height: number }> {
  try {
    const { data, info } = await sharp(file, { failOn: 'error' })
      .autoOrient()
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 4) throw new Error(`it decodes to ${info.channels} channels instead of 4`);
    return { data, width: info.width, height: info.height };
  } catch (error) {
    throw undecodable(name, error);
  }
}

/** One image as the VAE takes it: [bucket height, bucket width, 3] in [-1, 1]. @throws ImageFolderError */
export async function loadImage(
  image: Pick<FolderImage, 'path' | 'name'>,
  placement: Placement,
): Promise<Float32Array> {
  const { rgb, size } = await readPixels(image);
  return placeImage(rgb, size, placement);
}

/** Numbers in names count as numbers; whole order, the same on every machine. */
export function naturalOrder(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

const collator = new Intl.Collator('en', { numeric: true });

type Captioned = Pick<FolderImage, 'name' | 'caption'>;

/** Every file below `dir`, relative, with slashes; hidden ones (macOS leaves ._x.png about) left out. */
async function listFolder(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir, { recursive: true });
    return names
      .map((n) => n.split(sep).join('/'))
      .filter((n) => !n.split('/').some((part) => part.startsWith('.')));
  } catch (error) {
    throw new ImageFolderError('no-folder', `The folder ${dir} cannot be read. Check train_data_dir.`, error);
  }
}

async function fromMetadata(
  dir: string,
  csv: string,
  found: string[],
  notes: string[],
): Promise<Captioned[]> {
  const bytes = await readFile(csv).catch((error: unknown) => {
    throw new ImageFolderError(
      'no-metadata',
      `The caption file ${csv} cannot be read. Check metadata_path.`,
      error,
    );
  });
  const rows = readCaption(csv, () => parseMetadataCsv(bytes));
  const byKey = new Map(found.map((name) => [fileKey(name), name]));
  const missing: string[] = [];
  const listed = rows.flatMap(({ file, text, line }): Captioned[] => {
    const key = posix.normalize(fileKey(file));
    if (isAbsolute(key) || /^[a-z]:/i.test(key) || key.startsWith('../')) {
      throw new ImageFolderError(
        'outside-folder',
        `${csv}, line ${line} names ${file}, which is outside ${dir}. Names must be relative to train_data_dir.`,
      );
    }
    const name = byKey.get(key);
    if (name === undefined) {
      const near = found.find((n) => fileKey(n).toLowerCase() === key.toLowerCase());
      missing.push(`${file} (line ${line}${near === undefined ? '' : `; the folder has ${near}`})`);
      return [];
    }
    byKey.delete(key);
    return [{ name, caption: text }];
  });
  if (missing.length > 0) {
    throw new ImageFolderError(
      'missing-image',
      `${csv} lists ${count(missing, 'image that is', 'images that are')} not in ${dir}: ${some(missing)}. ` +
        `Add the image, or take its line out.`,
    );
  }
  const rest = [...byKey.values()].sort(naturalOrder);
  if (rest.length > 0) {
    notes.push(
      `${count(rest, 'image is', 'images are')} not in ${basename(csv)} and left out: ${some(rest)}.`,
    );
  }
  return listed;
}

async function fromFolders(
  dir: string,
  files: string[],
  found: string[],
  notes: string[],
): Promise<Captioned[]> {
  const present = new Set(files);
  const used = found.filter((name) => placeOf(name).used);
  const ignored = found.filter((name) => !placeOf(name).used);
  if (ignored.length > 0) {
    const folders = [...new Set(ignored.map((name) => posix.dirname(name)))].sort(naturalOrder);
    notes.push(
      `${count(ignored, 'image', 'images')} left out, in folders not named like 10_name: ${some(folders)}.`,
    );
  }
  if (/^\d+_/.test(basename(dir)) && used.some((name) => !name.includes('/'))) {
    notes.push(`The number in ${basename(dir)} is not used; give the folder above it to repeat its images.`);
  }
  const captioned: Captioned[] = [];
  for (const name of used) {
    const stem = name.slice(0, name.length - extname(name).length);
    const sidecar = captionExtensions.map((e) => stem + e).find((n) => present.has(n));
    if (sidecar === undefined) captioned.push({ name, caption: placeOf(name).words });
    else {
      const bytes = await readFile(join(dir, sidecar));
      captioned.push({ name, caption: readCaption(sidecar, () => readSidecar(bytes).text) });
    }
  }
  return captioned;
}

/** kohya's folders: `10_cat photo/x.png` is shown ten times an epoch, "cat photo" where it has no caption. */
function placeOf(name: string): { used: boolean; repeats: number; words: string } {
  const parts = name.split('/');
  if (parts.length === 1) return { used: true, repeats: 1, words: '' };
  const [, digits, words = ''] = /^(\d+)(?:_(.*))?$/.exec(parts[0]) ?? [];
  const repeats = Number(digits ?? 0);
  return { used: parts.length === 2 && repeats > 0, repeats: Math.max(1, repeats), words: words.trim() };
}

/** The error of a caption file does not know its name; this adds it. */
function readCaption<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CaptionFileError)) throw error;
    throw new ImageFolderError('bad-caption', `${file}: ${error.message}`, error);
  }
}

async function readSize(path: string, name: string): Promise<Size> {
  try {
    if ((await stat(path)).size === 0) throw new Error('it is empty');
    const meta = await sharp(path, { failOn: 'error' }).metadata();
    if (!formats.includes(meta.format)) throw new Error(`it is in fact ${meta.format}`);
    return [meta.autoOrient.width, meta.autoOrient.height];
  } catch (error) {
    throw undecodable(name, error);
  }
}

function undecodable(name: string, error: unknown): ImageFolderError {
  const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  return new ImageFolderError(
    'undecodable-image',
    `The image ${name} cannot be read (${why}). Save it again as PNG, JPEG or WebP, or remove it.`,
    error,
  );
}

function count(items: unknown[], one: string, many: string): string {
  return `${items.length} ${items.length === 1 ? one : many}`;
}

function some(names: string[]): string {
  const rest = names.length - 5;
  return names.slice(0, 5).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

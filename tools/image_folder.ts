/**
 * A folder of pictures on disk, as the command-line tools take it: lists files and looks into pictures; what they mean is
 * formats/dataset, the same as on the page. One bad file never ends a run: it is left out and named.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { inTurn } from '../src/formats/dataset/at_a_time';
import {
  captionNotes,
  readDataset,
  type Dataset,
  type DatasetPicture,
  type FoundFile,
} from '../src/formats/dataset/dataset';
import { kindOf } from '../src/formats/dataset/kinds';
import { noteWords, type DatasetNote } from '../src/formats/dataset/notes';
import type { Encoding } from '../src/formats/dataset/text';
import type { Prefer } from '../src/formats/dataset/two_sources';
import type { Size } from '../src/formats/dataset/buckets';
import type { Refusal } from '../src/protocol/pictures';
import { ImageFolderError, lookAt } from './images';
import { listFolder } from './list_folder';

export interface FolderImage extends DatasetPicture {
  /** Where to read it. */
  path: string;
  /** Relative to the folder, with slashes. */
  name: string;
  /** Upright pixels (EXIF orientation applied). */
  size: Size;
}

export interface ImageFolder {
  /** In natural order of their names: 2.png before 10.png. */
  images: FolderImage[];
  /** What was left out or is missing, each a sentence for the user. */
  notes: string[];
}

export interface FolderOptions {
  /** A table of captions that holds for the whole folder, wherever it lies; names in it are relative to the folder. */
  metadata?: string;
  encoding?: Encoding;
  prefer?: Prefer;
  /** A folder in it that is not its: the output. */
  except?: string;
}

/** Pictures to look into at a time; decoding has its own threads. */
const AT_A_TIME = 8;

/**
 * The pictures of a folder that can be trained on, with caption, repeats and size; every one is decoded once, to find
 * the damaged ones before a run does.
 * @throws ImageFolderError where there is no picture, or captions cannot be read
 */
export async function scanImageFolder(dir: string, options: FolderOptions = {}): Promise<ImageFolder> {
  const { set, broken, twice } = await readFolder(dir, options);
  const looks = await inTurn(set.pictures, AT_A_TIME, ({ path }) => lookAt(join(dir, path)));
  const images: FolderImage[] = [];
  const left = new Map<Refusal, string[]>(broken.length > 0 ? [['unreadable', broken]] : []);
  for (const [i, picture] of set.pictures.entries()) {
    const look = looks[i];
    if (typeof look === 'string') {
      const others = left.get(look);
      if (others) others.push(picture.path);
      else left.set(look, [picture.path]);
    } else images.push({ ...picture, path: join(dir, picture.path), name: picture.path, size: look });
  }
  const leftOut: DatasetNote[] = [...left].map(([reason, pictures]) => ({
    kind: 'left-out',
    reason,
    pictures,
  }));
  if (twice.length > 0) leftOut.push({ kind: 'linked-twice', files: twice });
  // Of pictures that are left out, it does not matter whether they have a caption.
  const others = set.notes.filter(({ kind }) => kind !== 'no-caption' && kind !== 'class-words');
  const silent = captionNotes(images.map((image) => ({ ...image, path: image.name })));
  const notes = [...leftOut, ...others, ...silent].map((note) => noteWords(note).en);
  if (images.length === 0) {
    throw new ImageFolderError(
      'no-images',
      [`There are no images to train on in ${dir}. Put PNG, JPEG or WebP files there.`, ...notes].join(' '),
    );
  }
  return { images, notes };
}

/**
 * What a folder means; no picture is opened.
 * @throws ImageFolderError where the folder or its captions cannot be read
 */
export async function readFolder(
  dir: string,
  options: FolderOptions = {},
): Promise<{ set: Dataset; broken: string[]; twice: string[] }> {
  const { metadata, encoding, prefer, except } = options;
  const { files, broken, twice } = await listFolder(dir, except).catch((error: unknown) => {
    throw new ImageFolderError('no-folder', `The folder ${dir} cannot be read. Check train_data_dir.`, error);
  });
  const set = await readDataset(
    [...files, ...(await tomlsBeside(dir))],
    (path) => readFile(path === metadata ? metadata : join(dir, path)),
    { root: basename(resolve(dir)), metadata, encoding, prefer },
  );
  const { encoding: asked } = set.questions;
  if (asked) throw new ImageFolderError('encoding', encodingSentence(asked));
  for (const { path, code, sentence } of set.leftOut) {
    if (path === metadata && code === 'unreadable') {
      throw new ImageFolderError(
        'no-metadata',
        `The caption file ${path} cannot be read. Check metadata_path.`,
      );
    }
    // Without a table all captions are lost; without one file beside a picture, one is.
    if (path === metadata || kindOf(path) === 'table') {
      throw new ImageFolderError('bad-caption', `${path}: ${sentence}`);
    }
  }
  return { set, broken, twice };
}

/** Dataset files of sd-scripts in the folder above, which is where people keep them. */
async function tomlsBeside(dir: string): Promise<FoundFile[]> {
  const names = await readdir(dirname(resolve(dir))).catch(() => []);
  return names.filter((name) => /^[^.].*\.toml$/i.test(name)).map((name) => ({ path: `../${name}` }));
}

function encodingSentence({ files, previews }: NonNullable<Dataset['questions']['encoding']>): string {
  const some = files.slice(0, 5).join(', ') + (files.length > 5 ? ` and ${files.length - 5} more` : '');
  const shown = previews.map(({ encoding, texts }) => {
    const text = Array.from(texts.join(' | ').replace(/\s+/g, ' ').trim());
    return `  --encoding ${encoding}: ${text.slice(0, 70).join('')}${text.length > 70 ? '…' : ''}`;
  });
  return [
    `${files.length === 1 ? '1 caption file is' : `${files.length} caption files are`} not in UTF-8: ${some}. Say in which encoding, by what reads right, or save as UTF-8:`,
    ...shown,
  ].join('\n');
}

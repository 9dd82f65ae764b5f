/**
 * Pictures on disk and in memory, for the command-line tools: what sharp takes, and what is left out by the page's own
 * judgement. sharp only decodes; scaling and cutting are `training/resize.ts`, the same as in the browser (sharp has no
 * area averaging, and its kernels differ from a canvas's).
 */
import { open, readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { HEADER_START, readHeader, type Header } from '../src/formats/dataset/header';
import { pictureLimits, refusalOf, refusalOfSize, refusalOfType } from '../src/formats/dataset/refusal';
import { refusalWords } from '../src/formats/dataset/refusal_words';
import type { Placement, Size } from '../src/formats/dataset/buckets';
import type { Refusal } from '../src/protocol/pictures';
import { placeImage } from '../src/training/data/resize';

export interface ImageFile {
  /** Where to read it. */
  path: string;
  /** As a person knows it. */
  name: string;
}

export type ImageFolderErrorCode =
  | 'no-folder'
  | 'no-metadata'
  | 'no-images'
  | 'undecodable-image'
  | 'bad-caption'
  /** Captions are not UTF-8, and nobody said what they are. */
  | 'encoding';

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

/** What sharp decodes. */
const types = ['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/avif', 'image/tiff'];

/**
 * Upright width and height of a picture to train on, or why it is none. It is decoded once, small: a damaged one is found
 * here and not in the middle of a run.
 */
export async function lookAt(path: string): Promise<Size | Refusal> {
  const file = await open(path).catch(() => undefined);
  if (!file) return 'unreadable';
  try {
    const { size } = await file.stat();
    if (size === 0) return 'empty';
    const start = new Uint8Array(Math.min(size, HEADER_START));
    await file.read(start, 0, start.length, 0);
    const header = readHeader(start);
    const refusal = header ? refusalOfType(header.type, types) : 'unknown-type';
    if (refusal) return refusal;
    if (size > pictureLimits.maxBytes) return 'too-large';
    // Its frames may be larger than it says in front.
    if (header?.type === 'image/gif') {
      const whole = readHeader(await readFile(path));
      const tooLarge = whole && refusalOf(whole);
      if (tooLarge) return tooLarge;
    }
  } catch {
    return 'unreadable';
  } finally {
    await file.close();
  }
  try {
    const { autoOrient } = await sharp(path, { failOn: 'error' }).metadata();
    const refusal = refusalOfSize(autoOrient.width, autoOrient.height);
    if (refusal) return refusal;
    await sharp(path, { failOn: 'error', sequentialRead: true })
      .resize(8, 8, { fit: 'fill' })
      .raw()
      .toBuffer();
    return [autoOrient.width, autoOrient.height];
  } catch {
    return 'not-decodable';
  }
}

/**
 * Pixels of one image: upright, transparency over white, sRGB.
 * @returns [height, width, 3], 8 bits
 * @throws ImageFolderError 'undecodable-image'
 */
export async function readPixels(image: ImageFile): Promise<{ rgb: Uint8Array; size: Size }> {
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
    throw undecodable(name, error, readHeader(file.subarray(0, HEADER_START)));
  }
}

/** One image as the VAE takes it: [bucket height, bucket width, 3] in [-1, 1]. @throws ImageFolderError */
export async function loadImage(image: ImageFile, placement: Placement): Promise<Float32Array> {
  const { rgb, size } = await readPixels(image);
  return placeImage(rgb, size, placement);
}

function undecodable(name: string, error: unknown, header?: Header): ImageFolderError {
  const refusal = header && refusalOfType(header.type, types);
  const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  return new ImageFolderError(
    'undecodable-image',
    refusal
      ? `The image ${name} cannot be read: ${refusalWords.en[refusal]}.`
      : `The image ${name} cannot be read (${why}). Save it again as PNG, JPEG or WebP, or remove it.`,
    error,
  );
}

/**
 * Reads one picture: its type and size from the header, then upright size, thumbnail and look from one decoding, and
 * the digest of the file. What is too large is refused before it is decoded.
 */
import { HEADER_START, readHeader, type Header } from '../../src/formats/dataset/header';
import { pictureLimits, refusalOf, refusalOfType } from '../../src/formats/dataset/refusal';
import { hex } from '../../src/formats/safetensors/sha256';
import type { PictureReading, Refusal } from '../../src/protocol/pictures';
import { differenceHash } from './difference_hash';

/** Longest side of a thumbnail, pixels. */
const THUMBNAIL_SIDE = 384;

export async function readPicture(file: Blob): Promise<PictureReading> {
  if (file.size === 0) return refused('empty');
  let bytes: Uint8Array<ArrayBuffer>;
  let header: Header | undefined;
  try {
    header = readHeader(new Uint8Array(await file.slice(0, HEADER_START).arrayBuffer()));
    const refusal = header ? refusalOfType(header.type) : 'unknown-type';
    if (refusal) return refused(refusal);
    if (file.size > pictureLimits.maxBytes) return refused('too-large');
    bytes = new Uint8Array(await file.arrayBuffer());
    header = readHeader(bytes);
  } catch {
    return refused('unreadable');
  }
  const refusal = header ? refusalOf(header) : 'unknown-type';
  if (refusal || !header) return refused(refusal ?? 'unknown-type');

  // The type decides the decoder; files from a zip have none.
  const picture = new Blob([bytes], { type: header.type });
  const [drawn, digest] = await Promise.all([draw(picture), crypto.subtle.digest('SHA-256', bytes)]);
  if (!drawn) return refused('not-decodable');
  return { ok: true, facts: { ...drawn, type: header.type, digest: hex(new Uint8Array(digest)) } };
}

interface Drawn {
  width: number;
  height: number;
  look: string;
  thumbnail: Blob;
}

/** Upright, as every decoding in the studio is; undefined where the browser cannot. */
async function draw(picture: Blob): Promise<Drawn | undefined> {
  const bitmap = await createImageBitmap(picture, { imageOrientation: 'from-image' }).catch(() => undefined);
  if (!bitmap) return undefined;
  const { width, height } = bitmap;
  const scale = Math.min(1, THUMBNAIL_SIDE / Math.max(width, height));
  const small = { width: Math.ceil(width * scale), height: Math.ceil(height * scale) };
  const canvas = new OffscreenCanvas(small.width, small.height);
  // Its pixels are read back: kept where the CPU has them.
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  if (!context) return undefined;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, small.width, small.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, small.width, small.height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, small.width, small.height);
  const thumbnail = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.85 });
  return { width, height, look: differenceHash(data, small.width, small.height), thumbnail };
}

function refused(refusal: Refusal): PictureReading {
  return { ok: false, refusal };
}

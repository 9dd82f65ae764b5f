/**
 * Whether a picture reads the same in sd-scripts as here. Pillow there takes PNG, JPEG and WebP, ignores an EXIF turn, and
 * shows the colours under what is transparent; a PNG of 16 bits a channel it may cut to white. Told from the file's own
 * fields (PNG 1.2, EXIF 2.3, WebP's container); nothing is decoded.
 */
import { readHeader } from '../dataset/header';

export type PlainExtension = '.png' | '.jpg' | '.webp';

/** The ending of a file that may travel as it is; undefined for one that is to be drawn anew. Never throws. */
export function plainExtension(bytes: Uint8Array): PlainExtension | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const type = readHeader(bytes)?.type;
    if (type === 'image/png' && isPlainPng(view)) return '.png';
    if (type === 'image/jpeg' && isPlainJpeg(view)) return '.jpg';
    if (type === 'image/webp' && isPlainWebp(view)) return '.webp';
    return undefined;
  } catch (error) {
    // Cut short: whoever decodes it says so.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const GRAY_ALPHA = 4;
const RGB_ALPHA = 6;

function isPlainPng(view: DataView): boolean {
  for (let at = 8; at + 12 <= view.byteLength;) {
    const length = view.getUint32(at);
    const type = ascii(view, at + 4);
    const content = at + 8;
    if (type === 'IHDR') {
      const [depth, colour] = [view.getUint8(content + 8), view.getUint8(content + 9)];
      if (depth > 8 || colour === GRAY_ALPHA || colour === RGB_ALPHA) return false;
    } else if (type === 'tRNS') return false;
    else if (type === 'eXIf' && orientationIn(view, content, length) !== 1) return false;
    else if (type === 'IEND') return true;
    at = content + length + 4;
  }
  return false;
}

const APP1 = 0xe1;
const SCAN = 0xda;

function isPlainJpeg(view: DataView): boolean {
  for (let at = 2; at + 4 <= view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return false;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === SCAN) return true;
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    const length = view.getUint16(at + 2);
    if (marker === APP1 && length >= 8 && ascii(view, at + 4) === 'Exif' && view.getUint16(at + 8) === 0)
      if (orientationIn(view, at + 10, length - 8) !== 1) return false;
    at += 2 + Math.max(2, length);
  }
  return false;
}

const HAS_ALPHA = 0x10;

function isPlainWebp(view: DataView): boolean {
  const end = 8 + view.getUint32(4, true);
  if (end > view.byteLength) return false;
  for (let at = 12; at + 8 <= end;) {
    const type = ascii(view, at);
    const length = view.getUint32(at + 4, true);
    const content = at + 8;
    if (type === 'VP8X' && (view.getUint8(content) & HAS_ALPHA) !== 0) return false;
    if (type === 'VP8L' && (view.getUint32(content + 1, true) >>> 28) % 2 === 1) return false;
    if (type === 'EXIF') {
      // Some writers put JPEG's prefix before it.
      const skip = length >= 6 && ascii(view, content) === 'Exif' ? 6 : 0;
      if (orientationIn(view, content + skip, length - skip) !== 1) return false;
    }
    at = content + length + (length % 2);
  }
  return true;
}

const ORIENTATION = 0x0112;

/** Of EXIF's TIFF block; 1, upright, where it says none that counts. */
function orientationIn(view: DataView, start: number, length: number): number {
  const end = Math.min(view.byteLength, start + length);
  if (end - start < 8) return 1;
  const order = view.getUint16(start);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  const directory = start + view.getUint32(start + 4, little);
  if (directory + 2 > end) return 1;
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > end) return 1;
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

function ascii(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}

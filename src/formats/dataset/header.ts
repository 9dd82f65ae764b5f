/**
 * What a picture file is and how large it would be decoded, from its own first fields and before any decoder touches
 * it. Sizes are as stored, not upright: PNG, JPEG (ITU T.81), WebP, GIF89a, BMP, AVIF (ISO 14496-12). TIFF, HEIC, JPEG XL
 * (ISO 18181-2), JPEG 2000 (ISO 15444-1), SVG and Photoshop's files are told from one another, so as to be named.
 */

/** So many bytes from the start are enough for the type. */
export const HEADER_START = 1024;

export interface Header {
  /** MIME type. */
  type: string;
  /** Missing where the type is known but the file says no size. */
  size?: { width: number; height: number };
}

/** Undefined where it is no picture. Never throws. */
export function readHeader(bytes: Uint8Array): Header | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return headerOf(view);
  } catch (error) {
    // Fields beyond its end: a piece of a picture.
    if (error instanceof RangeError) return { type: typeOf(view) ?? 'application/octet-stream' };
    throw error;
  }
}

function headerOf(view: DataView): Header | undefined {
  const type = typeOf(view);
  switch (type) {
    case 'image/png':
      return { type, size: { width: view.getUint32(16), height: view.getUint32(20) } };
    case 'image/gif':
      return { type, size: gifSize(view) };
    case 'image/jpeg':
      return { type, size: jpegSize(view) };
    case 'image/webp':
      return { type, size: webpSize(view) };
    case 'image/bmp':
      return { type, size: bmpSize(view) };
    case 'image/avif':
      return { type, size: largestIn(view) };
    case undefined:
      return undefined;
    default:
      return { type };
  }
}

function typeOf(view: DataView): string | undefined {
  const at = (start: number, end: number) => ascii(view, start, end);
  if (at(0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png';
  if (at(0, 3) === '\xff\xd8\xff') return 'image/jpeg';
  if (at(0, 4) === 'RIFF' && at(8, 12) === 'WEBP') return 'image/webp';
  if (/^GIF8[79]a$/.test(at(0, 6))) return 'image/gif';
  if (at(0, 2) === 'BM' && at(6, 10) === '\0\0\0\0') return 'image/bmp';
  if (at(0, 4) === 'II*\0' || at(0, 4) === 'MM\0*') return 'image/tiff';
  if (at(0, 2) === '\xff\x0a' || at(0, 12) === '\0\0\0\x0cJXL \r\n\x87\n') return 'image/jxl';
  if (at(0, 4) === '\xff\x4f\xff\x51' || at(0, 12) === '\0\0\0\x0cjP  \r\n\x87\n') return 'image/jp2';
  if (at(0, 6) === '8BPS\0\x01' || at(0, 6) === '8BPS\0\x02') return 'image/vnd.adobe.photoshop';
  if (at(4, 8) === 'ftyp') {
    const brands = at(8, 8 + 64);
    if (/avi[fs]/.test(brands)) return 'image/avif';
    return /hei[cmsx]|hev[cmx]|mif1|msf1/.test(brands) ? 'image/heic' : undefined;
  }
  return isSvg(at(0, HEADER_START)) ? 'image/svg+xml' : undefined;
}

/** Its element, after a byte order mark, the declaration of XML, comments and a document type; each is passed once. */
function isSvg(text: string): boolean {
  let at = text.startsWith('\xef\xbb\xbf') ? 3 : 0;
  for (;;) {
    while (/\s/.test(text.charAt(at))) at++;
    const begun = BEFORE_SVG.find(([start]) => text.startsWith(start, at));
    if (!begun) return /^<svg[\s>]/.test(text.slice(at, at + 5));
    const [start, end] = begun;
    const to = text.indexOf(end, at + start.length);
    if (to < 0) return false;
    at = to + end.length;
  }
}

const BEFORE_SVG = [
  ['<?', '>'],
  ['<!--', '-->'],
  ['<!DOCTYPE svg', '>'],
] as const;

/**
 * The screen, or where a frame reaches further: decoders widen the screen to it, and it is they who must hold it. Frames
 * are walked to the end, block by block.
 */
function gifSize(view: DataView): Header['size'] {
  const size = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  for (let at = 13 + colourTable(view.getUint8(10)); at < view.byteLength;) {
    const block = view.getUint8(at);
    if (block === 0x21) at = afterData(view, at + 2);
    else if (block === 0x2c && at + 10 <= view.byteLength) {
      size.width = Math.max(size.width, view.getUint16(at + 1, true) + view.getUint16(at + 5, true));
      size.height = Math.max(size.height, view.getUint16(at + 3, true) + view.getUint16(at + 7, true));
      at = afterData(view, at + 11 + colourTable(view.getUint8(at + 9)));
    } else break;
  }
  return size;
}

/** Bytes of the table that these flags say follows. */
function colourTable(flags: number): number {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

/** Behind blocks of up to 255 bytes, each after its length, to one of none. */
function afterData(view: DataView, start: number): number {
  let at = start;
  while (at < view.byteLength && view.getUint8(at) !== 0) at += 1 + view.getUint8(at);
  return at + 1;
}

/** The frame header may come after any number of others: colour profiles, previews, editing history. */
function jpegSize(view: DataView): Header['size'] {
  for (let at = 2; at < view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    // Fill bytes, and markers without a length.
    if (marker === 0xff) at++;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (isFrame(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    // The scan begins, or the file ends, without a frame.
    else if (marker === 0xda || marker === 0xd9) return undefined;
    else at += 2 + Math.max(2, view.getUint16(at + 2));
  }
  return undefined;
}

/** SOF0 to SOF15; DHT, JPG and DAC lie among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function webpSize(view: DataView): Header['size'] {
  switch (ascii(view, 12, 16)) {
    case 'VP8 ':
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: uint24(view, 24) + 1, height: uint24(view, 27) + 1 };
    default:
      return undefined;
  }
}

function bmpSize(view: DataView): Header['size'] {
  // OS/2's first version has 16 bits a side. A negative height means that rows run downwards.
  if (view.getUint32(14, true) === 12) {
    return { width: view.getUint16(18, true), height: view.getUint16(20, true) };
  }
  return { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
}

/** The largest `ispe` property: pictures made of tiles and their previews have one each. */
function largestIn(view: DataView): Header['size'] {
  let largest: Header['size'];
  const meta = boxIn(view, 0, view.byteLength, 'meta');
  const properties = meta && boxIn(view, meta.start + 4, meta.end, 'iprp');
  const container = properties && boxIn(view, properties.start, properties.end, 'ipco');
  for (const box of container ? boxes(view, container.start, container.end) : []) {
    if (box.type !== 'ispe') continue;
    const size = { width: view.getUint32(box.start + 4), height: view.getUint32(box.start + 8) };
    if (!largest || size.width * size.height > largest.width * largest.height) largest = size;
  }
  return largest;
}

interface Box {
  type: string;
  /** Of its content. */
  start: number;
  end: number;
}

function boxIn(view: DataView, start: number, end: number, type: string): Box | undefined {
  for (const box of boxes(view, start, end)) if (box.type === type) return box;
  return undefined;
}

function* boxes(view: DataView, start: number, end: number): Generator<Box> {
  for (let at = start; at + 8 <= end;) {
    const length = view.getUint32(at);
    // 0: to the end. 1: 64 bits follow, which no picture needs before its media data.
    const next = length === 0 ? end : at + length;
    if (length === 1 || next < at + 8 || next > end) return;
    yield { type: ascii(view, at + 4, at + 8), start: at + 8, end: next };
    at = next;
  }
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}

function ascii(view: DataView, start: number, end: number): string {
  let text = '';
  for (let at = start; at < Math.min(end, view.byteLength); at++)
    text += String.fromCharCode(view.getUint8(at));
  return text;
}

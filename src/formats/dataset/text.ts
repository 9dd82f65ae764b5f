/**
 * Bytes of a text file as text: UTF-8 and UTF-16 are told by the bytes themselves; any other encoding is never guessed,
 * a person chooses it among previews. Source of the detection: the Unicode standard, 23.8 (byte order mark).
 */

/** What text that does not say its encoding may be in; each is tried on the bytes before it is offered. */
export const encodings = ['gbk', 'big5', 'shift-jis', 'euc-kr', 'windows-1252', 'utf-8'] as const;
export type Encoding = (typeof encodings)[number];

export interface EncodingPreview {
  encoding: Encoding;
  /** The same bytes as this encoding has them, one text for each that was given. */
  texts: string[];
}

export type TextProblem =
  /**
   * Not UTF-8, or UTF-8 only by chance, and no encoding was chosen; or the chosen one does not fit. `line` counts
   * from 1.
   */
  | { problem: 'encoding'; line: number }
  | { problem: 'too-large' }
  /** It holds a NUL: no plain text. */
  | { problem: 'binary'; line: number };

/** More than this is no file of captions: 10,000 long ones take 5 MB. */
export const maxTextBytes = 16 * 2 ** 20;

/** The text without its byte order mark, or why there is none. Never throws. */
export function decodeText(bytes: Uint8Array, encoding?: Encoding): { text: string } | TextProblem {
  if (bytes.length > maxTextBytes) return { problem: 'too-large' };
  const wide = utf16(bytes);
  let text = decoded(bytes, wide ?? 'utf-8');
  if (text === undefined || (!wide && isByChance(text, bytes))) {
    text = encoding && inEncoding(bytes, encoding);
  }
  if (text === undefined) return { problem: 'encoding', line: firstBadLine(bytes) };
  const nul = text.indexOf('\0');
  return nul < 0 ? { text } : { problem: 'binary', line: countLines(text.slice(0, nul)) };
}

/** Every encoding that all of these bytes may be in, with what they say in it; most likely ones first. */
export function encodingPreviews(files: readonly Uint8Array[]): EncodingPreview[] {
  return encodings.flatMap((encoding) => {
    const texts = files.flatMap((bytes) => inEncoding(bytes, encoding) ?? []);
    return texts.length === files.length ? [{ encoding, texts }] : [];
  });
}

/** Undefined where the bytes are not of this encoding. */
export function inEncoding(bytes: Uint8Array, encoding: Encoding): string | undefined {
  if (encoding !== 'windows-1252') return decoded(bytes, labels[encoding]);
  // Node up to 22 decodes it as Latin-1, whose 0x80 to 0x9f are control characters.
  let text = '';
  for (const byte of bytes)
    text += byte < 0x80 || byte > 0x9f ? String.fromCharCode(byte) : UPPER[byte - 0x80];
  return text;
}

const labels = {
  gbk: 'gb18030',
  big5: 'big5',
  'shift-jis': 'shift_jis',
  'euc-kr': 'euc-kr',
  'utf-8': 'utf-8',
} as const;

export function countLines(text: string): number {
  return (text.match(/\r\n|\n|\r/g)?.length ?? 0) + 1;
}

/** windows-1252 from 0x80 to 0x9f, as the WHATWG's Encoding Standard has it. */
const UPPER = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** By its mark, or, where it has none, by the empty halves of Latin letters. */
function utf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const mark = bytes.length >= 2 ? (bytes[0] << 8) | bytes[1] : 0;
  if (mark === 0xfffe) return 'utf-16le';
  if (mark === 0xfeff) return 'utf-16be';
  if (bytes.length < 4 || bytes.length % 2 !== 0) return undefined;
  const start = bytes.subarray(0, 4096);
  let [even, odd] = [0, 0];
  for (const [at, byte] of start.entries()) {
    if (byte === 0 && at % 2 === 0) even++;
    else if (byte === 0) odd++;
  }
  if (even === 0 && odd * 4 > start.length) return 'utf-16le';
  return odd === 0 && even * 4 > start.length ? 'utf-16be' : undefined;
}

/**
 * Whether text is UTF-8 only by chance: 水墨 in GBK is ˮī in UTF-8. So are two-byte characters in words of their own
 * that mix alphabets, or are no letters of a language, and are ideographs throughout in GBK.
 */
function isByChance(text: string, bytes: Uint8Array): boolean {
  const start = text.slice(0, 4096);
  // Two bytes each: U+0080 to U+07FF. A character of three bytes is hardly ever one by chance.
  if (!/[\u0080-\u07ff]{2}/.test(start) || /[\u0800-\uffff]/.test(start)) return false;
  const runs = start.match(/[\u0080-\u07ff]+/g) ?? [];
  if (/[a-z][\u0080-\u07ff]|[\u0080-\u07ff][a-z]/i.test(start)) return false;
  const strange = runs.some((run) => !alphabets.some((alphabet) => alphabet.test(run)));
  const chinese = strange ? decoded(bytes, 'gb18030') : undefined;
  return chinese !== undefined && /^[\x00-\x7f\p{Script=Han}\u3000-\u303f\uff00-\uffef]*$/u.test(chinese);
}

/** A run of one of these is a word: letters of western Europe and the signs beside them, Greek, Cyrillic, and so on. */
const alphabets = [
  /^[\u00a0-\u017f\u02c6-\u02dd\u0300-\u0345]+$/,
  /^[\u00a0-\u00bf\u0300-\u0345\u0370-\u03ff]+$/,
  /^[\u00a0-\u00bf\u0300-\u0345\u0400-\u045f\u0490-\u0491]+$/,
  /^[\u00a0-\u00bf\u0531-\u058a]+$/,
  /^[\u00a0-\u00bf\u05b0-\u05f4]+$/,
  /^[\u00a0-\u00bf\u060c-\u06ff]+$/,
];

function decoded(bytes: Uint8Array, label: string): string | undefined {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Bytes that are tried at once. */
const PIECE = 2 ** 16;

/** Decodes line by line (0x0A is never part of a longer UTF-8 character) to find the one that fails. */
function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0, size = PIECE; start < bytes.length;) {
    const newline = bytes.indexOf(0x0a, start + size);
    const end = newline < 0 ? bytes.length : newline + 1;
    const piece = bytes.subarray(start, end);
    if (decoded(piece, 'utf-8') === undefined) {
      if (size === 0) return line;
      // Somewhere in these lines: again, one by one.
      size = 0;
    } else {
      for (let at = piece.indexOf(0x0a); at >= 0; at = piece.indexOf(0x0a, at + 1)) line++;
      start = end;
    }
  }
  // UTF-8 by chance is so from the start.
  return 1;
}

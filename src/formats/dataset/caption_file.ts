/** A caption file that is refused, and the text of one that is not. */
import { withoutEnd } from '../text/trimmed';
import { decodeText, type Encoding } from './text';

export type CaptionErrorCode =
  | 'encoding'
  | 'too-large'
  | 'too-many'
  | 'stray-quote'
  | 'unclosed-quote'
  | 'too-few-fields'
  | 'too-many-fields'
  | 'empty-name'
  | 'duplicate-name'
  | 'control-character'
  | 'json';

/** Why a caption file is refused; `line` counts from 1. */
export class CaptionFileError extends Error {
  override name = 'CaptionFileError';
  constructor(
    readonly code: CaptionErrorCode,
    sentence: string,
    readonly line: number,
  ) {
    super(sentence);
  }
}

/** The text of a caption file. `what` begins the sentence of the CaptionFileError that it throws. */
export function textOf(bytes: Uint8Array, what: string, encoding?: Encoding): string {
  const read = decodeText(bytes, encoding);
  if ('text' in read) return read.text;
  switch (read.problem) {
    case 'too-large':
      throw new CaptionFileError('too-large', `${what} is larger than 16 MiB, so it is no caption file.`, 1);
    case 'binary':
      throw new CaptionFileError(
        'control-character',
        `${what} holds a NUL character in line ${read.line}, so it is not plain text.`,
        read.line,
      );
    case 'encoding':
      throw new CaptionFileError(
        'encoding',
        encoding
          ? `${what} is not ${encoding} in line ${read.line}. Choose another encoding, or save it as UTF-8.`
          : `${what} is not UTF-8 in line ${read.line}; it may be GBK or another local encoding. Say which, or save it as UTF-8 (in Notepad: Save as, Encoding).`,
        read.line,
      );
  }
}

/** Longer ones are no captions: a text encoder reads some thousand letters at most. */
const maxCaption = 65_536;

/** Throws CaptionFileError where a text is too long for one caption. */
export function captionOf(text: string, what: string): string {
  if (text.length <= maxCaption) return text;
  throw new CaptionFileError('too-large', `${what} is longer than 64 KB, so it is no caption.`, 1);
}

const sentenceEnds = '.!?;:。！？；：';

/** Spaces, and what has no width (U+200B and the like), which editors and web pages leave behind. */
const NOTHING_SEEN = /^[\s\p{Cf}]*$/u;

/**
 * A caption of several lines as the one line that is trained on: blank lines are left out, the rest is joined by ", ",
 * after the end of a sentence by a space. `lines` counts those that say something.
 */
export function joinLines(text: string): { text: string; lines: number } {
  const lines = text
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => line.trim())
    .filter((line) => !NOTHING_SEEN.test(line));
  const last = lines.at(-1) ?? '';
  const joined = lines.slice(0, -1).map((line) => {
    if (sentenceEnds.includes(line.at(-1) ?? '')) return `${line} `;
    const part = withoutEnd(line, /[\s,，、]/);
    return part && `${part}, `;
  });
  return { text: joined.join('') + last, lines: lines.length };
}

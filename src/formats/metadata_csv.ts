// Captions on disk: `metadata.csv` as lora-scripts reads and writes it (file name, caption), and the .txt
// files beside images that every trainer knows. CSV is RFC 4180, read strictly: a stray quote or comma is
// reported with its line, because guessing would train on a wrong caption.
import { CsvError, countLines, parseCsv, type CsvRecord } from './csv';

export type CaptionErrorCode =
  | 'encoding'
  | 'too-large'
  | 'stray-quote'
  | 'unclosed-quote'
  | 'too-few-fields'
  | 'too-many-fields'
  | 'empty-name'
  | 'duplicate-name'
  | 'control-character';

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

/** One image and its caption. `line` is where its record begins in the file. */
export interface CaptionRow {
  readonly file: string;
  readonly text: string;
  readonly line: number;
}

/** More than this is no caption file. */
const maxBytes = 64 * 2 ** 20;

/**
 * Reads metadata.csv. Takes UTF-8 with or without BOM, LF, CRLF or CR, with or without a header
 * (`file_name,text`, `image,caption`, ... in either order). Backslashes in names become slashes. Throws
 * CaptionFileError.
 */
export function parseMetadataCsv(input: Uint8Array | string): CaptionRow[] {
  const records = recordsOf(decodeText(input, 'metadata.csv'));
  const columns = records.length > 0 ? headerColumns(records[0]) : undefined;
  const rows = records
    .slice(columns ? 1 : 0)
    .map((record) => readRow(record, columns ?? { file: 0, text: 1 }));
  refuseDuplicates(rows);
  return rows;
}

/** Writes metadata.csv as it is commonly written: no header, LF, captions always quoted. */
export function formatMetadataCsv(rows: readonly { readonly file: string; readonly text: string }[]): string {
  // A first row that reads like a header would be lost on the way back.
  const header = rows.length > 0 && headerColumns({ line: 1, fields: [rows[0].file, rows[0].text] });
  const body = rows.map(({ file, text }) => `${quoteIfNeeded(file)},${quote(text)}\n`).join('');
  return header ? `file_name,text\n${body}` : body;
}

/** The form in which file names are compared: macOS hands out decomposed Unicode, others composed. */
export function fileKey(name: string): string {
  return name
    .replaceAll('\\', '/')
    .replace(/^(\.\/)+/, '')
    .normalize('NFC');
}

/** Reads a caption file beside an image: its first line only, trimmed, as kohya does. Empty file: ''. */
export function readSidecar(input: Uint8Array | string): string {
  const [first] = decodeText(input, 'This caption file').split(/\r\n|\n|\r/, 1);
  return first.trim();
}

function decodeText(input: Uint8Array | string, what: string): string {
  if (input.length > maxBytes) {
    throw new CaptionFileError('too-large', `${what} is larger than 64 MiB, so it is no caption file.`, 1);
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input, what);
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    const line = countLines(text.slice(0, nul));
    throw new CaptionFileError(
      'control-character',
      `${what} holds a NUL character in line ${line}, so it is not plain text.`,
      line,
    );
  }
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  const advice = 'Save it as UTF-8 (in Notepad: Save as, Encoding) and choose it again.';
  const mark = bytes.length >= 2 ? (bytes[0] << 8) | bytes[1] : 0;
  if (mark === 0xfffe || mark === 0xfeff) {
    throw new CaptionFileError('encoding', `${what} is saved as UTF-16. ${advice}`, 1);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const line = firstBadLine(bytes);
    throw new CaptionFileError(
      'encoding',
      `${what} is not UTF-8 in line ${line}; it may be GBK or another local encoding. ${advice}`,
      line,
    );
  }
}

/** Decodes line by line (0x0A is never part of a longer UTF-8 character) to find the one that fails. */
function firstBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end;
  }
  return line;
}

function recordsOf(text: string): CsvRecord[] {
  try {
    return parseCsv(text, 'metadata.csv');
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { code, line } = error;
    const advice =
      code === 'unclosed-quote'
        ? 'Add the closing quote.'
        : 'Put the whole caption in quotes and write a quote inside it twice ("").';
    throw new CaptionFileError(code, `${error.message} ${advice}`, line);
  }
}

interface Columns {
  readonly file: number;
  readonly text: number;
}

const fileHeaders = new Set([
  'file_name',
  'filename',
  'file',
  'image',
  'images',
  'image_path',
  'path',
  'image_name',
  'img',
]);
const textHeaders = new Set(['text', 'caption', 'captions', 'prompt', 'tags', 'description', 'label']);

/** Which columns are which, if this record is a header. */
function headerColumns({ fields }: { fields: string[]; line: number }): Columns | undefined {
  const names = fields.map((field) => field.trim().toLowerCase());
  const file = names.findIndex((name) => fileHeaders.has(name));
  const text = names.findIndex((name) => textHeaders.has(name));
  return file >= 0 && text >= 0 ? { file, text } : undefined;
}

function readRow({ fields, line }: CsvRecord, columns: Columns): CaptionRow {
  const expected = Math.max(columns.file, columns.text) + 1;
  if (fields.length < expected) {
    const sentence = `metadata.csv line ${line} has no caption: expected a file name, a comma and a caption.`;
    throw new CaptionFileError('too-few-fields', sentence, line);
  }
  if (expected === 2 && fields.length > 2) {
    const sentence = `metadata.csv line ${line} has ${fields.length} fields, expected 2. A caption with commas needs quotes around it: img01.jpg,"one, two".`;
    throw new CaptionFileError('too-many-fields', sentence, line);
  }
  const file = fields[columns.file].trim().replaceAll('\\', '/');
  if (file === '')
    throw new CaptionFileError('empty-name', `metadata.csv line ${line} has no file name.`, line);
  return { file, text: fields[columns.text].trim(), line };
}

function refuseDuplicates(rows: readonly CaptionRow[]): void {
  const lines = new Map<string, number>();
  for (const { file, line } of rows) {
    const other = lines.get(fileKey(file));
    if (other !== undefined) {
      const sentence = `metadata.csv names "${file}" in line ${other} and again in line ${line}. Keep one of them.`;
      throw new CaptionFileError('duplicate-name', sentence, line);
    }
    lines.set(fileKey(file), line);
  }
}

function quoteIfNeeded(field: string): string {
  return /[",\r\n]|^\s|\s$|^\ufeff/.test(field) ? quote(field) : field;
}

function quote(field: string): string {
  return `"${field.replaceAll('"', '""')}"`;
}

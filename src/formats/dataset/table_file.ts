/**
 * A file that may hold the captions of many pictures, from its bytes to its rows. One function without state, so that a
 * page can have it done for a large file in another thread.
 */
import { CaptionFileError, joinLines, textOf, type CaptionErrorCode } from './caption_file';
import { nameOf } from './kinds';
import type { TableRow } from './pairing';
import { readJsonTable, readTable } from './tables';
import { decodeText, type Encoding } from './text';

export type TableFile =
  /** `foreign`: it took the encoding that was chosen. Captions are one line each, as they are trained on. */
  | { readonly is: 'rows'; readonly rows: readonly TableRow[]; readonly foreign: boolean }
  /** In an encoding that nothing tells, and none was chosen. */
  | { readonly is: 'foreign' }
  /** A JSON of something else. */
  | { readonly is: 'other' }
  | {
      readonly is: 'broken';
      readonly code: CaptionErrorCode;
      readonly line: number;
      readonly sentence: string;
    };

export type ReadTableFile = (bytes: Uint8Array, path: string, encoding?: Encoding) => Promise<TableFile>;

/** `path` ends in .csv, .tsv, .jsonl or .json. */
export function readTableFile(bytes: Uint8Array, path: string, encoding?: Encoding): TableFile {
  const plain = decodeText(bytes);
  const foreign = 'problem' in plain && plain.problem === 'encoding';
  if (foreign && encoding === undefined) return { is: 'foreign' };
  const what = nameOf(path);
  try {
    const text = 'text' in plain ? plain.text : textOf(bytes, what, encoding);
    const rows = /\.json$/i.test(path) ? readJsonTable(text) : readTable(path, text, what);
    if (!rows) return { is: 'other' };
    // Only the first line of a caption is trained on, and a quoted one may have several.
    return { is: 'rows', rows: rows.map((row) => ({ ...row, text: joinLines(row.text).text })), foreign };
  } catch (error) {
    if (!(error instanceof CaptionFileError)) throw error;
    return { is: 'broken', code: error.code, line: error.line, sentence: error.message };
  }
}

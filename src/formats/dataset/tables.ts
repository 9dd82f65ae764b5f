/**
 * Files that hold the captions of many pictures: metadata.csv and other tables of the kind, `metadata.jsonl` of
 * Hugging Face's imagefolder, and the JSON that sd-scripts' fine-tuning tools write (`meta_cap.json`, `meta_lat.json`).
 */
import { parseBoundedJson } from '../text/bounded_json';
import { CaptionFileError } from './caption_file';
import { fileHeaders, readCsvTable, textHeaders } from './metadata_csv';
import type { TableRow } from './pairing';

/** The rows of a .csv, .tsv or .jsonl. `what` begins the sentence of the CaptionFileError. */
export function readTable(path: string, text: string, what: string): TableRow[] {
  return path.toLowerCase().endsWith('.jsonl') ? readJsonLines(text, what) : readCsvTable(text, what).rows;
}

/** Whether a caption table's name says so: a table of another name that cannot be read is of something else. */
export function isNamedForCaptions(name: string): boolean {
  return /^(metadata|captions?|labels?)\.[a-z]+$|^meta_/i.test(name);
}

/** The rows of a JSON that holds captions; undefined where it holds something else. */
export function readJsonTable(text: string): TableRow[] | undefined {
  let value: unknown;
  try {
    value = parseBoundedJson(text, { values: 1_000_000, depth: 20 });
  } catch {
    return undefined;
  }
  const rows = Array.isArray(value) ? value.map(rowOf) : entriesOf(value);
  const known = rows.filter((row) => row !== undefined);
  // A list of something else may have one such entry by chance.
  return known.length > 0 && known.length * 2 > rows.length ? known : undefined;
}

const maxLines = 100_000;

/** `{"file_name": "1.png", "text": "a cat"}` a line. */
function readJsonLines(text: string, what: string): TableRow[] {
  const rows: TableRow[] = [];
  for (const [index, line] of text.split(/\r\n|\n|\r/, maxLines + 1).entries()) {
    if (index >= maxLines)
      throw new CaptionFileError(
        'too-many',
        `${what} has more than ${maxLines} lines. Divide it into several.`,
        index,
      );
    if (line.trim() === '') continue;
    let row: TableRow | undefined;
    try {
      row = rowOf(parseBoundedJson(line, { values: 10_000, depth: 20 }), index);
    } catch {
      const sentence = `${what} is no JSON in line ${index + 1}. Write one object a line: {"file_name": "1.png", "text": "a cat"}.`;
      throw new CaptionFileError('json', sentence, index + 1);
    }
    if (row) rows.push({ ...row, line: index + 1 });
    else {
      const sentence = `${what} line ${index + 1} has no file name and caption. Write {"file_name": "1.png", "text": "a cat"}.`;
      throw new CaptionFileError('too-few-fields', sentence, index + 1);
    }
  }
  return rows;
}

function rowOf(value: unknown, index: number): TableRow | undefined {
  const file = textUnder(value, fileHeaders)?.trim();
  const text = textUnder(value, textHeaders);
  if (!file || text === undefined) return undefined;
  return { file: file.replaceAll('\\', '/'), text: text.trim(), line: index + 1 };
}

/** The first of the names, as they rank, under which a text stands. */
function textUnder(value: unknown, names: ReadonlySet<string>): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const byName = new Map(
    Object.entries(value).map(([name, entry]) => [name.toLowerCase(), entry as unknown]),
  );
  for (const name of names) {
    const entry = byName.get(name);
    if (typeof entry === 'string') return entry;
  }
  return undefined;
}

/** kohya's: the picture's path, with an ending or without, and under it `caption`, `tags` or both. */
function entriesOf(value: unknown): (TableRow | undefined)[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).map(([file, entry]: [string, unknown], index) => {
    if (typeof entry !== 'object' || entry === null) return undefined;
    const { caption, tags } = entry as { caption?: unknown; tags?: unknown };
    // sd-scripts puts the tags behind the caption (train_util.py, FineTuningDataset).
    const texts = [caption, tags].filter((each) => typeof each === 'string' && each.trim() !== '');
    if (typeof caption !== 'string' && typeof tags !== 'string') return undefined;
    return { file: file.replaceAll('\\', '/'), text: texts.join(', '), line: index + 1 };
  });
}

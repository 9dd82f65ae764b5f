/**
 * `metadata.csv` as people have it: a file name and a caption a line, with or without a header and further columns,
 * parted by commas, semicolons or tabs. Read strictly, because a guess would train on a wrong caption; written as
 * lora-scripts writes it, or changed in place with everything else left as it was.
 */
import { CaptionFileError, textOf } from './caption_file';
import { CsvError, parseCsv, type CsvRecord, type Separator } from './csv';
import { fileKey, kindOf } from './kinds';

/** One image and its caption. `line` is where its record begins in the file. */
export interface CaptionRow {
  readonly file: string;
  readonly text: string;
  readonly line: number;
}

export interface CsvTable {
  readonly rows: CaptionRow[];
  readonly separator: Separator;
  readonly columns: Columns;
  /** The first line names the columns. */
  readonly header: boolean;
  /** The records of `rows`, in the same order. */
  readonly records: CsvRecord[];
}

export interface Columns {
  readonly file: number;
  readonly text: number;
  /** How many there are. */
  readonly count: number;
}

/**
 * Reads metadata.csv: the rows of `readCsvTable`. Bytes must be UTF-8 or UTF-16. Throws CaptionFileError.
 */
export function parseMetadataCsv(input: Uint8Array | string): CaptionRow[] {
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input;
  return readCsvTable(textOf(bytes, 'metadata.csv'), 'metadata.csv').rows;
}

/**
 * A table with BOM or without, LF, CRLF or CR, with or without a header (`file_name,text`, `image,caption`, ... in any
 * order and among others). Backslashes in names become slashes. `what` begins the sentence of a CaptionFileError.
 */
export function readCsvTable(given: string, what: string): CsvTable {
  const text = given.startsWith('\ufeff') ? ` ${given.slice(1)}` : given;
  const separator = separatorOf(text, what);
  const all = recordsOf(text, what, separator);
  const named = all.length > 0 ? headerColumns(all[0].fields) : undefined;
  const columns = named ?? { file: 0, text: 1, count: 2 };
  const records = all.slice(named ? 1 : 0);
  const rows = records.map((record) => readRow(record, columns, named !== undefined, what));
  refuseDuplicates(rows, what);
  return { rows, separator, columns, header: named !== undefined, records };
}

/** Writes metadata.csv as it is commonly written: no header, LF, captions always quoted. */
export function formatMetadataCsv(rows: readonly { readonly file: string; readonly text: string }[]): string {
  // A first row that reads like a header would be lost on the way back.
  const header = rows.length > 0 && headerColumns([rows[0].file, rows[0].text]) !== undefined;
  const body = rows.map(({ file, text }) => `${quoteIfNeeded(file, ',')},${quote(text)}\n`).join('');
  return header ? `file_name,text\n${body}` : body;
}

/**
 * The table with other captions in the rows numbered as in `rows`, and new rows behind. Header, other columns, order,
 * line ends and every row that is not named stay byte for byte.
 */
export function editCsvTable(
  given: string,
  changes: ReadonlyMap<number, string>,
  added: readonly { readonly file: string; readonly text: string }[],
): string {
  const table = readCsvTable(given, 'metadata.csv');
  const { separator, columns, records } = table;
  const parts: string[] = [];
  let from = 0;
  for (const [index, record] of records.entries()) {
    const text = changes.get(index);
    if (text === undefined) continue;
    const [start, end] = record.spans[columns.text];
    parts.push(given.slice(from, start), quote(text));
    from = end;
  }
  parts.push(given.slice(from));
  const newline = /\r\n|\n|\r/.exec(given)?.[0] ?? '\n';
  const body = parts.join('');
  const ended = body === '' || body === '\ufeff' || /[\r\n]$/.test(body);
  const lines = added.map(({ file, text }) => {
    const fields = Array.from({ length: columns.count }, () => '');
    fields[columns.file] = quoteIfNeeded(file, separator);
    fields[columns.text] = quote(text);
    return fields.join(separator) + newline;
  });
  return body + (lines.length > 0 && !ended ? newline : '') + lines.join('');
}

/** Which of two or more columns of these names are which, if this is a header. */
export function headerColumns(fields: readonly string[]): Columns | undefined {
  const names = fields.map((field) => field.trim().toLowerCase());
  const file = names.findIndex((name) => fileHeaders.has(name));
  const text = names.findIndex((name) => textHeaders.has(name));
  return file >= 0 && text >= 0 ? { file, text, count: fields.length } : undefined;
}

export const fileHeaders: ReadonlySet<string> = new Set(
  'file_name filename file image images image_path image_file path file_path filepath image_name img name'.split(
    ' ',
  ),
);
export const textHeaders: ReadonlySet<string> = new Set(
  'text caption captions prompt tags description label'.split(' '),
);

/** The one whose first field is a header or a picture's name, else the first to stand in the line. */
function separatorOf(text: string, what: string): Separator {
  const candidates = separators.flatMap((separator) => {
    const [first] = firstRecord(text, what, separator);
    return first && first.fields.length > 1
      ? [{ separator, fields: first.fields, at: first.spans[0][1] }]
      : [];
  });
  const best =
    candidates.find(({ fields }) => headerColumns(fields)) ??
    candidates.find(({ fields }) => kindOf(fields[0].trim()) === 'picture') ??
    candidates.sort((a, b) => a.at - b.at).at(0);
  return best?.separator ?? ',';
}

const separators: readonly Separator[] = [',', ';', '\t'];

function firstRecord(text: string, what: string, separator: Separator): CsvRecord[] {
  try {
    return parseCsv(text, what, separator, 1);
  } catch {
    return [];
  }
}

function recordsOf(text: string, what: string, separator: Separator): CsvRecord[] {
  try {
    return parseCsv(text, what, separator);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { code, line } = error;
    const advice =
      code === 'unclosed-quote'
        ? 'Add the closing quote.'
        : code === 'too-many'
          ? 'Divide it into several.'
          : 'Put the whole caption in quotes and write a quote inside it twice ("").';
    throw new CaptionFileError(code, `${error.message} ${advice}`, line);
  }
}

function readRow({ fields, line }: CsvRecord, columns: Columns, header: boolean, what: string): CaptionRow {
  if (fields.length <= Math.max(columns.file, columns.text)) {
    const sentence = `${what} line ${line} has no caption: expected a file name, a comma and a caption.`;
    throw new CaptionFileError('too-few-fields', sentence, line);
  }
  // A header says how many there are; without one, nothing tells further columns from a caption with commas.
  if (
    fields.length > columns.count &&
    (!header || fields.slice(columns.count).some((field) => field.trim()))
  ) {
    const sentence = `${what} line ${line} has ${fields.length} fields, expected ${columns.count}. A caption with commas needs quotes around it: img01.jpg,"one, two".`;
    throw new CaptionFileError('too-many-fields', sentence, line);
  }
  const file = fields[columns.file].trim().replaceAll('\\', '/');
  if (file === '') throw new CaptionFileError('empty-name', `${what} line ${line} has no file name.`, line);
  return { file, text: fields[columns.text].trim(), line };
}

/** Twice the same caption is once said twice. */
function refuseDuplicates(rows: readonly CaptionRow[], what: string): void {
  const seen = new Map<string, CaptionRow>();
  for (const row of rows) {
    const other = seen.get(fileKey(row.file));
    if (other && other.text !== row.text) {
      const sentence = `${what} names "${row.file}" in line ${other.line} and again in line ${row.line}. Keep one of them.`;
      throw new CaptionFileError('duplicate-name', sentence, row.line);
    }
    seen.set(fileKey(row.file), row);
  }
}

function quoteIfNeeded(field: string, separator: Separator): string {
  return /["\r\n]|^\s|\s$|^\ufeff/.test(field) || field.includes(separator) ? quote(field) : field;
}

function quote(field: string): string {
  return `"${field.replaceAll('"', '""')}"`;
}

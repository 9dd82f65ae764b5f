/**
 * Comma-separated values as RFC 4180 has them, read strictly: a stray quote is reported with its line, never guessed
 * at. What the fields mean is the caller's.
 */

export interface CsvRecord {
  readonly fields: string[];
  /** Where the record begins, counted from 1. */
  readonly line: number;
}

export class CsvError extends Error {
  override name = 'CsvError';
  constructor(
    readonly code: 'stray-quote' | 'unclosed-quote',
    sentence: string,
    readonly line: number,
  ) {
    super(sentence);
  }
}

/** Throws CsvError. `what` begins its sentence. */
export function parseCsv(text: string, what: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  const plain = /[^",\r\n]*/y;
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const record: CsvRecord = { fields: [], line };
    for (;;) {
      if (text[at] === '"') {
        const body = quotedBody(text, at + 1);
        if (body === undefined) {
          throw new CsvError(
            'unclosed-quote',
            `${what} opens a quote in line ${line} that is never closed.`,
            line,
          );
        }
        record.fields.push(body.replaceAll('""', '"'));
        at += body.length + 2;
        line += countLines(body) - 1;
      } else {
        plain.lastIndex = at;
        const body = plain.exec(text)?.[0] ?? '';
        record.fields.push(body);
        at += body.length;
      }
      if (text[at] === ',') {
        at++;
        continue;
      }
      break;
    }
    if (at < text.length && text[at] !== '\n' && text[at] !== '\r') {
      const sentence = `${what} has a stray quote or text after a quote in line ${line}.`;
      throw new CsvError('stray-quote', sentence, line);
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at++;
    at++;
    line++;
    // A blank line holds no record.
    if (record.fields.length > 1 || record.fields[0].trim() !== '') records.push(record);
  }
  return records;
}

/** The text up to the closing quote, doubled quotes still doubled; undefined where there is none. */
function quotedBody(text: string, start: number): string | undefined {
  for (let at = start; ; at += 2) {
    at = text.indexOf('"', at);
    if (at < 0) return undefined;
    if (text[at + 1] !== '"') return text.slice(start, at);
  }
}

export function countLines(text: string): number {
  return (text.match(/\r\n|\n|\r/g)?.length ?? 0) + 1;
}

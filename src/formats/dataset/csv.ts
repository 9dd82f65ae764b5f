/**
 * Comma-separated values as RFC 4180 has them, also with another separator, read strictly: a stray quote is reported
 * with its line, never guessed at. Spaces around a quoted field are no stray text. What the fields mean is the caller's.
 */
import { countLines } from './text';

export type Separator = ',' | ';' | '\t';

export interface CsvRecord {
  readonly fields: string[];
  /** Where each field lies in the text, with its quotes: [start, end). */
  readonly spans: (readonly [number, number])[];
  /** Where the record begins, counted from 1. */
  readonly line: number;
}

export class CsvError extends Error {
  override name = 'CsvError';
  constructor(
    readonly code: 'stray-quote' | 'unclosed-quote' | 'too-many',
    sentence: string,
    readonly line: number,
  ) {
    super(sentence);
  }
}

/** Bounds far beyond any table of captions: each field takes some hundred bytes of memory. */
export const csvLimits = { records: 100_000, fields: 500_000 } as const;

/** Throws CsvError. `what` begins its sentence; at most `limit` records are read. */
export function parseCsv(
  text: string,
  what: string,
  separator: Separator = ',',
  limit = Infinity,
): CsvRecord[] {
  const records: CsvRecord[] = [];
  const plain = new RegExp(`[^"${separator}\\r\\n]*`, 'y');
  const opening = separator === '\t' ? / *"/y : /[ \t]*"/y;
  const trailing = separator === '\t' ? / */y : /[ \t]*/y;
  let at = 0;
  let line = 1;
  let fields = 0;
  const matched = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? '';
  };
  while (at < text.length && records.length < limit) {
    const record: CsvRecord = { fields: [], spans: [], line };
    for (;;) {
      const start = at;
      const quote = matched(opening);
      if (quote !== '') {
        const body = quotedBody(text, at + quote.length);
        if (body === undefined) {
          const sentence = `${what} opens a quote in line ${line} that is never closed.`;
          throw new CsvError('unclosed-quote', sentence, line);
        }
        record.fields.push(body.replaceAll('""', '"'));
        at += quote.length + body.length + 1;
        record.spans.push([start, at]);
        at += matched(trailing).length;
        line += countLines(body) - 1;
      } else {
        const body = matched(plain);
        record.fields.push(body);
        at += body.length;
        record.spans.push([start, at]);
      }
      if (++fields > csvLimits.fields || records.length >= csvLimits.records) {
        const sentence = `${what} has more than ${csvLimits.records} rows or ${csvLimits.fields} fields, up to line ${line}.`;
        throw new CsvError('too-many', sentence, line);
      }
      if (text[at] !== separator) break;
      at++;
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

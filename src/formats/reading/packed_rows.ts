/**
 * Rows of captions on their way between threads. A hundred thousand small objects take a tenth of a second to be taken
 * over; one long text and two lists of numbers take a hundredth.
 */
import { Breath } from '../dataset/at_a_time';
import type { TableRow } from '../dataset/pairing';

export interface PackedRows {
  /** File names and captions, one behind the other. */
  readonly text: string;
  /** Of each row: where its name ends in `text`, where its caption does, its line. */
  readonly numbers: Uint32Array;
}

export function packRows(rows: readonly TableRow[]): PackedRows {
  const numbers = new Uint32Array(3 * rows.length);
  let end = 0;
  for (const [i, { file, text, line }] of rows.entries()) {
    numbers[3 * i] = end += file.length;
    numbers[3 * i + 1] = end += text.length;
    numbers[3 * i + 2] = line;
  }
  return { text: rows.map(({ file, text }) => file + text).join(''), numbers };
}

/** With pauses, so that a page answers in between. */
export async function unpackRows({ text, numbers }: PackedRows): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  const breath = new Breath();
  let start = 0;
  for (let at = 0; at < numbers.length; at += 3) {
    const [named, said, line] = numbers.subarray(at, at + 3);
    rows.push({ file: text.slice(start, named), text: text.slice(named, said), line });
    start = said;
    if (at % 3000 === 0 && breath.due) await breath.take();
  }
  return rows;
}

/**
 * The run's log. It is the least that a run leaves behind, so it never ends one: where it cannot be written (a full disk,
 * a folder that is gone), that is told once, and tried again with the next line.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { whyNotWritten } from './not_written';

/** Writes lines with their time behind what is in the file; `tell` gets a sentence where that fails. */
export function trainLog(path: string, tell: (sentence: string) => void): (line: string) => void {
  let failing = false;
  return (line) => {
    const text = `${new Date().toISOString()} ${line}\n`;
    try {
      append(path, text);
      failing = false;
    } catch (error) {
      if (failing) return;
      failing = true;
      void whyNotWritten(error, dirname(path), text.length).then((why) =>
        tell(`note: the log is not written. ${why} The run goes on.`),
      );
    }
  };
}

/** The log's own folder may be made again; the one it lies in is for others to miss. */
function append(path: string, text: string): void {
  try {
    appendFileSync(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path));
    appendFileSync(path, text);
  }
}

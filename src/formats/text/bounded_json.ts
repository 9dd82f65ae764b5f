/**
 * JSON from outside with bounds on how much it may hold: what `JSON.parse` makes of a few megabytes of `[],[],` takes
 * hundreds. Counted before anything is made, in one pass over the text.
 */

/** It holds more than it may; for the reader to say in its own words. */
export class JsonBoundError extends Error {
  override name = 'JsonBoundError';
  constructor(
    readonly code: 'values' | 'depth',
    readonly most: number,
  ) {
    super(`The JSON holds more than ${most} ${code === 'values' ? 'values' : 'lists within each other'}.`);
  }
}

export interface JsonBounds {
  /** Values in all, those within lists and objects included. */
  readonly values: number;
  readonly depth: number;
}

/** Throws JsonBoundError, or SyntaxError as `JSON.parse` does. */
export function parseBoundedJson(text: string, bounds: JsonBounds): unknown {
  checkBounds(text, bounds);
  return JSON.parse(text);
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Where the text is no JSON it may be counted wrongly; the parser then refuses it, having made no more than was counted. */
function checkBounds(text: string, { values, depth }: JsonBounds): void {
  let count = 1;
  let deep = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text.charCodeAt(at);
    if (inText) {
      if (letter === BACKSLASH) at++;
      else if (letter === QUOTE) inText = false;
    } else if (letter === QUOTE) inText = true;
    else if (letter === COMMA || letter === COLON) count++;
    else if (letter === OPEN_LIST || letter === OPEN_OBJECT) {
      count++;
      if (++deep > depth) throw new JsonBoundError('depth', depth);
    } else if (letter === CLOSE_LIST || letter === CLOSE_OBJECT) deep--;
    if (count > values) throw new JsonBoundError('values', values);
  }
}

// A strict JSON reader for hostile headers: objects become Maps (so `__proto__` is a name like any other),
// duplicate names are an error (JSON.parse keeps the last one silently), nesting is bounded, and numbers
// keep their text, because a 64-bit offset does not fit a double. Grammar: RFC 8259.

/** A number as it was written; `toCount` reads the ones that are counts. */
export class JsonNumber {
  constructor(readonly text: string) {}
}
export type JsonObject = Map<string, JsonValue>;
export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject;

/** Broken JSON. `position` counts UTF-16 units from the start of the text. */
export class JsonError extends Error {
  override name = 'JsonError';
  constructor(
    readonly code: 'syntax' | 'duplicate' | 'depth' | 'values',
    readonly position: number,
    readonly expected: string,
    readonly got: string,
  ) {
    super(`Expected ${expected} at character ${position}, got ${got}.`);
  }
}

/** Objects and lists within each other, as deep as serde_json, which the reference safetensors implementation uses. */
const maxDepth = 127;
/** A model has some thousand tensors, of eight values each. */
const maxValues = 500_000;

/**
 * Reads one JSON value that fills `text`. Throws JsonError for anything RFC 8259 refuses, and also for
 * duplicate names, lone surrogate escapes, numbers beyond a double, nesting deeper than 127, and more than `mostValues`
 * values, names not counted.
 */
export function parseStrictJson(text: string, mostValues = maxValues): JsonValue {
  const reader = new Reader(text, mostValues);
  reader.space();
  const value = reader.value(0);
  reader.space();
  if (!reader.ended) reader.fail('the end of the header');
  return value;
}

/** The number as a count (whole, not negative, exactly representable), else undefined. */
export function toCount(value: JsonValue | undefined): number | undefined {
  if (!(value instanceof JsonNumber) || !/^\d{1,16}$/.test(value.text)) return undefined;
  const count = Number(value.text);
  return Number.isSafeInteger(count) ? count : undefined;
}

class Reader {
  private at = 0;
  private count = 0;
  constructor(
    private readonly text: string,
    private readonly mostValues: number,
  ) {}

  get ended(): boolean {
    return this.at >= this.text.length;
  }

  fail(expected: string, at = this.at, code: JsonError['code'] = 'syntax'): never {
    const got =
      at < this.text.length ? JSON.stringify(this.text.slice(at, at + 12)) : 'the end of the header';
    throw new JsonError(code, at, expected, got);
  }

  space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  value(depth: number): JsonValue {
    const first = this.text[this.at];
    if (++this.count > this.mostValues) this.fail(`at most ${this.mostValues} values`, this.at, 'values');
    if (depth >= maxDepth && (first === '{' || first === '[')) {
      this.fail(`nesting no deeper than ${maxDepth}`, this.at, 'depth');
    }
    switch (first) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private object(depth: number): JsonObject {
    const object: JsonObject = new Map();
    this.at++;
    this.space();
    if (this.take('}')) return object;
    for (;;) {
      const nameAt = this.at;
      if (this.text[this.at] !== '"') this.fail('a name in double quotes');
      const name = this.string();
      if (object.has(name))
        this.fail(`each name once, but "${name.slice(0, 80)}" twice`, nameAt, 'duplicate');
      this.space();
      if (!this.take(':')) this.fail('":"');
      this.space();
      object.set(name, this.value(depth + 1));
      this.space();
      if (this.take('}')) return object;
      if (!this.take(',')) this.fail('"," or "}"');
      this.space();
    }
  }

  private array(depth: number): JsonValue[] {
    const array: JsonValue[] = [];
    this.at++;
    this.space();
    if (this.take(']')) return array;
    for (;;) {
      array.push(this.value(depth + 1));
      this.space();
      if (this.take(']')) return array;
      if (!this.take(',')) this.fail('"," or "]"');
      this.space();
    }
  }

  private string(): string {
    const start = this.at;
    this.skipString();
    const text = this.parseString(start);
    if (!text.isWellFormed()) this.fail('paired surrogates in this string', start);
    return text;
  }

  /** Moves behind the closing quote; an escape's next character is never that quote. */
  private skipString(): void {
    for (this.at++; this.at < this.text.length; this.at++) {
      const code = this.text.charCodeAt(this.at);
      if (code === 0x5c) this.at++;
      else if (code === 0x22) {
        this.at++;
        return;
      }
    }
    this.at = this.text.length;
    this.fail('a closing quote');
  }

  /** A string alone has no names to double and no depth, so the platform's own reader serves. */
  private parseString(start: number): string {
    const text = this.text.slice(start, this.at);
    try {
      return String(JSON.parse(text));
    } catch {
      return this.fail('a string without control characters or unknown escapes', start);
    }
  }

  private number(): JsonNumber {
    number.lastIndex = this.at;
    const text = number.exec(this.text)?.[0];
    if (text === undefined) this.fail('a value');
    if (!Number.isFinite(Number(text))) this.fail('a number within a double');
    this.at += text.length;
    return new JsonNumber(text);
  }

  private word<T extends JsonValue>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('a value');
    this.at += word.length;
    return value;
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }
}

// Sticky: matches at `lastIndex` only.
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

// Values as Python prints them. kohya writes metadata through `str()` and `json.dumps`, and WebUI shows and
// compares those strings, so ours are made the same way.

/** What metadata is made of. Numbers that are floats in Python are wrapped by `float`. */
export type PythonValue = null | boolean | number | string | PythonFloat | readonly PythonValue[];

/** A number that Python holds as a float: 1 prints as `1.0`. */
export class PythonFloat {
  constructor(readonly value: number) {}
}

/** Marks a number as a Python float. */
export function float(value: number): PythonFloat {
  return new PythonFloat(value);
}

/** `str(value)`: None, True, 1, 1e-05, text as it is, lists as `[1, 2]`. */
export function pythonStr(value: PythonValue): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'None';
  if (value instanceof PythonFloat) return floatRepr(value.value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : floatRepr(value);
  return `[${value.map((item) => (typeof item === 'string' ? stringRepr(item) : pythonStr(item))).join(', ')}]`;
}

/** `repr` of a float. Both languages print the shortest digits that read back; only the layout differs. */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [, sign, first, rest = '', power] =
    /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential()) ?? [];
  const exponent = Number(power);
  const digits = first + rest;
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${first}${rest && `.${rest}`}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return quote + body.replaceAll(quote, `\\${quote}`) + quote;
}

/** What `pythonJson` writes; a Map or plain object becomes an object, in its own order. */
export type PythonJson =
  | null
  | boolean
  | number
  | string
  | PythonFloat
  | readonly PythonJson[]
  | ReadonlyMap<string | number, PythonJson>
  | { readonly [key: string]: PythonJson };

/** `json.dumps(value)` with its defaults: `", "` and `": "`, every non-ASCII character as \uXXXX. */
export function pythonJson(value: PythonJson): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return asciiJson(value);
  if (value instanceof PythonFloat) return jsonFloat(value.value);
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : jsonFloat(value);
  if (isList(value)) return `[${value.map(pythonJson).join(', ')}]`;
  const pairs = value instanceof Map ? [...value] : Object.entries(value);
  return `{${pairs.map(([key, item]) => `${asciiJson(String(key))}: ${pythonJson(item)}`).join(', ')}}`;
}

function isList(value: PythonJson): value is readonly PythonJson[] {
  return Array.isArray(value);
}

function jsonFloat(value: number): string {
  if (Number.isFinite(value)) return floatRepr(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

function asciiJson(text: string): string {
  const escaped = JSON.stringify(text).replaceAll('\u007f', '\\u007f');
  return escaped.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

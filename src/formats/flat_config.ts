// A settings file in JSON, TOML or YAML as one flat list of values, the way sd-scripts reads its own: headings are
// for people, and of several data sets the first counts. It knows no field's meaning; kohya_config.ts does.
import { parse as parseToml, TomlError } from 'smol-toml';
import { parseDocument } from 'yaml';
import { ConfigError } from './config';
import { JsonError, JsonNumber, parseStrictJson } from './strict_json';

/** Values by name; `null` where the file says "none". Lists are flat. */
export type FlatValues = ReadonlyMap<string, unknown>;

/** The configurations of other trainers are longer than ours: kohya_ss writes some 200 fields. */
const maxLength = 200_000;
const maxDepth = 6;

/** Throws ConfigError with one sentence, and the line where the notation knows it. */
export function readFlat(text: string): { notation: 'json' | 'toml' | 'yaml'; values: FlatValues } {
  if (text.length > maxLength) {
    fail('too-large', 0, `This file is larger than ${maxLength / 1000} KB, so it holds no settings.`);
  }
  const notation = notationOf(text);
  const tree = { json: fromJson, toml: fromToml, yaml: fromYaml }[notation](text);
  if (!isTable(tree)) fail('not-a-map', 1, 'This is no settings file: it has no list of names and values.');
  const values = new Map<string, unknown>();
  flatten(tree, values, 0);
  return { notation, values };
}

/** JSON begins with a brace; TOML has `name = value` or a heading in brackets where YAML has `name: value`. */
function notationOf(text: string): 'json' | 'toml' | 'yaml' {
  if (/^\s*[{[]\s*["{}\]]/.test(text) && !/^\s*\[[\w.-]+\]\s*$/m.test(text)) return 'json';
  const first = /^[ \t]*(?:\[\[?[\w ."'-]+\]\]?[ \t]*(?:#.*)?$|[\w"'.-]+[ \t]*([=:]))/m.exec(text);
  return first && first[1] !== ':' ? 'toml' : 'yaml';
}

type Table = ReadonlyMap<string, unknown>;

function flatten(table: Table, into: Map<string, unknown>, depth: number): void {
  if (depth > maxDepth) fail('forbidden', 0, 'Lists are nested too deeply for settings.');
  for (const [key, value] of table) {
    if (isTable(value)) flatten(value, into, depth + 1);
    else if (Array.isArray(value) && value.length > 0 && value.every(isTable)) {
      flatten(value[0], into, depth + 1);
      if (value.length > 1) into.set(`${key}[1]`, `${value.length - 1} more`);
    } else into.set(key, value);
  }
}

function isTable(value: unknown): value is Table {
  return value instanceof Map;
}

function fromJson(text: string): unknown {
  try {
    return numbers(parseStrictJson(text.replace(/^\ufeff/, '')));
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return fail('syntax', lineAt(text, error.position), `This is not valid JSON: ${error.message}`);
  }
}

function fromToml(text: string): unknown {
  try {
    return tables(parseToml(text.replace(/^\ufeff/, '')), 0);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Its message goes on with the lines around the place.
    return fail('syntax', error.line, `This is not valid TOML: ${error.message.split('\n')[0]}.`);
  }
}

function fromYaml(text: string): unknown {
  try {
    const document = parseDocument(text, {
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      logLevel: 'error',
      prettyErrors: false,
    });
    const [error] = document.errors;
    if (error) fail('syntax', lineAt(text, error.pos[0]), `This is not valid YAML: ${error.message}`);
    // No alias is followed: they are how a small file becomes a large one.
    return document.toJS({ mapAsMap: true, maxAliasCount: 0 });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return fail(
      'syntax',
      0,
      `This cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** JSON's numbers, which the strict reader keeps as text. */
function numbers(value: unknown): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(numbers);
  return isTable(value) ? new Map([...value].map(([key, item]) => [key, numbers(item)])) : value;
}

/** TOML's plain objects as maps, so that `__proto__` is a name like any other. */
function tables(value: unknown, depth: number): unknown {
  if (depth > maxDepth) return fail('forbidden', 0, 'Lists are nested too deeply for settings.');
  if (Array.isArray(value)) return value.map((item) => tables(item, depth + 1));
  if (value instanceof Date || typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, tables(item, depth + 1)]));
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

function fail(
  code: 'syntax' | 'too-large' | 'not-a-map' | 'forbidden',
  line: number,
  sentence: string,
): never {
  throw new ConfigError([{ code, line, sentence }]);
}

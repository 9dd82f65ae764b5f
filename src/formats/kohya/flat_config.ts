// A settings file in JSON, TOML, YAML or as a command line, as a tree of maps and then as one list of values with the
// path each stands at. It knows no field's meaning; kohya_config.ts and its neighbours do.
import { parse as parseToml, TomlError } from 'smol-toml';
import { isCommand, readCommand } from './command_line';
import { ConfigError } from '../config/config';
import { pathAdvice, type ConfigProblemCode } from '../config/config_values';
import { doubledNames, parseYaml, yamlRefusal } from '../config/yaml_text';
import { JsonError, JsonNumber, parseStrictJson } from '../safetensors/strict_json';

export type Notation = 'json' | 'toml' | 'yaml' | 'command';
export type Table = ReadonlyMap<string, unknown>;

/** One value of the file. `path` is unique: `datasets[0].subsets[1].is_reg`. */
export interface Entry {
  readonly path: string;
  /** `null` where the file says "none"; lists are of plain values. */
  readonly value: unknown;
}

/** The configurations of other trainers are longer than ours: kohya_ss writes some 200 fields. */
const maxLength = 200_000;
const maxDepth = 12;
/** OneTrainer writes some 600. */
const maxEntries = 5000;

/** Throws ConfigError with one sentence, and the line where the notation knows it. */
export function readTree(text: string): { notation: Notation; tree: Table | readonly unknown[] } {
  if (text.length > maxLength) {
    fail('too-large', 0, `This file is larger than ${maxLength / 1000} KB, so it holds no settings.`);
  }
  const notation = notationOf(text);
  const readers = { json: fromJson, toml: fromToml, yaml: fromYaml, command: readCommand };
  const tree = readers[notation](text);
  const isList = Array.isArray(tree) && tree.length > 0 && tree.every(isTable);
  if (!isTable(tree) && !isList) {
    fail('not-a-map', 1, 'This is no settings file: it has no list of names and values.');
  }
  return { notation, tree: tree };
}

/** Every value, in the order of the file; an empty map or list is a value too, so that no name is lost. */
export function entriesOf(tree: unknown): Entry[] {
  const found: Entry[] = [];
  walk(tree, '', 0, found);
  return found;
}

function walk(value: unknown, path: string, depth: number, into: Entry[]): void {
  if (depth > maxDepth) fail('forbidden', 0, 'Lists are nested too deeply for settings.');
  if (into.length > maxEntries)
    fail('too-large', 0, `This file has more than ${maxEntries} values, so it holds no settings.`);
  if (isTable(value) && (value.size > 0 || path === '')) {
    for (const [key, item] of value)
      walk(item, path === '' ? String(key) : `${path}.${String(key)}`, depth + 1, into);
  } else if (Array.isArray(value) && value.some((item) => isTable(item) || Array.isArray(item))) {
    for (const [index, item] of value.entries()) walk(item, `${path}[${index}]`, depth + 1, into);
  } else into.push({ path, value: isTable(value) ? null : value });
}

export function isTable(value: unknown): value is Table {
  return value instanceof Map;
}

/** JSON begins with a brace; TOML has `name = value` or a heading in brackets where YAML has `name: value`. */
function notationOf(text: string): Notation {
  if (isCommand(text)) return 'command';
  if (/^\s*[{[]\s*["{}\]]/.test(text) && !/^[ \t]*\[[\w.-]+\][ \t\r]*$/m.test(text)) return 'json';
  const first = /^[ \t]*(?:\[\[?[\w ."'-]+\]\]?[ \t]*(?:#.*)?$|[\w"'.-]+[ \t]*([=:]))/m.exec(text);
  return first && first[1] !== ':' ? 'toml' : 'yaml';
}

function fromJson(text: string): unknown {
  try {
    return numbers(parseStrictJson(text.replace(/^\ufeff/, '')));
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const line = lineAt(text, error.position);
    return onPath(text, line) ?? fail('syntax', line, `This is not valid JSON: ${error.message}`);
  }
}

function fromToml(text: string): unknown {
  try {
    return tables(parseToml(text.replace(/^\ufeff/, '')), 0);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const broken = onPath(text, error.line);
    // Its message goes on with the lines around the place.
    return broken ?? fail('syntax', error.line, `This is not valid TOML: ${error.message.split('\n')[0]}.`);
  }
}

function fromYaml(text: string): unknown {
  const refusal = yamlRefusal(text);
  if (refusal === 'too-large')
    fail('too-large', 0, 'This file is larger than 65 KB, so it holds no settings.');
  if (refusal === 'too-deep') fail('forbidden', 0, 'Lists are nested too deeply for settings.');
  try {
    const document = parseYaml(text);
    const [error] = document.errors;
    if (error) {
      const line = lineAt(text, error.pos[0]);
      if (error.code === 'BAD_DQ_ESCAPE') onPath(text, line);
      fail('syntax', line, `This is not valid YAML: ${error.message}`);
    }
    const [doubled] = doubledNames(document);
    if (doubled !== undefined)
      fail('duplicate', lineAt(text, doubled), 'This name stands here a second time. Keep one of them.');
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

/** Fails with what to do where the line that cannot be read has a Windows path in double quotes. */
function onPath(text: string, line: number): undefined {
  const shown = text.split('\n')[line - 1] ?? '';
  if (!/"(\p{L}:|\.{0,2}|\\)[^"]*\\/u.test(shown)) return undefined;
  const name = /^[\s{,]*["']?([\w.-]+)/.exec(shown)?.[1];
  return fail(
    'backslash',
    line,
    `${name ? `${name} ` : ''}is a Windows path in double quotes, where \\ is not itself. ${pathAdvice}`,
  );
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
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, tables(item, depth + 1)]));
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

function fail(code: ConfigProblemCode, line: number, sentence: string): never {
  throw new ConfigError([{ code, line, sentence }]);
}

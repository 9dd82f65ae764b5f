// The YAML configuration: a flat map of the fields in config_fields.ts. Reading lists every problem at once,
// each with its line. No tags, anchors or aliases: nothing in a configuration needs them, and they are how
// YAML files do harm. Writing is in config_format.ts.
import { isMap, isScalar, isSeq, LineCounter, visit, type Document, type Node } from 'yaml';
import { configFields, fieldList, isFieldName, otherNames, type TrainConfig } from './config_fields';
import { pathAdvice, readValue, type ConfigProblemCode } from './config_values';
import { doubledNames, parseYaml, yamlLimits, yamlRefusal } from './yaml_text';
import { isFileName } from './file_name';

/** One thing wrong, as a sentence. `line` counts from 1; 0 where there is no line. */
export interface ConfigProblem {
  readonly code: ConfigProblemCode;
  readonly line: number;
  readonly field?: string;
  readonly sentence: string;
  /** Which item of a list, counted from 1. */
  readonly item?: string;
}

/** A configuration cannot be used; `problems` lists everything wrong with it, by line. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(
      problems.map(({ line, sentence }) => (line > 0 ? `Line ${line}: ${sentence}` : sentence)).join('\n'),
    );
  }
}

type Values = { readonly [name: string]: unknown };

/** The defaults of all fields. */
export function defaultConfig(): TrainConfig {
  return complete({});
}

/**
 * Reads a configuration; fields it leaves out are as in `rest`, and where that has none, at their default. Throws
 * ConfigError with every problem: broken YAML, unknown fields (with the likely meant one), doubled keys, wrong types, values out of range.
 */
export function parseConfig(yamlText: string, rest: Values = {}): TrainConfig {
  const lines = new LineCounter();
  const document = readDocument(yamlText, lines);
  const { values, places, problems } = readFields(document, lines);
  const config = complete({ ...rest, ...values });
  if (problems.length === 0) problems.push(...conflicts(config, places));
  if (problems.length > 0) throw new ConfigError(problems.sort((a, b) => a.line - b.line));
  return config;
}

/**
 * Checks values that come from elsewhere (a form, a share link): the same rules as in a file.
 * Throws ConfigError.
 */
export function checkConfig(values: Readonly<Record<string, unknown>>): TrainConfig {
  const problems: ConfigProblem[] = [];
  const kept: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(values)) {
    if (!isFieldName(name)) {
      problems.push(unknownField(name, 0, problems.length < maxHints));
      continue;
    }
    const result = readValue(configFields[name], value, undefined);
    if ('problem' in result)
      problems.push({
        ...result.problem,
        line: 0,
        field: name,
        sentence: `${name}: ${result.problem.sentence}`,
      });
    else kept[name] = result.value;
  }
  const config = complete(kept);
  if (problems.length === 0) problems.push(...conflicts(config, new Map()));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Merges checked values over the defaults; the one place where a list of fields becomes a TrainConfig. */
function complete(values: Values): TrainConfig {
  const all = fieldList.map(({ name, field }) => [
    name,
    Object.hasOwn(values, name) ? values[name] : field.default,
  ]);
  return Object.fromEntries(all) as TrainConfig; // each value was read by its own field
}

function readDocument(text: string, lines: LineCounter): Document {
  const fail = (code: ConfigProblemCode, line: number, sentence: string): never => {
    throw new ConfigError([{ code, line, sentence }]);
  };
  const refusal = yamlRefusal(text);
  if (refusal === 'too-large') {
    const { length, lines: most } = yamlLimits;
    fail(
      'too-large',
      0,
      `This file is larger than ${length / 1000} KB or longer than ${most} lines, so it is no configuration.`,
    );
  }
  if (refusal === 'too-deep') fail('forbidden', 0, 'Lists are nested too deeply for a configuration.');
  const document = parse(text, lines);
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.slice(0, maxHints).map(({ code, message, pos }) => ({
        code: code === 'BAD_DQ_ESCAPE' ? 'backslash' : 'syntax',
        line: lines.linePos(pos[0]).line,
        sentence:
          code === 'BAD_DQ_ESCAPE'
            ? `This is a Windows path in double quotes, where \\ is not itself. ${pathAdvice}`
            : `This is not valid YAML: ${message}`,
      })),
    );
  }
  refuseExtras(document, lines);
  const doubled = doubledNames(document)
    .slice(0, maxHints)
    .map((offset) => ({
      code: 'duplicate' as const,
      line: lines.linePos(offset).line,
      sentence: 'This field stands here a second time. Keep one of them.',
    }));
  if (doubled.length > 0) throw new ConfigError(doubled);
  return document;
}

function parse(text: string, lines: LineCounter): Document {
  try {
    return parseYaml(text, lines);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([{ code: 'syntax', line: 0, sentence: `This cannot be read as YAML: ${reason}` }]);
  }
}

function refuseExtras(document: Document, lines: LineCounter): void {
  const problems: ConfigProblem[] = [];
  const refuse = (node: Node, what: string): void => {
    const line = lines.linePos(node.range?.[0] ?? 0).line;
    problems.push({
      code: 'forbidden',
      line,
      sentence: `${what} cannot be used in a configuration. Write the value itself.`,
    });
  };
  visit(document, {
    Alias: (_, node) => refuse(node, 'An alias (*name)'),
    Node: (_, node) => {
      if ('anchor' in node && node.anchor) refuse(node, 'An anchor (&name)');
      if ('tag' in node && node.tag) refuse(node, `A tag (${String(node.tag).slice(0, 40)})`);
    },
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

interface ReadFields {
  readonly values: Values;
  /** The line each field stands in. */
  readonly places: ReadonlyMap<string, number>;
  readonly problems: ConfigProblem[];
}

function readFields(document: Document, lines: LineCounter): ReadFields {
  const values: Record<string, unknown> = Object.create(null);
  const places = new Map<string, number>();
  const problems: ConfigProblem[] = [];
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { values, places, problems };
  if (!isMap(root)) {
    throw new ConfigError([
      { code: 'not-a-map', line: 1, sentence: 'A configuration is a list of "name: value" lines.' },
    ]);
  }
  for (const { key, value } of root.items) {
    const line = isScalar(key) ? lines.linePos(key.range?.[0] ?? 0).line : 0;
    const name = isScalar(key) ? String(key.value) : String(key);
    if (!isFieldName(name)) {
      problems.push(unknownField(name, line, problems.length < maxHints));
      continue;
    }
    places.set(name, line);
    const result = readValue(
      configFields[name],
      plainValue(value),
      isScalar(value) ? value.source : undefined,
    );
    if ('problem' in result)
      problems.push({
        ...result.problem,
        line,
        field: name,
        sentence: `${name}: ${result.problem.sentence}`,
      });
    else values[name] = result.value;
  }
  return { values, places, problems };
}

/** The value of a node as plain data, one level of list deep; maps and deeper lists stay unreadable. */
function plainValue(node: unknown): unknown {
  if (isScalar(node)) return node.value;
  if (isSeq(node)) return node.items.map((item) => (isScalar(item) ? item.value : item));
  return node;
}

/** Past this many problems the file is not a configuration, and looking for likely names only takes time. */
const maxHints = 50;

function unknownField(name: string, line: number, suggest: boolean): ConfigProblem {
  const meant = suggest ? closestField(name) : undefined;
  const shown = JSON.stringify(name.slice(0, 60));
  const hint = meant ? ` Did you mean ${meant}?` : '';
  return { code: 'unknown-field', line, field: name, sentence: `There is no field ${shown}.${hint}` };
}

/** The field that was likely meant: another trainer's name for it, or the one a few letters away. */
function closestField(name: string): string | undefined {
  const key = name.slice(0, 60).toLowerCase().replaceAll('-', '_');
  const known = otherNames.get(key);
  if (known) return known;
  const ranked = fieldList
    .map((field) => ({ name: field.name, distance: editDistance(key, field.name) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0].distance <= Math.max(1, Math.floor(key.length / 3)) ? ranked[0].name : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
  }
  return row[b.length];
}

/** What single ranges cannot say. */
function conflicts(config: TrainConfig, places: ReadonlyMap<string, number>): ConfigProblem[] {
  const found: ConfigProblem[] = [];
  const add = (field: string, sentence: string): void => {
    found.push({ code: 'conflict', line: places.get(field) ?? 0, field, sentence });
  };
  if (!config.train_unet && !config.train_text_encoder) {
    add(
      'train_unet',
      'train_unet and train_text_encoder are both off, so nothing would be trained. Turn one on.',
    );
  }
  if (!isFileName(config.output_name)) {
    add(
      'output_name',
      `output_name is ${JSON.stringify(config.output_name.slice(0, 60))}: write one file name, without folders (/ or \\) and without any of : = * ? " < > |, of at most 120 bytes.`,
    );
  }
  const rates = ratesOf(config);
  if (rates.length > 0 && rates.every((rate) => rate === 0)) {
    add(
      'learning_rate',
      'The learning rates of all that is trained are 0, so nothing would be learned. Raise one.',
    );
  }
  if (config.min_bucket_reso > config.max_bucket_reso) {
    add(
      'min_bucket_reso',
      `min_bucket_reso (${config.min_bucket_reso}) is above max_bucket_reso (${config.max_bucket_reso}).`,
    );
  }
  if (config.lr_warmup_steps >= 1 && !Number.isInteger(config.lr_warmup_steps)) {
    add(
      'lr_warmup_steps',
      `lr_warmup_steps is ${config.lr_warmup_steps}: write whole steps, or a share below 1.`,
    );
  }
  return found;
}

function ratesOf(config: TrainConfig): number[] {
  return [
    ...(config.train_unet ? [config.unet_lr ?? config.learning_rate] : []),
    ...(config.train_text_encoder ? [config.text_encoder_lr ?? config.learning_rate] : []),
  ];
}

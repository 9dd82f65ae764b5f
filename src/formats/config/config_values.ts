// One setting's value, read by the rules of its field: kind, range, choices. It knows nothing of YAML or lines.
import type { Field } from './config_fields';

export type ConfigProblemCode =
  | 'syntax'
  | 'too-large'
  | 'not-a-map'
  | 'forbidden'
  | 'duplicate'
  | 'unknown-field'
  | 'wrong-type'
  | 'list-item'
  | 'backslash'
  | 'comma'
  | 'no-settings'
  | 'out-of-range'
  | 'conflict';

/** A value that its field accepts, or why it does not. */
export type ReadValue =
  | { readonly value: unknown }
  | {
      readonly problem: {
        readonly code: ConfigProblemCode;
        readonly sentence: string;
        readonly item?: string;
      };
    };

/** Reads one value by its field, from YAML, a form or a link. `source` is how a scalar was written. */
export function readValue(field: Field, value: unknown, source: string | undefined): ReadValue {
  switch (field.kind) {
    case 'int':
    case 'number':
      return readNumber(field, value);
    case 'optional-number':
      return value === null ? { value } : readNumber(field, value);
    case 'switch':
      return typeof value === 'boolean' ? { value } : wrongType('true or false', value);
    case 'choice': {
      const known = field.choices.find((item) => item === value);
      if (known !== undefined) return { value: known };
      return problem('out-of-range', `expected one of ${field.choices.join(', ')}, got ${quote(value)}.`);
    }
    case 'text':
      return readText(value, source, field.required);
    case 'texts': {
      const list = value === null || value === '' ? [] : Array.isArray(value) ? value : [value];
      const wrong = list.findIndex((item) => typeof item !== 'string');
      return wrong < 0 ? { value: list } : wrongItem(wrong + 1, list[wrong]);
    }
    case 'switch-or-path':
      if (typeof value === 'boolean') return { value };
      return value === null ? { value: false } : readText(value, source, true);
  }
}

function readNumber(
  field: Extract<Field, { kind: 'int' | 'number' | 'optional-number' }>,
  value: unknown,
): ReadValue {
  const { min, max, step } = field;
  const wanted = field.kind === 'int' ? 'a whole number' : 'a number';
  if (typeof value === 'string' && /^\s*-?\d+,\d+\s*$/.test(value)) {
    const written = value.trim().replace(',', '.');
    return problem('comma', `got ${quote(value)}: write a point instead of the comma, ${written}.`);
  }
  if (typeof value !== 'number' || Number.isNaN(value)) return wrongType(wanted, value);
  if (field.kind === 'int' && Number.isFinite(value) && !Number.isInteger(value))
    return wrongType(wanted, value);
  if (value < min || value > max) return problem('out-of-range', `expected ${min} to ${max}, got ${value}.`);
  if (step !== undefined && value % step !== 0)
    return problem('out-of-range', `expected a multiple of ${step}, got ${value}.`);
  // -0 would not survive being written.
  return { value: value === 0 ? 0 : value };
}

function readText(value: unknown, source: string | undefined, required: boolean): ReadValue {
  // A folder called 2024 is still a text; take it as it was written.
  const text = typeof value === 'number' ? (source ?? String(value)) : (value ?? '');
  if (typeof text !== 'string') return wrongType('a text', value);
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text.replaceAll('\t', '')) || !text.isWellFormed()) {
    // "D:\new\train" in double quotes is a line break and a tab to TOML and YAML.
    return /^\p{L}:[^\p{L}]/u.test(text)
      ? problem('backslash', `is a Windows path in double quotes, where \\ is not itself. ${pathAdvice}`)
      : problem('wrong-type', 'expected one line of text without control characters.');
  }
  return required && text.trim() === '' ? problem('out-of-range', 'may not be empty.') : { value: text };
}

function wrongType(expected: string, value: unknown): ReadValue {
  return problem('wrong-type', `expected ${expected}, got ${quote(value)}.`);
}

/** Where a backslash means something else. */
export const pathAdvice = 'Put it in single quotes, or write / instead of \\.';

/** YAML takes `- 2` for a number and `- a: b` for a map. */
function wrongItem(place: number, value: unknown): ReadValue {
  const shown = value !== null && typeof value === 'object' ? 'is not a plain text' : `is ${quote(value)}`;
  return {
    problem: {
      code: 'list-item',
      sentence: `item ${place} ${shown}: put it in quotes.`,
      item: String(place),
    },
  };
}

function problem(code: ConfigProblemCode, sentence: string): ReadValue {
  return { problem: { code, sentence } };
}

function quote(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  return typeof value === 'object' ? (Array.isArray(value) ? 'a list' : 'a nested map') : String(value);
}

// A configuration as YAML text: as people save it, and as the commented template they copy.
import { stringify } from 'yaml';
import { defaultConfig } from './config';
import { fieldList, groups, type Field, type TrainConfig } from './config_fields';

/** Writes the configuration as YAML, grouped; `parseConfig` gives the same values back. */
export function formatConfig(config: TrainConfig): string {
  return layOut(config, () => '');
}

/** The template people copy: every field with its default, its sentence and its range as comments. */
export function configTemplate(): string {
  const head = [
    '# Settings of a LoRA training run: copy this file, change what you need, and start with',
    '#   npm run train -- --config configs/my_lora_config.yaml',
    '# Every field may be left out; what is written here is what it is then. An empty value means "none" or',
    '# "as the comment says". This file is generated from the list of fields in src/formats/config_fields.ts.',
  ];
  return `${head.join('\n')}\n${layOut(defaultConfig(), (field) => comment(field))}`;
}

function layOut(config: TrainConfig, before: (field: Field) => string): string {
  const values: { readonly [name: string]: unknown } = config;
  return Object.entries(groups)
    .map(([group, title]) => {
      const lines = fieldList
        .filter(({ field }) => field.group === group)
        .map(({ name, field }) => before(field) + formatField(name, values[name]));
      return `\n# --- ${title.en} · ${title.zh} ---\n${lines.join('')}`;
    })
    .join('');
}

function formatField(name: string, value: unknown): string {
  // An empty value reads better than "null" or quotes.
  if (value === null || value === '') return `${name}:\n`;
  return stringify(
    { [name]: value },
    { version: '1.2', lineWidth: 0, defaultStringType: 'PLAIN', blockQuote: false },
  );
}

function comment(field: Field): string {
  return `# ${field.about.en}${range(field)}\n# ${field.about.zh}\n`;
}

function range(field: Field): string {
  switch (field.kind) {
    case 'int':
    case 'number':
    case 'optional-number':
      return ` [${field.min} to ${field.max}${field.step ? `, steps of ${field.step}` : ''}${field.unit ? ` ${field.unit}` : ''}]`;
    case 'choice':
      return ` [${field.choices.join(' | ')}]`;
    case 'switch':
      return ' [true | false]';
    case 'switch-or-path':
      return ' [true | false | a path]';
    default:
      return '';
  }
}

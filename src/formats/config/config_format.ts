// A configuration as text: YAML as people save it, the commented template they copy, and the reference page.
import { languages, type Localized } from './language';
import { stringify } from 'yaml';
import { defaultConfig } from './config';
import { fieldList, fieldsOfBase, groups, type Field, type TrainConfig } from './config_fields';

/** Writes the configuration as YAML, grouped; `parseConfig` gives the same values back. */
export function formatConfig(config: TrainConfig): string {
  return layOut(config, () => '');
}

/**
 * The template people copy: every field with its default, its sentence and its range as comments. What a base model may say
 * is a comment too: a copy that says it would count more than the model, and would answer what an SD 2.x is asked.
 */
export function configTemplate(): string {
  const head = [
    '# Settings of a LoRA training run: copy this file, change what you need, and start with',
    '#   npm run train -- --config configs/my_lora_config.yaml',
    '# Every field may be left out; what is written here is what it is then. An empty value means "none" or',
    '# "as the comment says". This file is generated from the list of fields in src/formats/config/config_fields.ts.',
  ];
  const fields = layOut(defaultConfig(), (field, name) => comment(field) + (leftToBase(name) ? OF_BASE : ''));
  return `${head.join('\n')}\n${fields}`;
}

const leftToBase = (name: string) => fieldsOfBase.some((each) => each === name);

const OF_BASE =
  '# Left out, it is as the base model has it; take the mark away to say it yourself.\n# 不写时以底模为准；要自行指定，请去掉行首的 #。\n# ';

/** The reference page, in Markdown: one table a group. */
export function configReference(): string {
  const defaults: { readonly [name: string]: unknown } = defaultConfig();
  const head = [
    '# Settings · 设置',
    '',
    'Made from the list of fields in `src/formats/config/config_fields.ts` by `tools/build_config_template.ts`, as the template',
    '`configs/lora_default.yaml` is. Where a file of settings leaves these out, the command line has them from the base model:',
    `${fieldsOfBase.map((name) => `\`${name}\``).join(', ')}.`,
  ];
  const tables = Object.entries(groups).map(([group, title]) => {
    const rows = fieldList
      .filter(({ field }) => field.group === group)
      .map(({ name, field }) => {
        const value = cell(defaults[name]);
        const values = range(field)
          .trim()
          .replace(/^\[|\]$/g, '')
          .replaceAll('|', '\\|');
        const about = languages.map((language) => field.about[language]).join('<br>');
        return `| \`${name}\` | ${value} | ${values} | ${about} |`;
      });
    return ['', `## ${inAll(title)}`, '', '| field | default | values | |', '|---|---|---|---|', ...rows];
  });
  return `${[...head, ...tables.flat()].join('\n')}\n`;
}

function cell(value: unknown): string {
  const empty = value === null || value === '' || (Array.isArray(value) && value.length === 0);
  return empty ? '' : `\`${JSON.stringify(value).replace(/^"|"$/g, '')}\``;
}

function layOut(config: TrainConfig, before: (field: Field, name: string) => string): string {
  const values: { readonly [name: string]: unknown } = config;
  return Object.entries(groups)
    .map(([group, title]) => {
      const lines = fieldList
        .filter(({ field }) => field.group === group)
        .map(({ name, field }) => before(field, name) + formatField(name, values[name]));
      return `\n# --- ${inAll(title)} ---\n${lines.join('')}`;
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
  const lines = languages.map((language) => field.about[language] + (language === 'en' ? range(field) : ''));
  return lines.map((line) => `# ${line}\n`).join('');
}

function inAll(title: Localized): string {
  return languages.map((language) => title[language]).join(' · ');
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
    case 'text':
    case 'texts':
      return '';
  }
}

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuMilliseconds } from '../../cpu_time.testing';
import { checkConfig, ConfigError, defaultConfig, parseConfig } from './config';
import {
  configFields,
  fieldList,
  groups,
  isFieldName,
  otherNames,
  type Field,
  type TrainConfig,
} from './config_fields';
import { configReference, configTemplate, formatConfig } from './config_format';

function refusal(yaml: string): ConfigError {
  try {
    parseConfig(yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('not refused');
}

const first = (yaml: string) => refusal(yaml).problems[0];

/** Any code points, halves of surrogate pairs included. */
const anyText = (maxLength: number) =>
  fc.array(fc.nat(0x10ffff), { maxLength }).map((codes) => String.fromCodePoint(...codes));

describe('the list of fields', () => {
  it('has the names that people write, exactly', () => {
    const names =
      'train_data_dir, metadata_path, base_model, lora_rank, batch_size, epochs, learning_rate, output_dir, save_steps, pretrained_lora';
    for (const name of names.split(', ')) expect(isFieldName(name)).toBe(true);
    expect(isFieldName('__proto__')).toBe(false);
    expect(isFieldName('toString')).toBe(false);
  });

  it('says everything in both languages, and its defaults keep its own rules', () => {
    for (const { name, field } of fieldList) {
      for (const text of [field.label, field.about]) {
        expect(text.en.trim(), name).not.toBe('');
        expect(text.zh.trim(), name).not.toBe('');
      }
      expect(field.about.en, name).toMatch(/\.$/);
      expect(field.about.zh, name).toMatch(/[\u4e00-\u9fff].*。$/);
      expect(Object.keys(groups)).toContain(field.group);
    }
    expect(checkConfig(defaultConfig())).toEqual(defaultConfig());
    for (const name of otherNames.keys()) expect(isFieldName(name)).toBe(false);
  });
});

describe('parseConfig', () => {
  it('reads a file as people write it', () => {
    const config = parseConfig(`
train_data_dir: "./data/水墨"
metadata_path: ./data/metadata.csv
base_model: C:\\models\\sd15.safetensors
lora_rank: 16
batch_size: 1
epochs: 20
learning_rate: 1e-4   # as everywhere
output_dir: 2024
save_steps: 100
pretrained_lora:
sample_prompts:
  - a cat, (masterpiece:1.2)
  - "[blue] 山水"
`);
    expect(config).toEqual({
      ...defaultConfig(),
      train_data_dir: './data/水墨',
      metadata_path: './data/metadata.csv',
      base_model: 'C:\\models\\sd15.safetensors',
      lora_rank: 16,
      batch_size: 1,
      epochs: 20,
      learning_rate: 0.0001,
      output_dir: '2024',
      save_steps: 100,
      sample_prompts: ['a cat, (masterpiece:1.2)', '[blue] 山水'],
    });
  });

  it('takes defaults for what is left out, and an empty file', () => {
    expect(parseConfig('')).toEqual(defaultConfig());
    expect(parseConfig('# nothing\n')).toEqual(defaultConfig());
    expect(parseConfig('\ufefflora_rank: 4\r\nresume: true\r\n')).toMatchObject({
      lora_rank: 4,
      resume: true,
    });
    expect(parseConfig('sample_prompts: one\nresume: ./x').sample_prompts).toEqual(['one']);
    expect(parseConfig('max_token_length: 225\nlora_alpha: null')).toMatchObject({
      max_token_length: 225,
      lora_alpha: null,
    });
  });

  it('lists every problem with its line', () => {
    const { problems, message } = refusal(
      'lora_rnak: 8\nbatch_size: two\n\nepochs: 0\nresolution: 500\noptimizer: sgd\n',
    );
    expect(problems.map(({ line, code, field }) => [line, code, field])).toEqual([
      [1, 'unknown-field', 'lora_rnak'],
      [2, 'wrong-type', 'batch_size'],
      [4, 'out-of-range', 'epochs'],
      [5, 'out-of-range', 'resolution'],
      [6, 'out-of-range', 'optimizer'],
    ]);
    expect(message).toContain('Line 1: There is no field "lora_rnak". Did you mean lora_rank?');
    expect(message).toContain('Line 2: batch_size: expected a whole number, got "two".');
    expect(message).toContain('expected a multiple of 64, got 500');
    expect(message).toContain('expected one of adamw, lion, got "sgd"');
  });

  it.each([
    ['network_dim: 8', 'lora_rank'],
    ['train_batch_size: 8', 'batch_size'],
    ['Learning-Rate: 1', 'learning_rate'],
    ['outputdir: x', 'output_dir'],
  ])('knows what %s means', (yaml, name) => {
    expect(first(yaml).sentence).toContain(`Did you mean ${name}?`);
  });

  it('makes no suggestion for what resembles nothing', () => {
    expect(first('zzzzzz: 1').sentence).toBe('There is no field "zzzzzz".');
  });

  it.each([
    ['a doubled key', 'epochs: 1\nlora_rank: 2\nepochs: 3', 'duplicate', 3],
    ['broken YAML', 'epochs: 1\nlora_rank: [1, 2\n', 'syntax', 3],
    ['a tab for indentation', 'sample_prompts:\n\t- a\n', 'syntax', 2],
    ['two documents', 'epochs: 1\n---\nepochs: 2\n', 'syntax', 2],
    ['a list', '- a\n- b', 'not-a-map', 1],
    ['a word', 'hello', 'not-a-map', 1],
    ['an anchor', 'output_dir: &a x', 'forbidden', 1],
    ['an alias', 'sample_prompts: [&a x, *a]', 'forbidden', 1],
    ['a custom tag', 'output_dir: !!python/object/apply:os.system [x]', 'forbidden', 1],
    ['a known tag', 'epochs: !!int "3"', 'forbidden', 1],
    ['a fraction of an epoch', 'epochs: 1.5', 'wrong-type', 1],
    ['NaN', 'learning_rate: .nan', 'wrong-type', 1],
    ['infinity', 'epochs: .inf', 'out-of-range', 1],
    ['yes for true', 'train_unet: yes', 'wrong-type', 1],
    ['a quoted number', 'epochs: "3"', 'wrong-type', 1],
    ['no value for a number', 'epochs:', 'wrong-type', 1],
    ['a map for a text', 'output_dir: {a: 1}', 'wrong-type', 1],
    ['a nested list of prompts', 'sample_prompts: [[a]]', 'list-item', 1],
    ['an empty folder', 'train_data_dir: ""', 'out-of-range', 1],
    ['two lines in a path', 'output_dir: "a\\nb"', 'wrong-type', 1],
    ['nothing to train', 'epochs: 1\ntrain_unet: false', 'conflict', 2],
    ['buckets upside down', 'min_bucket_reso: 1024\nmax_bucket_reso: 512', 'conflict', 1],
    ['a warm-up of 10.5 steps', 'lr_warmup_steps: 10.5', 'conflict', 1],
    ['the prototype', '__proto__: {epochs: 2}', 'unknown-field', 1],
    ['a complex key', '? [a, b]\n: 1', 'unknown-field', 0],
  ])('refuses %s', (_, yaml, code, line) => {
    expect(first(yaml)).toMatchObject({ code, line });
  });

  it('refuses bombs quickly', () => {
    const start = cpuMilliseconds();
    const laughs = [
      'a: &a ["x","x"]',
      ...Array.from({ length: 20 }, (_, i) => `b${i}: &b${i} [${`*${i ? `b${i - 1}` : 'a'},`.repeat(9)}]`),
    ];
    expect(first(laughs.join('\n')).code).toBe('forbidden');
    expect(first(`epochs: ${'['.repeat(60_000)}`).code).toBe('forbidden');
    expect(first('- '.repeat(30_000)).code).toBe('forbidden');
    expect(first('? '.repeat(30_000)).code).toBe('forbidden');
    expect(first(' '.repeat(70_000)).code).toBe('too-large');
    expect(refusal(Array.from({ length: 4000 }, (_, i) => `k${i}: 1`).join('\n')).problems).toHaveLength(
      4000,
    );
    expect(cpuMilliseconds() - start).toBeLessThan(8000);
  });

  it('answers any text with a configuration or a ConfigError', () => {
    const piece = fc.constantFrom(
      'epochs',
      'lora_rank',
      ': ',
      '\n',
      ' ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '!!x',
      '|',
      '>',
      '"',
      "'",
      '#',
      '?',
      ',',
      '1',
      '1e999',
      '~',
      '\t',
      '%YAML 1.1',
      '---',
      '\0',
      '<<',
      '中',
    );
    const soup = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(soup, anyText(30)), (yaml) => {
        try {
          checkConfig(parseConfig(yaml));
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

/** Any value that a field accepts. */
function valueOf(field: Field): fc.Arbitrary<unknown> {
  const line = fc.oneof(
    fc.string({
      unit: fc.constantFrom(
        'a',
        '#',
        ':',
        ' ',
        '"',
        "'",
        '\\',
        '中',
        '-',
        '{',
        '[',
        '*',
        '&',
        '!',
        '😀',
        '1',
      ),
    }),
    fc.constantFrom(
      'true',
      'null',
      '~',
      '1e5',
      '0x10',
      '- a',
      '? b',
      ' lead',
      'trail ',
      '...',
      '---',
      '007',
      'yes',
      '.inf',
      '\t',
    ),
  );
  switch (field.kind) {
    case 'int': {
      const step = field.step ?? 1;
      return fc
        .integer({ min: Math.ceil(field.min / step), max: Math.floor(field.max / step) })
        .map((n) => n * step);
    }
    case 'number':
      return fc.double({ min: field.min, max: field.max, noNaN: true }).map((n) => (n === 0 ? 0 : n));
    case 'optional-number':
      return fc.option(
        fc.double({ min: field.min, max: field.max, noNaN: true }).map((n) => (n === 0 ? 0 : n)),
      );
    case 'switch':
      return fc.boolean();
    case 'choice':
      return fc.constantFrom(...field.choices);
    case 'text':
      return field.required ? line.map((text) => `x${text}`) : line;
    case 'texts':
      return fc.array(
        line.map((text) => `x${text}`),
        { maxLength: 4 },
      );
    case 'switch-or-path':
      return fc.oneof(
        fc.boolean(),
        line.map((text) => `x${text}`),
      );
  }
}

describe('formatConfig', () => {
  it('reads back as the same values', () => {
    const entries = Object.fromEntries(fieldList.map(({ name, field }) => [name, valueOf(field)]));
    fc.assert(
      fc.property(fc.record(entries), (values) => {
        let config: TrainConfig;
        try {
          config = checkConfig(values);
        } catch {
          return; // fields that contradict each other
        }
        expect(parseConfig(formatConfig(config))).toEqual(config);
      }),
      { numRuns: 100 },
    );
  });

  it('is what the committed template was made with', () => {
    const committed = readFileSync(new URL('../../../configs/lora_default.yaml', import.meta.url), 'utf8');
    expect(committed).toBe(configTemplate());
    expect(parseConfig(committed)).toEqual(defaultConfig());
    for (const name of Object.keys(configFields))
      expect(committed).toMatch(new RegExp(`^(?:# )?${name}:`, 'm'));
    // Which nobody has to take out for a base model to be asked.
    expect(committed.match(/^# \w+:/gm)).toEqual([
      ...['# resolution:', '# max_bucket_reso:', '# v_parameterization:', '# zero_terminal_snr:'],
    ]);
    const reference = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8');
    expect(reference).toBe(configReference());
    for (const name of Object.keys(configFields)) expect(reference).toContain(`| \`${name}\` |`);
  });
});

describe('checkConfig', () => {
  it('holds a form or a link to the same rules', () => {
    expect(checkConfig({ epochs: 3 }).epochs).toBe(3);
    for (const bad of [{ epochs: 1e308 }, { epocs: 1 }, { seed: -1 }, { output_dir: '' }, { resume: {} }]) {
      expect(() => checkConfig(bad)).toThrow(ConfigError);
    }
  });
});

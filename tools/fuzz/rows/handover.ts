/** A run packed for sd-scripts: whatever the settings hold as text, the files that go along are read as they were meant. */
import { parse } from 'smol-toml';
import { parseConfig } from '../../../src/formats/config/config';
import { handoverFiles } from '../../../src/formats/handover/handover';
import { promise, textRow, type Row } from '../row';

export function handoverRows(): Row[] {
  return [
    textRow(
      'job for sd-scripts',
      ['ConfigError'],
      0.3,
      () => ({
        seeds: [
          'output_name: zk\ntraining_comment: "a \\"b\\""\ncaption_prefix: "x, "\nkeep_tokens_separator: "|||"\n',
          'sample_prompts:\n  - a cat --n bad\n  - "two\\nlines"\nsample_every_n_steps: 3\nlearning_rate: 1e-5\n',
        ],
        words: [
          ...[
            '"',
            "'",
            '\\u0007',
            '\\x1b',
            '\\r',
            '"""',
            "'''",
            '# ',
            ' --n ',
            ' --w 9',
            '中',
            '\\U0001F600',
          ],
          ...[
            'training_comment: ',
            'caption_suffix: ',
            'optimizer: lion\n',
            'save_steps: 5\n',
            'keep_last_n: 2\n',
          ],
        ],
        longest: 20_000,
      }),
      (text) => {
        const config = parseConfig(text);
        const files = handoverFiles({
          ...{ config, baseName: 'base.safetensors', processes: 1, cpu: false },
          folders: [{ path: 'images/1_times', repeats: 1 }],
        });
        const read = (name: string) => parse(files.get(name) ?? '');
        const settings = read('config.toml');
        promise(settings.output_name === config.output_name, 'another name');
        promise((settings.training_comment ?? '') === config.training_comment, 'another comment');
        promise(settings.learning_rate === config.learning_rate, 'another rate');
        const { general } = read('dataset.toml') as { general: Record<string, unknown> };
        promise((general.caption_prefix ?? '') === config.caption_prefix, 'another prefix');
        promise((general.caption_suffix ?? '') === config.caption_suffix, 'another suffix');
        const prompts = files.get('sample_prompts.txt')?.trimEnd().split('\n') ?? [];
        promise(prompts.length === config.sample_prompts.length, 'not one line a prompt');
      },
    ),
  ];
}

/**
 * Runs on their way to sd-scripts and back: whatever the settings hold as text, the files that go along are read as they were
 * meant; whatever files come back, they make a run with sound numbers or none, and nothing rejects.
 */
import { parse } from 'smol-toml';
import { parseConfig } from '../../../src/formats/config/config';
import { handoverFiles } from '../../../src/formats/handover/handover';
import { readReturned } from '../../../src/formats/handover/returned';
import { joined } from '../../../src/formats/protobuf/wire';
import { writeSafetensors } from '../../../src/formats/safetensors/safetensors_write';
import { recordBytes } from '../../../src/formats/tensorboard/run_events';
import { bytesOf, mutated, type Kinds } from '../mutate';
import type { Random } from '../random';
import { promise, textRow, type Row } from '../row';

export function handoverRows(): Row[] {
  return [
    returnedRow(),
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

function returnedRow(): Row {
  return {
    name: 'run that came back',
    refusals: [],
    share: 0.5,
    case(random) {
      const files = cameBack(random);
      const size = random.oneIn(8) ? undefined : { width: 64, height: 64 };
      return {
        input: files.map(({ path, bytes }) => `${path} (${bytes.length})`).join('\n'),
        async read() {
          const given = files.map(({ path, bytes }) => ({ path, file: new Blob([bytes]) }));
          const { run } = await readReturned(given, () => Promise.resolve(size));
          if (!run) return;
          const { step, steps, images, points, samples, loras, config } = run;
          const at = [...loras, ...samples].map((each) => each.step);
          const numbers = [step, steps, images, ...at];
          promise(
            numbers.every((each) => Number.isSafeInteger(each) && each >= 0),
            `a count is none: ${numbers.join()}`,
          );
          promise(
            points.every((each, i) => i === 0 || each.step > points[i - 1].step),
            'a curve goes back',
          );
          parseConfig(config);
        },
      };
    },
  };
}

const LAYER = 'lora_unet_mid_block_attentions_0_proj_in';
const PATHS = ['output/zk.safetensors', 'output/zk-step00000004.safetensors', 'output/zk-000002.safetensors'];
const SAMPLE = 'output/sample/zk_000004_00_20260101120000_7.png';
const LOG = 'logs/2026/network_train/events.out.tfevents.1.host';

function cameBack(random: Random): { path: string; bytes: Uint8Array<ArrayBuffer> }[] {
  const changed = (seed: Uint8Array, words: Kinds['words'] = []) =>
    random.oneIn(2) ? seed : mutated(random, { seeds: [seed], words, longest: 30_000 });
  const named = (path: string) =>
    random.oneIn(4)
      ? new TextDecoder().decode(mutated(random, { seeds: [bytesOf(path)], longest: 2000 }))
      : path;
  const toml = 'network_dim = 4\noutput_name = "zk"\nmax_train_steps = 8\n';
  const files = [
    ...PATHS.map((path) => ({ path: named(path), bytes: changed(loraOf(random)) })),
    { path: named(LOG), bytes: random.large() ? longLog() : changed(logOf(random)) },
    { path: named(SAMPLE), bytes: bytesOf('PNG') },
    { path: 'config.toml', bytes: changed(bytesOf(toml), ['inf', '"""', '[a]']) },
    { path: 'sample_prompts.txt', bytes: changed(bytesOf('a cat --d 7\n# x\na dog\n')) },
    { path: 'SHA256SUMS', bytes: changed(bytesOf(`${'0'.repeat(64)}  images/1_times/a.png\n`)) },
  ];
  return files
    .filter(() => !random.oneIn(4))
    .map(({ path, bytes }) => ({ path, bytes: Uint8Array.from(bytes) }));
}

function loraOf(random: Random): Uint8Array {
  const tensor = (role: string, shape: number[]) => ({
    ...{ name: `${LAYER}.lora_${role}.weight`, dtype: 'F32' as const, shape },
    data: new Uint8Array(new Float32Array([1, 2]).buffer),
  });
  const number = () => random.of(['4', '0', '-1', '1e9', '999999999999', 'None', '3.5', '']);
  const folders = ['{"1_a": {"n_repeats": 1, "img_count": 3}}', '{"a": {"img_count": -1}}', '[[', ''];
  return writeSafetensors([tensor('down', [1, 2]), tensor('up', [2, 1])], {
    ss_output_name: 'zk',
    ss_steps: number(),
    ss_epoch: number(),
    ss_max_train_steps: number(),
    ss_num_batches_per_epoch: number(),
    ss_num_train_images: number(),
    ss_training_started_at: random.of(['1767261600.5', 'NaN', '1e300', '-5']),
    ss_dataset_dirs: random.of(folders),
  });
}

function logOf(random: Random): Uint8Array {
  const steps = [1, 2, 3, random.of([3, 0, 2 ** 40, Number.MAX_SAFE_INTEGER])];
  return joined(steps.map((step) => record(step, random.of([0.5, NaN, Infinity, -1]))));
}

let long: Uint8Array<ArrayBuffer> | undefined;
/** Of a run of very many steps. */
function longLog(): Uint8Array<ArrayBuffer> {
  return (long ??= joined(Array.from({ length: 30_000 }, (_, i) => record(i + 1, 0.5))));
}

function record(step: number, scalar: number): Uint8Array {
  const values = [{ tag: 'loss/current', scalar }];
  return recordBytes({ time: 1_700_000_000 + step, step, what: { kind: 'values', values } });
}

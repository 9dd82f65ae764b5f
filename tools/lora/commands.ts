/** The commands of `npm run lora`: arguments checked, files read, the arithmetic of src/formats/merging, files written. */
import { existsSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { mergedMetadata } from '../../src/formats/merging/merge_base';
import {
  combineInto,
  convertLora,
  openLora,
  resizeLora,
  type Made,
  type OpenedLora,
} from '../../src/formats/merging/made';
import { summarizeLora } from '../../src/formats/merging/summary';
import { emptyPlaces, parseWeights, WeightsError } from '../../src/formats/merging/weights';
import { writings } from '../../src/formats/merging/written_as';
import { savePrecisions, type SavePrecision } from '../../src/formats/lora/kohya_lora';
import { LoraError } from '../../src/formats/lora/lora_error';
import type { LoraWeights, ResizeRule } from '../../src/protocol/lora_tools';
import { UsageError } from '../command';
import { openLora as sourceOf } from '../open_lora';
import { writeMerged } from './merged_base';
import { summaryLines } from './summary_lines';
import { writeFiles } from './write_files';

/** As given; what is missing is undefined. */
export interface Options {
  readonly to?: string | undefined;
  readonly out?: string | undefined;
  readonly base?: string | undefined;
  readonly weight?: readonly string[] | undefined;
  readonly rank?: string | undefined;
  readonly share?: string | undefined;
  readonly threshold?: string | undefined;
  readonly precision?: string | undefined;
  readonly json?: boolean | undefined;
  readonly force?: boolean | undefined;
}
type Command = (files: readonly string[], options: Options, say: (line: string) => void) => Promise<void>;

export const show: Command = async (files, options, say) => {
  only(options, ['json']);
  const lora = await open(oneOf(files));
  const summary = await summarizeLora(lora.file);
  if (options.json) say(JSON.stringify({ ...summary, metadata: lora.file.metadata }, null, 2));
  else for (const line of summaryLines(summary, lora.file.metadata)) say(line);
};

export const convert: Command = async (files, options, say) => {
  only(options, ['to', 'out', 'precision', 'force']);
  const writing = writings.find((each) => each === options.to);
  if (!writing) throw new UsageError(`--to: give one of ${writings.join(', ')}.`);
  const out = outOf(options);
  const lora = await open(oneOf(files));
  await write(await convertLora(lora, writing, precisionOf(options)), out, say);
};

export const resize: Command = async (files, options, say) => {
  only(options, ['out', 'rank', 'share', 'threshold', 'precision', 'force']);
  const rule = ruleOf(options);
  if (!rule) throw new UsageError('Say how: --rank 16, --share 0.99 or --threshold 0.01.');
  const out = outOf(options);
  const lora = await open(oneOf(files));
  await write(await resizeLora(lora, rule, precisionOf(options)), out, say);
};

export const merge: Command = async (files, options, say) => {
  only(options, ['out', 'base', 'weight', 'rank', 'share', 'threshold', 'precision', 'force']);
  const rule = ruleOf(options);
  if (options.base !== undefined && (rule || options.precision !== undefined))
    throw new UsageError(
      '--rank, --share, --threshold and --precision are of a LoRA; with --base a model is written.',
    );
  if (files.length === 0 || (options.base === undefined && files.length < 2 && !options.weight))
    throw new UsageError('Give the LoRAs to merge: two or more, or one with --base.');
  const weights = weightsOf(files, options);
  const out = outOf(options, options.base);
  const loras = [];
  for (const [index, file] of files.entries()) {
    const lora = await open(file);
    const names = lora.file.modules.map(({ name }) => name);
    for (const place of usable(file, () => emptyPlaces(weights[index], names)))
      say(
        `note: --weight ${place}=${weights[index].by.get(place) ?? ''}: ${basename(file)} holds nothing of it.`,
      );
    loras.push({ lora, name: basename(file), weights: weights[index] });
  }
  if (options.base !== undefined) {
    const from = [basename(options.base), ...loras.map(({ name }) => name)];
    const weighted = loras.map(({ lora: { file }, weights: own }) => ({
      modules: file.modules,
      weights: own,
      family: file.family,
    }));
    await writeMerged(options.base, weighted, (own) => mergedMetadata(own, from), out, say);
    return;
  }
  const made = await combineInto(loras, rule, precisionOf(options)).catch((error: unknown) => {
    throw error instanceof LoraError && error.code === 'no-modules' ? new UsageError(error.message) : error;
  });
  await write(made, out, say);
};

async function open(path: string): Promise<OpenedLora> {
  return openLora(await sourceOf(path));
}

async function write({ files, resized }: Made, out: string, say: (line: string) => void): Promise<void> {
  if (resized) {
    const { ranks, kept, worst } = resized;
    const part = (share: number) => `${(100 * share).toFixed(2)} %`;
    say(
      `${ranks.least === ranks.most ? `rank ${ranks.most}` : `ranks ${ranks.least} to ${ranks.most}`}; kept of the change (Frobenius norm): ${part(kept)}, ` +
        `least in ${worst.name}: ${part(worst.kept)}`,
    );
  }
  for (const path of await writeFiles(out, files)) say(`written: ${path}`);
}

function only(options: Options, allowed: readonly (keyof Options)[]): void {
  const known: readonly string[] = allowed;
  const other = Object.keys(options).find((key) => !known.includes(key));
  if (other !== undefined) throw new UsageError(`--${other} is not of this command.`);
}

function oneOf([file, ...more]: readonly string[]): string {
  if (file === undefined || more.length > 0) throw new UsageError('Give one LoRA file.');
  return file;
}

function outOf({ out, to, force }: Options, base?: string): string {
  if (!out) throw new UsageError('--out: say where to write.');
  const isFile = to !== 'peft' && (base === undefined || extname(base) === '.safetensors');
  if (isFile && extname(out) !== '.safetensors')
    throw new UsageError('--out: a name that ends in .safetensors.');
  if (existsSync(out) && !force) throw new UsageError(`"${out}" is there already: --force writes over it.`);
  return out;
}

function weightsOf(files: readonly string[], { weight = [] }: Options): LoraWeights[] {
  if (weight.length > files.length) throw new UsageError('There are more weights than LoRAs.');
  return files.map((file, index) => usable(file, () => parseWeights(weight[index] ?? '1')));
}

/** What is no weight of a file was not understood. */
function usable<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WeightsError)
      throw new UsageError(`--weight of ${basename(file)}: ${error.message}`);
    throw error;
  }
}

function ruleOf(options: Options): ResizeRule | undefined {
  const number = (key: 'rank' | 'share' | 'threshold', fits: (value: number) => boolean, words: string) => {
    const text = options[key];
    if (text === undefined) return undefined;
    const value = text.trim() === '' ? NaN : Number(text);
    if (!fits(value)) throw new UsageError(`--${key} ${text}: ${words}.`);
    return value;
  };
  const rank = number('rank', (x) => Number.isInteger(x) && x >= 1, 'a whole number from 1');
  const share = number('share', (x) => x > 0 && x <= 1, 'above 0, at most 1');
  const threshold = number('threshold', (x) => x >= 0 && x < 1, 'from 0 to below 1');
  const none = rank === undefined && share === undefined && threshold === undefined;
  return none ? undefined : { rank, share, threshold };
}

/** Undefined: that of the file. */
function precisionOf({ precision }: Options): SavePrecision | undefined {
  if (precision === undefined) return undefined;
  const found = (Object.keys(savePrecisions) as SavePrecision[]).find((each) => each === precision);
  if (!found) throw new UsageError(`--precision: give one of ${Object.keys(savePrecisions).join(', ')}.`);
  return found;
}

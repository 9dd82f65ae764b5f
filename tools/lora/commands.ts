/** The commands of `npm run lora`: arguments checked, files read, the arithmetic of src/formats/merging, files written. */
import { existsSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { combineLoras } from '../../src/formats/merging/combine';
import { mergedMetadata } from '../../src/formats/merging/merge_base';
import { keptOfAll, resizeModule, type ResizeRule } from '../../src/formats/merging/resize';
import { summarizeLora } from '../../src/formats/merging/summary';
import { parseWeights, WeightsError, type LoraWeights } from '../../src/formats/merging/weights';
import { writeAs, writings, type Writing } from '../../src/formats/merging/written_as';
import { changedRanks } from '../../src/formats/merging/metadata';
import {
  parseLora,
  savePrecisions,
  type LoraFile,
  type LoraModule,
  type SavePrecision,
} from '../../src/formats/lora/kohya_lora';
import { readHeader } from '../../src/formats/safetensors/safetensors';
import { UsageError } from '../command';
import { openLora } from '../open_lora';
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
  const summary = summarizeLora(lora.file);
  if (options.json) say(JSON.stringify({ ...summary, metadata: lora.file.metadata }, null, 2));
  else for (const line of summaryLines(summary, lora.file.metadata)) say(line);
};

export const convert: Command = async (files, options, say) => {
  only(options, ['to', 'out', 'precision', 'force']);
  const writing = writings.find((each) => each === options.to);
  if (!writing) throw new UsageError(`--to: give one of ${writings.join(', ')}.`);
  const out = outOf(options);
  const lora = await open(oneOf(files));
  const { modules, metadata } = lora.file;
  await write(writing, modules, precisionOf(options, lora), metadata, out, say);
};

export const resize: Command = async (files, options, say) => {
  only(options, ['out', 'rank', 'share', 'threshold', 'precision', 'force']);
  const rule = ruleOf(options);
  if (!rule) throw new UsageError('Say how: --rank 16, --share 0.99 or --threshold 0.01.');
  const out = outOf(options);
  const lora = await open(oneOf(files));
  const modules = resized(lora.file.modules, rule, say);
  const metadata = changedRanks(lora.file.metadata, modules);
  await write('kohya', modules, precisionOf(options, lora), metadata, out, say);
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
  const opened = [];
  for (const file of files) opened.push(await open(file));
  const loras = opened.map(({ file: { modules } }, index) => ({ modules, weights: weights[index] }));
  const names = files.map((file) => basename(file));
  if (options.base !== undefined) {
    const from = [basename(options.base), ...names];
    await writeMerged(options.base, loras, (own) => mergedMetadata(own, from), out, say);
    return;
  }
  const combined = combineLoras(loras);
  if (combined.length === 0) throw new UsageError('With these weights nothing is left of the LoRAs.');
  const modules = rule ? resized(combined, rule, say) : combined;
  const metadata = changedRanks(
    { ...mergedMetadata({}, names), ...kindOf(opened[0].file.metadata) },
    modules,
  );
  await write('kohya', modules, precisionOf(options, opened[0]), metadata, out, say);
};

interface Opened {
  readonly path: string;
  readonly file: LoraFile;
  readonly precision: SavePrecision;
}

async function open(path: string): Promise<Opened> {
  const source = await openLora(path);
  const { tensors } = await readHeader(source);
  const file = await parseLora(source);
  const dtype = [...tensors.values()].find(({ name }) =>
    /(down|lora_A(\.default)?)\.weight$/.test(name),
  )?.dtype;
  const precision = (Object.keys(savePrecisions) as SavePrecision[]).find(
    (each) => savePrecisions[each].dtype === dtype,
  );
  return { path, file, precision: precision ?? 'float' };
}

/** Of the metadata of one, what says for what models it is. */
function kindOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const kept =
    /^(ss_v2|ss_base_model_version|ss_network_module|modelspec\.(architecture|implementation|sai_model_spec))$/;
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => kept.test(key)));
}

function resized(
  modules: readonly LoraModule[],
  rule: ResizeRule,
  say: (line: string) => void,
): LoraModule[] {
  const done = modules.map((module) => resizeModule(module, rule));
  const ranks = done.map(({ module }) => module.downShape[0]);
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  const worst = done.reduce((a, b) => (b.kept < a.kept ? b : a));
  const part = (kept: number) => `${(100 * kept).toFixed(2)} %`;
  say(
    `${least === most ? `rank ${most}` : `ranks ${least} to ${most}`}; kept of the change (Frobenius norm): ${part(keptOfAll(done))}, ` +
      `least in ${worst.module.name}: ${part(worst.kept)}`,
  );
  return done.map(({ module }) => module);
}

async function write(
  writing: Writing,
  modules: readonly LoraModule[],
  precision: SavePrecision,
  metadata: Readonly<Record<string, string>>,
  out: string,
  say: (line: string) => void,
): Promise<void> {
  const files = await writeAs(writing, { modules, precision, metadata });
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
  try {
    return files.map((_, index) => parseWeights(weight[index] ?? '1'));
  } catch (error) {
    if (error instanceof WeightsError) throw new UsageError(`--weight: ${error.message}`);
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

function precisionOf({ precision }: Options, lora: Opened): SavePrecision {
  if (precision === undefined) return lora.precision;
  const found = (Object.keys(savePrecisions) as SavePrecision[]).find((each) => each === precision);
  if (!found) throw new UsageError(`--precision: give one of ${Object.keys(savePrecisions).join(', ')}.`);
  return found;
}

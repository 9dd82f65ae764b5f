/**
 * Captions without a page: `npm run label -- --input data/style_train --output data/style_train/metadata.csv`. The same
 * engine as in the tab, on WebAssembly; writes metadata.csv as lora-scripts' auto_label.py does.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { mergeModes } from '../src/formats/captions/caption_merge';
import { makeTokenizer } from '../src/formats/captions/tokenizer';
import { purposes } from '../src/formats/captions/purposes';
import type { CaptionModel, CaptionOptions } from '../src/protocol/captioner';
import { nodeCaptioner } from './captioner';
import { oneOf, optionsOf, runCommand, UsageError } from './command';
import { isFolder, writeWhole } from './files';
import { FOLDER_USAGE, folderChoices, folderOptions } from './folder_options';
import { externalBeside } from './external_files';
import { labelFolder } from './label_folder';
import { stopOnSignals } from './stopping';

const USAGE = `Usage: npm run label -- --input FOLDER [--output FOLDER/metadata.csv]
  [--vision vision_model.onnx --text text_model.onnx]   a CLIP of your own; without it the demo's, which knows shapes
  [--tagger model.onnx --tags selected_tags.csv]        a WD14 tagger instead
  (weights that a model has in a further file, as model.onnx_data, are taken from beside it)
  [--trigger WORD] [--purpose style|character|object] [--template "[subject], [setting]"]
  [--mode only-empty|append|replace] [--threshold 0.35] [--character-threshold 0.85] [--threads N]
${FOLDER_USAGE}`;

async function main(): Promise<void> {
  const values = optionsOf({
    options: {
      input: { type: 'string', short: 'i' },
      output: { type: 'string', short: 'o' },
      model: { type: 'string', default: 'demo' },
      vision: { type: 'string' },
      text: { type: 'string' },
      tagger: { type: 'string' },
      tags: { type: 'string' },
      trigger: { type: 'string', default: '' },
      purpose: { type: 'string', default: 'style' },
      template: { type: 'string', default: '' },
      mode: { type: 'string', default: 'only-empty' },
      threshold: { type: 'string', default: '0.35' },
      'character-threshold': { type: 'string', default: '0.85' },
      threads: { type: 'string', default: String(Math.min(4, availableParallelism())) },
      ...folderOptions,
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help || !values.input) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const folder = folderChoices(values);
  const { input, output = join(input, 'metadata.csv') } = values;
  const mode = oneOf('--mode', values.mode, mergeModes);
  const options: CaptionOptions = {
    purpose: oneOf('--purpose', values.purpose, purposes),
    trigger: values.trigger,
    template: values.template,
    terms: {},
    folded: [],
    shown: [],
    tagThreshold: share('--threshold', values.threshold),
    characterThreshold: share('--character-threshold', values['character-threshold']),
  };
  if (await isFolder(output))
    throw new UsageError(`--output: "${output}" is a folder; give the table's own name in it.`);
  const threads = Number(values.threads);
  if (!Number.isInteger(threads) || threads < 1)
    throw new UsageError('--threads takes a whole number from 1 up.');

  const merges = await readFile(new URL('../public/clip/merges.txt', import.meta.url), 'utf8');
  const tokenizer = makeTokenizer(merges, 49408);
  const captioner = nodeCaptioner(threads);
  const model = await modelOf(values);
  const facts = await captioner.open(model, () => undefined);
  if (model.key === 'demo')
    console.log(
      "note: the demo's CLIP knows the demo's shapes only. For pictures of your own give --vision and --text, or --tagger and --tags.",
    );
  console.log(`${facts.kind} model on ${facts.provider}, ${facts.threads} threads, sees ${facts.side} px`);
  const bytes = await readFile(output).catch(() => undefined);
  const stop = stopOnSignals('Stopping after this picture; what there is will be written.');
  stop.signal.addEventListener('abort', () => captioner.stop());
  const made = await labelFolder(
    input,
    captioner,
    options,
    mode,
    (text) => tokenizer.encode(text).length,
    bytes && { path: output, bytes },
    (event, name) => {
      const { done, total } = event;
      if (event.kind === 'failed') console.log(`${done}/${total} ${event.sentence}`);
      else {
        const { caption, confidence } = event.proposal;
        const sure = confidence === undefined ? 'sure of nothing' : confidence.toFixed(2);
        console.log(`${done}/${total} ${name}: ${caption} (${sure})`);
      }
    },
    folder,
    (line) => console.log(`note: ${line}`),
  );
  await writeWhole(output, made.csv);
  console.log(`${output}: ${made.pictures} pictures, ${made.changed} captions new or changed`);
  if (made.notes.length > 0) console.log(`${made.notes.length} pictures could not be read`);
  process.exitCode = stop.status;
}

async function modelOf(values: {
  model: string;
  vision?: string;
  text?: string;
  tagger?: string;
  tags?: string;
}): Promise<CaptionModel> {
  const { vision, text, tagger, tags } = values;
  if (tagger !== undefined || tags !== undefined) {
    if (!tagger || !tags)
      throw new UsageError('A tagger needs --tagger model.onnx and --tags selected_tags.csv.');
    const model = await blobOf(tagger);
    const external = await externalBeside(tagger, model);
    return { kind: 'tagger', key: tagger, external, model, tags: await blobOf(tags) };
  }
  if (vision !== undefined || text !== undefined) {
    if (!vision || !text) throw new UsageError('A CLIP needs --vision and --text, one file each.');
    const [seeing, reading] = [await blobOf(vision), await blobOf(text)];
    const external = [
      ...(await externalBeside(vision, seeing, 'vision')),
      ...(await externalBeside(text, reading, 'text')),
    ];
    return { kind: 'clip', key: vision, external, vision: seeing, text: reading, vocabulary: 'general' };
  }
  if (values.model !== 'demo') {
    throw new UsageError(
      `--model knows only "demo"; give a CLIP by --vision and --text, not "${values.model}".`,
    );
  }
  const demo = (name: string) => blobOf(new URL(`../public/demo/${name}`, import.meta.url));
  const [seeing, reading] = [await demo('clip_vision.onnx'), await demo('clip_text.onnx')];
  return { kind: 'clip', key: 'demo', vision: seeing, text: reading, vocabulary: 'demo' };
}

async function blobOf(path: string | URL): Promise<Blob> {
  return new Blob([
    await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EISDIR')
        throw new Error(`"${path.toString()}" is a folder; a file is wanted here.`);
      throw new Error(`There is no file "${path.toString()}", or it may not be read.`);
    }),
  ]);
}

function share(option: string, given: string): number {
  const value = Number(given);
  if (given.trim() === '' || !(value >= 0 && value <= 1))
    throw new UsageError(`${option} takes a number from 0 to 1.`);
  return value;
}

runCommand(main, USAGE);

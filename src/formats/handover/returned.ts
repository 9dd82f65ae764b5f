/**
 * A run that was trained by sd-scripts, from the files that came back: its LoRAs, its curve, its samples, and what is known
 * of its settings. The folder of a job as it is then, or some files of it; what is none of these is named. Pure: who looks
 * into pictures is handed in.
 */
import type {
  Returned,
  ReturnedFile,
  ReturnedLora,
  ReturnedNote,
  ReturnedRun,
  ReturnedSample,
} from '../../protocol/handover';
import { samplePicture } from '../captions/sample_prompt';
import { checkConfig, defaultConfig } from '../config/config';
import type { TrainConfig } from '../config/config_fields';
import { formatConfig } from '../config/config_format';
import { nameOf } from '../dataset/kinds';
import { compareSums, jobRoot } from './returned_job';
import { readLogs } from './returned_log';
import { byRun, readLora, type ReadLora } from './returned_lora';
import { readSampleName } from './returned_names';
import { promptsIn, settingsOf } from './returned_settings';

/** Width and height of a PNG that can be shown; undefined for a damaged one. */
export type LookAt = (picture: Blob) => Promise<{ width: number; height: number } | undefined>;

/** Zips are opened before; of nothing that is in a file it rejects. */
export async function readReturned(files: readonly ReturnedFile[], look: LookAt): Promise<Returned> {
  const notes: ReturnedNote[] = [];
  const note = (each: ReturnedNote) => void notes.push(each);
  const job = await jobRoot(files);
  const came = files.filter(({ path }) => !job?.sent.has(path) && !job?.isBase(path));
  const ofKind = (kind: Kind) => came.filter(({ path }) => kindOf(path) === kind);
  for (const { path } of ofKind('state')) note({ file: path, why: 'state' });
  for (const { path } of ofKind('unknown')) note({ file: path, why: 'unknown' });

  const read: ReadLora[] = [];
  for (const file of ofKind('lora')) {
    const lora = await readLora(file).catch((error: unknown) => note({ file: file.path, ...said(error) }));
    if (lora) read.push(lora);
  }
  const { mine, others } = byRun(read);
  for (const { file } of others) note({ file: file.path, why: 'other-run' });
  const log = await readLogs(ofKind('log'), note);
  const samples = ofKind('sample');
  if (mine.length === 0 && !log && samples.length === 0) return { run: undefined, notes };

  const newest = mine.at(-1);
  const { settings, known, trainedFrom } = await settingsOf(newest, job?.files ?? files);
  const prompts = await promptsIn(job?.files ?? files);
  const config = whole({ ...settings, ...(prompts.length > 0 ? { sample_prompts: prompts } : {}) });
  const facts = newest?.facts ?? {};
  const perEpoch = facts.batchesPerEpoch
    ? Math.ceil(facts.batchesPerEpoch / config.gradient_accumulation_steps)
    : undefined;
  const epochAt = (step: number) => (perEpoch ? Math.ceil(step / perEpoch) : 0);
  const points = (log?.points ?? []).map((point) => ({ ...point, epoch: epochAt(point.step) }));
  const last = Math.max(points.at(-1)?.step ?? 0, newest?.step ?? 0);
  const stepAt = ({ step, epoch }: { step?: number; epoch?: number }) => {
    if (step !== undefined || epoch === undefined || !perEpoch) return step;
    const end = Math.min(last || Infinity, epoch * perEpoch);
    return Number.isSafeInteger(end) ? end : undefined;
  };

  const pictures: ReturnedSample[] = [];
  for (const { path, file } of samples) {
    const name = readSampleName(path);
    const step = name && stepAt(name);
    if (!name || step === undefined) {
      note({ file: path, why: name ? 'no-step' : 'no-sample-name' });
      continue;
    }
    const size = await look(file);
    if (!size) {
      note({ file: path, why: 'picture-damaged' });
      continue;
    }
    const line = prompts[name.index];
    const seed = line === undefined ? 0 : samplePicture(line, config, name.index).seed;
    pictures.push({
      ...{ step, prompt: line ?? `#${name.index + 1}`, seed: name.seed ?? seed, ...size },
      image: file.slice(0, file.size, 'image/png'),
    });
  }
  const loras = lorasOf(mine, stepAt, last, note);
  if (loras.length + points.length + pictures.length === 0) return { run: undefined, notes };
  const reached = pictures.reduce((most, { step }) => Math.max(most, step), Math.max(last, loras.at(-1)?.step ?? 0)); // prettier-ignore
  const startedAt = facts.startedAt ?? (log ? log.begun * 1000 : undefined);
  const endedAt = facts.finishedAt ?? newest?.file.modified;
  const run: ReturnedRun = {
    ...{
      name: config.output_name,
      startedAt: startedAt ?? endedAt ?? Date.now(),
      config: formatConfig(config),
    },
    seconds: Math.max(points.at(-1)?.seconds ?? 0, startedAt && endedAt ? (endedAt - startedAt) / 1000 : 0),
    ...{ step: reached, steps: Math.max(facts.maxSteps ?? config.max_train_steps, reached) },
    ...{ images: facts.images ?? 0, known, baseName: facts.baseName ?? '' },
    ...(facts.baseSha256 === undefined ? {} : { baseSha256: facts.baseSha256 }),
    ...(trainedFrom === undefined ? {} : { trainedFrom }),
    ...{ loras, points, samples: pictures },
    ...(job ? { job: await compareSums(job) } : {}),
  };
  return { run, notes };
}

type Kind = 'lora' | 'log' | 'sample' | 'state' | 'own' | 'unknown';

function kindOf(path: string): Kind {
  const name = nameOf(path);
  const folders = path.split('/').slice(0, -1);
  if (folders.some((folder) => folder.endsWith('-state'))) return 'state';
  if (/\.safetensors$/i.test(name)) return 'lora';
  if (name.includes('.tfevents.')) return 'log';
  if (/\.png$/i.test(name) && (folders.at(-1) === 'sample' || readSampleName(path))) return 'sample';
  if (OWN.test(name) || name.startsWith('.')) return 'own';
  return 'unknown';
}

/** Of a job, whether or not all of it came back; and what TensorBoard and systems leave beside. */
const OWN =
  /^(config\.toml|dataset\.toml|accelerate\.yaml|run\.sh|README\.md|SHA256SUMS|sample_prompts\.txt|hparams\.yml|Thumbs\.db|desktop\.ini)$/;

function lorasOf(
  read: readonly ReadLora[],
  stepAt: (at: { step?: number; epoch?: number }) => number | undefined,
  last: number,
  note: (note: ReturnedNote) => void,
): ReturnedLora[] {
  const bySteps = new Map<number, ReturnedLora>();
  for (const { file, name, step, facts } of read) {
    const final = name.step === undefined && name.epoch === undefined;
    const at = step ?? stepAt(name) ?? (final ? last : undefined);
    if (at === undefined) {
      note({ file: file.path, why: 'no-step' });
      continue;
    }
    // The run's end counts before a save at the same step.
    if (bySteps.has(at)) note({ file: (final ? bySteps.get(at)?.name : file.path) ?? '', why: 'same-step' });
    if (bySteps.has(at) && !final) continue;
    bySteps.set(at, {
      ...{ step: at, epoch: facts.epoch ?? 0, name: nameOf(file.path), file: file.file, final },
      savedAt: facts.finishedAt ?? file.modified ?? Date.now(),
    });
  }
  return [...bySteps.values()].sort((a, b) => a.step - b.step);
}

/** Settings that contradict each other are those of another trainer: then only what the LoRA itself shows is kept. */
function whole(settings: Partial<TrainConfig>): TrainConfig {
  try {
    return checkConfig({ ...settings });
  } catch {
    const { lora_rank = defaultConfig().lora_rank, output_name = defaultConfig().output_name } = settings;
    return { ...defaultConfig(), lora_rank, output_name, sample_prompts: settings.sample_prompts ?? [] };
  }
}

function said(error: unknown): Omit<Extract<ReturnedNote, { why: 'error' }>, 'file'> {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const { code, facts } = error as { code?: unknown; facts?: unknown };
  return { why: 'error', error: { name, message, code, facts } };
}

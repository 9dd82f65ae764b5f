/**
 * `npm run handover -- --back FOLDER`: what came of a job that sd-scripts trained, read by the module that the page reads it
 * with. Nothing is written.
 */
import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { parseConfig } from '../src/formats/config/config';
import { readReturned } from '../src/formats/handover/returned';
import { outlineLora, ranksOf } from '../src/formats/lora/lora_outline';
import { fromBlob } from '../src/formats/safetensors/byte_source';
import type { ReturnedFile, ReturnedNote, ReturnedRun } from '../src/protocol/handover';
import { listFolder } from './list_folder';

/** Says what came back. Rejects where nothing did, or where the LoRA is not what the job asked for. */
export async function handoverBack(dir: string, say: (line: string) => void): Promise<void> {
  const { files } = await listFolder(dir).catch(() => {
    throw new Error(`The folder "${dir}" cannot be read.`);
  });
  const came: ReturnedFile[] = [];
  for (const { path } of files) {
    const place = join(dir, path);
    came.push({ path, file: await openAsBlob(place), modified: (await stat(place)).mtimeMs });
  }
  const { run, notes } = await readReturned(came, sizeOf);
  for (const note of notes) say(`note: ${noteLine(note)}`);
  if (!run)
    throw new Error(`There is no LoRA, log or sample of sd-scripts in "${dir}". Give the folder of the job.`);
  for (const line of runLines(run)) say(line);
  await checkLora(run);
  const file = run.loras.at(-1);
  const path = file && came.find((each) => each.file === file.file)?.path;
  if (path !== undefined)
    say(`To train it further: pretrained_lora: ${join(dir, path)} and lora_rank as it is there.`);
}

function runLines(run: ReturnedRun): string[] {
  const { name, step, steps, seconds, loras, points, samples, known, job, baseName } = run;
  const losses = points.map(({ loss }) => loss);
  const tenth = losses.slice(-Math.max(1, Math.floor(losses.length / 10)));
  const mean = tenth.reduce((sum, loss) => sum + loss, 0) / tenth.length;
  const all = (names: readonly string[]) => names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
  return [
    `${name}: ${step} of ${steps} steps${seconds > 0 ? ` in ${Math.round(seconds)} s` : ''}${baseName ? `, on ${baseName}` : ''}`,
    loras.length === 0
      ? 'no LoRA'
      : `LoRA of step ${loras.map(({ step: at }) => at).join(', ')}: ${all(loras.map((lora) => lora.name))}`,
    losses.length === 0
      ? 'no log'
      : `log of ${losses.length} steps: loss ${losses[0].toPrecision(4)} at first, ${mean.toPrecision(4)} over the last ${tenth.length}`,
    `${samples.length} samples; ${known} settings known`,
    ...(job && job.files > 0
      ? [
          job.changed.length === 0
            ? `${job.files} files of the job are as they were sent`
            : `no longer as they were sent: ${all(job.changed)}`,
        ]
      : []),
  ];
}

/** Its rank against the settings, where these are the job's own. */
async function checkLora({ loras, config }: ReturnedRun): Promise<void> {
  const last = loras.at(-1);
  if (!last) return;
  const { most } = ranksOf((await outlineLora(fromBlob(last.file))).layers);
  const { lora_rank } = parseConfig(config);
  if (most !== lora_rank)
    throw new Error(
      `${last.name} has rank ${most}, and the job asked for ${lora_rank}: it is of another run.`,
    );
}

const WHY: Readonly<Record<Exclude<ReturnedNote['why'], 'error' | 'log-damaged'>, string>> = {
  'picture-damaged': 'is damaged, or no PNG',
  'no-sample-name': 'is not named as sd-scripts names samples: its step is not known',
  'no-step': 'does not say its step',
  'same-step': 'has the step of another, which is taken',
  'other-run': 'belongs to an earlier run',
  state: 'is a state of sd-scripts, which only it can resume',
  unknown: 'is nothing that a run leaves',
};

function noteLine(note: ReturnedNote): string {
  if (note.why === 'error') return `${note.file}: ${note.error.message}`;
  if (note.why === 'log-damaged')
    return `${note.file} is damaged, or no event file: read up to byte ${note.offset}`;
  return `${note.file} ${WHY[note.why]}`;
}

async function sizeOf(picture: Blob): Promise<{ width: number; height: number } | undefined> {
  try {
    const { info } = await sharp(await picture.arrayBuffer(), { failOn: 'error' })
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height };
  } catch {
    return undefined;
  }
}

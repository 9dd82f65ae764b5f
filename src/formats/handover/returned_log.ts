/**
 * The curve of a run from the event files that sd-scripts writes below `logging_dir`: one folder a start, in it
 * `network_train/events.out.tfevents.…`. Tags are those of its `generate_step_logs`.
 */
import type { ReturnedFile, ReturnedNote, ReturnedPoint } from '../../protocol/handover';
import { folderOf } from '../dataset/kinds';
import { fromBlob, inWindows } from '../safetensors/byte_source';
import { decodeEvent } from '../tensorboard/event';
import { EventFileError, readRecords } from '../tensorboard/tfrecord';

interface Step {
  /** Seconds since 1970. */
  time: number;
  values: Map<string, number>;
}

export interface ReturnedLog {
  /** Seconds since 1970, of its first step. */
  begun: number;
  points: Omit<ReturnedPoint, 'epoch'>[];
}

/** Pictures and texts in the files of other programs; a step's numbers take less. */
const LONGEST = 64 * 1024;

/**
 * Of several starts the last. What cannot be read is noted; what stands before it counts. Undefined where there is not one
 * step.
 */
export async function readLogs(
  files: readonly ReturnedFile[],
  note: (note: ReturnedNote) => void,
): Promise<ReturnedLog | undefined> {
  const starts = new Map<string, ReturnedFile[]>();
  for (const file of files) {
    const folder = folderOf(file.path);
    starts.set(folder, [...(starts.get(folder) ?? []), file]);
  }
  let last: { files: readonly ReturnedFile[]; begun: number; steps: Map<number, Step> } | undefined;
  for (const inFolder of starts.values()) {
    const steps = await stepsIn(inFolder, note);
    if (steps.size === 0) continue;
    const begun = begunAt(steps);
    const older = last && last.begun > begun ? inFolder : last?.files;
    for (const { path } of older ?? []) note({ file: path, why: 'other-run' });
    if (!last || begun >= last.begun) last = { files: inFolder, begun, steps };
  }
  return last && { begun: last.begun, points: pointsOf(last.steps, last.begun) };
}

/** Seconds since 1970, of the first of its steps. */
export function begunAt(steps: ReadonlyMap<number, Pick<Step, 'time'>>): number {
  let first = Infinity;
  for (const { time } of steps.values()) first = Math.min(first, time);
  return first;
}

async function stepsIn(
  files: readonly ReturnedFile[],
  note: (note: ReturnedNote) => void,
): Promise<Map<number, Step>> {
  const steps = new Map<number, Step>();
  // TensorBoard reads them in the order of their names, the time first.
  for (const { path, file } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    try {
      for await (const record of readRecords(inWindows(fromBlob(file)), (length) => length > LONGEST)) {
        if (!record) continue;
        const { time, step, what } = decodeEvent(record);
        if (what.kind === 'start') for (const each of steps.keys()) if (each >= step) steps.delete(each);
        if (what.kind !== 'values' || !Number.isSafeInteger(step) || !Number.isFinite(time)) continue;
        for (const value of what.values) {
          if (!('scalar' in value) || !TAGS.test(value.tag)) continue;
          const at = steps.get(step) ?? { time, values: new Map<string, number>() };
          at.values.set(value.tag, value.scalar);
          steps.set(step, at);
        }
      }
    } catch (error) {
      if (error instanceof EventFileError) note({ file: path, why: 'log-damaged', offset: error.offset });
      else throw error;
    }
  }
  for (const [step, { values }] of steps) if (!values.has(LOSS)) steps.delete(step);
  return steps;
}

const LOSS = 'loss/current';
/** Those of a step; `loss/epoch_average` counts epochs where these count steps. */
const TAGS = /^(loss\/current|loss\/average|lr\/unet.*|lr\/textencoder.*|lr\/group0|norm\/avg_grad_norm)$/;

function pointsOf(steps: ReadonlyMap<number, Step>, begun: number): ReturnedLog['points'] {
  return [...steps]
    .sort(([a], [b]) => a - b)
    .map(([step, { time, values }]) => {
      const named = (start: string) => [...values].find(([tag]) => tag.startsWith(start))?.[1];
      const [unet, text] = [named('lr/unet') ?? values.get('lr/group0'), named('lr/textencoder')];
      const average = values.get('loss/average');
      const norm = values.get('norm/avg_grad_norm');
      return {
        step,
        loss: values.get(LOSS) ?? NaN,
        learningRate: unet ?? text ?? NaN,
        ...(unet !== undefined && text !== undefined ? { textLearningRate: text } : {}),
        ...(average === undefined ? {} : { averageLoss: average }),
        ...(norm === undefined ? {} : { gradientNorm: norm }),
        seconds: time - begun,
      };
    });
}

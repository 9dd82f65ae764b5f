/**
 * A run's event files for TensorBoard, in a folder of its own under `logs/`, named by the run and its beginning: a resumed
 * run goes on there, in a new file, which says from which step on the earlier ones hold no longer. Each record is on its
 * way to the disk when it is told. Like the log, this ends no run: where it cannot be written, that is told once.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { formatConfig } from '../src/formats/config/config_format';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { decodeEvent, type EventRecord, type Value } from '../src/formats/tensorboard/event';
import {
  configurationValue,
  eventFileName,
  LOSS,
  opening,
  recordBytes,
  RunEvents,
  runFolder,
  sampleTag,
} from '../src/formats/tensorboard/run_events';
import { inWindows } from '../src/formats/safetensors/byte_source';
import { readRecords } from '../src/formats/tensorboard/tfrecord';
import type { RunPlan, TrainEvent } from '../src/protocol/trainer';
import { withSource } from './files';
import { whyNotWritten } from './not_written';

/** Records of scalars are some 300 bytes: what is longer is a picture or a text. */
const SCALARS_AT_MOST = 4096;

export class EventLog {
  /** Its folder, once the run is known. */
  #folder: string | undefined;
  /** Its file, once something was written to it. */
  #file: string | undefined;
  #from = 0;
  #events: RunEvents | undefined;
  #failing = false;

  /** `logs`: the folder that TensorBoard is pointed at. */
  constructor(
    private readonly logs: string,
    private readonly config: TrainConfig,
    private readonly tell: (sentence: string) => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** `png`: of a sample. */
  async take(event: TrainEvent, png?: Uint8Array): Promise<void> {
    if (event.kind === 'plan') await this.#begin(event.plan);
    else if (event.kind === 'step') this.#write(event.step, this.#events?.step(event) ?? []);
    else if (event.kind === 'sample' && png) {
      const { step, index, prompt, width, height } = event;
      this.#write(step, [{ tag: sampleTag(index, prompt), png, width, height }]);
    }
  }

  async #begin({ steps, stepsPerEpoch, from = 0, startedAt = this.now() }: RunPlan): Promise<void> {
    const folder = join(this.logs, runFolder(this.config.output_name, startedAt));
    // A run that had to begin again before it saved anything is still the same to whoever watches it.
    if (this.#folder !== undefined && this.#folder !== folder && existsSync(this.#folder)) {
      try {
        renameSync(this.#folder, folder);
      } catch (error) {
        this.#fail(error, 0);
      }
    }
    this.#folder = folder;
    this.#file = undefined;
    this.#from = from;
    const before = from > 0 ? await lossesBefore(folder, from, this.tell) : new Map<number, number>();
    this.#events = new RunEvents({ steps, stepsPerEpoch, trainsUnet: this.config.train_unet }, before);
    this.#write(from, [configurationValue(formatConfig(this.config))]);
  }

  #write(step: number, values: readonly Value[]): void {
    if (this.#folder === undefined || values.length === 0) return;
    const time = this.now() / 1000;
    const record: EventRecord = { time, step, what: { kind: 'values', values } };
    const bytes = (this.#file === undefined ? [...opening(time, this.#from), record] : [record]).map(
      recordBytes,
    );
    const all = Buffer.concat(bytes);
    try {
      this.#file ??= newFile(this.#folder, time);
      appendFileSync(this.#file, all);
      this.#failing = false;
      this.#from = step;
    } catch (error) {
      // It may hold half a record now, behind which nothing would be read.
      this.#file = undefined;
      this.#fail(error, all.length);
    }
  }

  #fail(error: unknown, bytes: number): void {
    if (this.#failing) return;
    this.#failing = true;
    void whyNotWritten(error, this.logs, bytes).then((why) =>
      this.tell(`note: the curves for TensorBoard are not written. ${why} The run goes on.`),
    );
  }
}

/** A file that is not there yet and comes after all that are. Makes `logs` and the folder; what they lie in is for others to miss. */
function newFile(folder: string, seconds: number): string {
  for (const each of [dirname(folder), folder]) if (!existsSync(each)) mkdirSync(each);
  const latest = Math.max(0, ...eventFiles(folder).map((name) => Number(name.split('.')[3])));
  return join(folder, eventFileName(Math.max(seconds, latest + 1)));
}

/** In the order in which they are read. */
function eventFiles(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^events\.out\.tfevents\.\d+\./.test(name))
        .sort()
    : [];
}

/** What the loss was at each step up to `step`. */
async function lossesBefore(
  folder: string,
  step: number,
  tell: (sentence: string) => void,
): Promise<Map<number, number>> {
  const losses = new Map<number, number>();
  for (const name of eventFiles(folder)) {
    try {
      await withSource(join(folder, name), async (source) => {
        for await (const record of readRecords(inWindows(source), (length) => length > SCALARS_AT_MOST)) {
          const event = record && decodeEvent(record);
          if (event?.what.kind !== 'values' || event.step > step) continue;
          for (const value of event.what.values)
            if (value.tag === LOSS && 'scalar' in value) losses.set(event.step, value.scalar);
        }
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      tell(`note: the earlier curves in ${join(basename(folder), name)} cannot all be read. ${why}`);
    }
  }
  return losses;
}

/** For tests of whole runs: the tiny checkpoint, a few pictures made of numbers, and a short configuration. */
import { readFileSync } from 'node:fs';
import { defaultConfig } from '../formats/config/config';
import type { TrainConfig } from '../formats/config/config_fields';
import type { SavedFile, TrainEvent } from '../protocol/trainer';
import type { TrainingImage } from './data/dataset';
import { goldenSource } from './golden_source.testing';
import { stream } from './step/random';
import type { TrainingRun } from './loop/prepare';
import { train } from './loop/train';

export const SHORT: Partial<TrainConfig> = {
  resolution: 128,
  min_bucket_reso: 64,
  max_bucket_reso: 256,
  lora_rank: 2,
  batch_size: 2,
  max_train_steps: 6,
  learning_rate: 1e-2,
  lr_scheduler: 'cosine',
  save_steps: 3,
  min_snr_gamma: 5,
  noise_offset: 0.05,
  lora_dropout: 0.1,
  flip_aug: true,
  gradient_accumulation_steps: 2,
};

/** A tenth of the work, for what hangs neither on batches and their accumulation nor on several shapes. */
export const QUICK = {
  resolution: 64,
  batch_size: 1,
  gradient_accumulation_steps: 1,
  save_steps: 0,
} satisfies Partial<TrainConfig>;

/** Five pictures of two shapes, so that two buckets alternate. */
export function pictures(): TrainingImage[] {
  return ['red', 'green', 'blue', 'white, round\r\nand a second line', 'black'].map((caption, i) => ({
    name: `${i}.png`,
    caption,
    repeats: 1,
    size: i % 2 ? ([128, 128] as const) : ([192, 96] as const),
    pixels: ({ bucket: [width, height] }) =>
      Promise.resolve(stream(7, 'picture', i).fillUniform(new Float32Array(width * height * 3), -1, 1)),
  }));
}

export function shortRun(settings: Partial<TrainConfig> = {}, more: Partial<TrainingRun> = {}): TrainingRun {
  let clock = 1_700_000_000_000;
  return {
    config: { ...defaultConfig(), ...SHORT, ...settings },
    base: { name: 'tiny-sd15.safetensors', files: [goldenSource('tiny-sd15.safetensors')] },
    images: pictures(),
    merges: readFileSync(new URL('../../public/clip/merges.txt', import.meta.url), 'utf8'),
    // A clock of its own, so that files of two runs can be compared byte by byte.
    now: () => (clock += 0),
    ...more,
  };
}

/** Runs to the end and returns all events. */
export async function collect(run: TrainingRun): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of train(run)) events.push(event);
  return events;
}

export function of<K extends TrainEvent['kind']>(
  events: readonly TrainEvent[],
  kind: K,
): Extract<TrainEvent, { kind: K }>[] {
  return events.filter((event): event is Extract<TrainEvent, { kind: K }> => event.kind === kind);
}

/** None of a file that was not saved. */
export async function bytesOf(file: SavedFile | undefined): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (file?.blob ?? new Blob()).arrayBuffer());
}

/**
 * Which images make up which step. An epoch is every image times its repeats, grouped by bucket (a batch has one
 * size), shuffled within each bucket, cut into batches (the last of a bucket may be short), the batches shuffled:
 * kohya's order of things, which is promised (docs/decisions/3-memory.md). It depends on (seed, epoch) alone, so a step
 * number is all a resumed run needs.
 */
import type { Size } from '../../formats/dataset/buckets';
import { stream } from '../step/random';

export interface BatchImage {
  bucket: Size;
  /** How often an epoch shows it, at least 1. */
  repeats: number;
}

export interface BatchConfig {
  seed: number;
  batchSize: number;
  /** Batches whose gradients are summed for one update. */
  accumulation: number;
}

export interface Batch {
  bucket: Size;
  /** Indices into the list of images, 1 to batchSize of them. */
  images: number[];
}

/** One optimizer update: what it trains on, and where in the run it is. */
export interface TrainingStep {
  /** Counted from 0 through the whole run. */
  step: number;
  /** Counted from 0. */
  epoch: number;
  /** Up to `accumulation` batches, fewer at the end of an epoch; the gradient is their sum / accumulation. */
  batches: Batch[];
}

/** Batch settings, or a list of images, from which no step can be made. */
export class InvalidBatchesError extends RangeError {
  override readonly name = 'InvalidBatchesError';
}

/** The steps of a run from step `from` on, without end: the caller knows when to stop. */
export function* trainingSteps(
  images: readonly BatchImage[],
  config: BatchConfig,
  from = 0,
): Generator<TrainingStep, never> {
  const perEpoch = stepsPerEpoch(images, config);
  let batches: Batch[] = [];
  let shuffledEpoch = -1;
  for (let step = from; ; step++) {
    const epoch = Math.floor(step / perEpoch);
    if (epoch !== shuffledEpoch) batches = epochBatches(images, config, epoch);
    shuffledEpoch = epoch;
    const first = (step % perEpoch) * config.accumulation;
    yield { step, epoch, batches: batches.slice(first, first + config.accumulation) };
  }
}

/** All batches of an epoch (from 0), in order. @throws InvalidBatchesError */
export function epochBatches(images: readonly BatchImage[], config: BatchConfig, epoch: number): Batch[] {
  check(images, config);
  const random = stream(config.seed, 'batches', epoch);
  const batches = groupByBucket(images).flatMap(({ bucket, members }) => {
    const order = random.shuffle(members);
    const count = Math.ceil(order.length / config.batchSize);
    return Array.from({ length: count }, (_, i) => ({
      bucket,
      images: order.slice(i * config.batchSize, (i + 1) * config.batchSize),
    }));
  });
  return random.shuffle(batches);
}

/** Sum over buckets of ceil(images with repeats / batch size). */
export function batchesPerEpoch(images: readonly BatchImage[], config: BatchConfig): number {
  check(images, config);
  return groupByBucket(images).reduce((sum, g) => sum + Math.ceil(g.members.length / config.batchSize), 0);
}

/** Optimizer updates an epoch: ceil(batches / accumulation), as an epoch's last group is not carried over. */
export function stepsPerEpoch(images: readonly BatchImage[], config: BatchConfig): number {
  return Math.ceil(batchesPerEpoch(images, config) / config.accumulation);
}

/** Optimizer updates of the run: the epochs' worth, or `maxSteps` where that is fewer or no epochs are given. */
export function totalSteps(
  images: readonly BatchImage[],
  config: BatchConfig,
  length: { epochs?: number; maxSteps?: number },
): number {
  const { epochs, maxSteps } = length;
  for (const [name, value] of Object.entries({ epochs, maxSteps })) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new InvalidBatchesError(`${name} is ${value}, but must be a whole number of at least 1.`);
    }
  }
  if (epochs === undefined && maxSteps === undefined) {
    throw new InvalidBatchesError('The run has no length: say how many epochs or how many steps it has.');
  }
  const byEpochs = epochs === undefined ? Infinity : epochs * stepsPerEpoch(images, config);
  return Math.min(byEpochs, maxSteps ?? Infinity);
}

/** Buckets by width, then height; an image stands in `members` as often as it is repeated. */
export function groupByBucket(images: readonly BatchImage[]): { bucket: Size; members: number[] }[] {
  const groups = new Map<string, { bucket: Size; members: number[] }>();
  images.forEach(({ bucket, repeats }, index) => {
    const key = bucket.join('x');
    const group = groups.get(key) ?? { bucket, members: [] };
    for (let i = 0; i < repeats; i++) group.members.push(index);
    groups.set(key, group);
  });
  return [...groups.values()].sort((a, b) => a.bucket[0] - b.bucket[0] || a.bucket[1] - b.bucket[1]);
}

function check(images: readonly BatchImage[], { batchSize, accumulation }: BatchConfig): void {
  const whole = (value: number): boolean => Number.isInteger(value) && value >= 1;
  if (images.length === 0) throw new InvalidBatchesError('There are no images to train on; add some.');
  if (!whole(batchSize)) {
    throw new InvalidBatchesError(
      `The batch size is ${batchSize}, but must be a whole number of at least 1.`,
    );
  }
  if (!whole(accumulation)) {
    throw new InvalidBatchesError(
      `Gradient accumulation is ${accumulation} batches, but must be a whole number of at least 1.`,
    );
  }
  const odd = images.findIndex(({ repeats }) => !whole(repeats));
  if (odd >= 0) {
    throw new InvalidBatchesError(
      `Image ${odd} is repeated ${images[odd].repeats} times an epoch, but must be a whole number of at least 1.`,
    );
  }
}

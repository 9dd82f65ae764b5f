/**
 * How long a run is, from pictures and settings alone: pictures x repeats x epochs / batch = steps, and what short
 * batches at the end of a bucket add. The same counting as training/batches.ts, which the page may not import.
 */
import {
  bucketConfig,
  bucketResolutions,
  placeInBucket,
  UnusableImageSizeError,
} from '../../formats/dataset/buckets';
import type { TrainConfig } from '../../formats/config/config_fields';

export interface SizedPicture {
  readonly width: number;
  readonly height: number;
  readonly repeats: number;
}

export interface RunLength {
  readonly pictures: number;
  /** Too small or too thin for any bucket; they stop a run. */
  readonly unusable: number;
  /** Pictures shown in an epoch, repeats counted. */
  readonly shown: number;
  readonly stepsPerEpoch: number;
  /** Steps an epoch would take if all pictures had one size: the difference is short batches. */
  readonly plainStepsPerEpoch: number;
  readonly epochs: number;
  readonly steps: number;
}

/** An epoch of these pictures with these settings; its length does not depend on `epochs`. */
export function epochOf(
  pictures: readonly SizedPicture[],
  config: TrainConfig,
): Omit<RunLength, 'epochs' | 'steps'> {
  const { shown, groups, unusable } = grouped(pictures, config);
  const batches = [...groups.values()].reduce((sum, count) => sum + Math.ceil(count / config.batch_size), 0);
  const accumulated = config.gradient_accumulation_steps;
  return {
    pictures: pictures.length,
    unusable,
    shown,
    stepsPerEpoch: Math.ceil(batches / accumulated),
    plainStepsPerEpoch: Math.ceil(Math.ceil(shown / config.batch_size) / accumulated),
  };
}

/** A limit on the steps counts instead of the epochs. */
export function runLength(epoch: Omit<RunLength, 'epochs' | 'steps'>, config: TrainConfig): RunLength {
  const { stepsPerEpoch } = epoch;
  const steps = config.max_train_steps > 0 ? config.max_train_steps : config.epochs * stepsPerEpoch;
  const epochs = config.max_train_steps > 0 && stepsPerEpoch > 0 ? steps / stepsPerEpoch : config.epochs;
  return { ...epoch, epochs, steps: stepsPerEpoch > 0 ? steps : 0 };
}

/** Epochs of the slider's stops: the fewest whose steps reach what is wanted, each more than the one before. */
export function stopsOf(wanted: readonly number[], shown: number): number[] {
  const epochs: number[] = [];
  for (const pictures of wanted) {
    const nearest = shown > 0 ? Math.round(pictures / shown) : 1;
    epochs.push(Math.max(nearest, (epochs.at(-1) ?? 0) + 1));
  }
  return epochs;
}

/** Samples about eight times in a run, checkpoints half as often, at steps that a person can remember. */
export function intervals(steps: number): { sample: number; save: number } {
  const sample = round(steps / 8);
  return { sample, save: 2 * sample };
}

/** The largest of 1, 2, 5, 10, 20, 25, 50, 100, ... that is not above. */
function round(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  const factor = [5, 2.5, 2, 1].find((each) => each * power <= value && Number.isInteger(each * power));
  return (factor ?? 1) * power;
}

function grouped(pictures: readonly SizedPicture[], config: TrainConfig) {
  const groups = new Map<string, number>();
  let [shown, unusable] = [0, 0];
  if (config.min_bucket_reso > config.max_bucket_reso) return { groups, shown, unusable };
  const buckets = bucketConfig(config);
  const resolutions = bucketResolutions(buckets);
  for (const { width, height, repeats } of pictures) {
    const times = repeats * config.num_repeats;
    try {
      const key = placeInBucket([width, height], buckets, resolutions).bucket.join('x');
      groups.set(key, (groups.get(key) ?? 0) + times);
      shown += times;
    } catch (error) {
      if (!(error instanceof UnusableImageSizeError)) throw error;
      unusable++;
    }
  }
  return { groups, shown, unusable };
}

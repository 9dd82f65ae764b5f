/**
 * The captions of a run beforehand. What a step is told is a function of the seed and its place in the run (shuffling,
 * dropout and all), so the captions of all steps are listed before the first, each encoded once, and no text encoder stays
 * on the GPU that is not trained. More than the host should keep go by stretches of steps.
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import { trainingSteps, type BatchConfig, type BatchImage, type TrainingStep } from '../data/batches';
import { processCaption } from '../data/captions';
import { captionConfig } from '../data/dataset';
import { stream } from '../step/random';

type Captioned = BatchImage & { image: { caption: string } };

/** The caption of a sample of a micro-step. */
export function captionAt(
  config: TrainConfig,
  caption: string,
  at: Pick<TrainingStep, 'step' | 'epoch'>,
  micro: number,
  sample: number,
): string {
  const random = stream(config.seed, 'caption', at.step, micro, sample);
  return processCaption(caption, captionConfig(config), random, at.epoch + 1);
}

export interface CaptionWindow {
  captions: ReadonlySet<string>;
  /** The first step that needs others. */
  until: number;
}

/** All captions of the steps from `from` to before `to`, or of as many of these steps as need at most `most` (at least one). */
export function captionWindow(
  config: TrainConfig,
  images: readonly Captioned[],
  batching: BatchConfig,
  { from, to, most }: { from: number; to: number; most: number },
): CaptionWindow {
  const captions = new Set<string>();
  for (const at of trainingSteps(images, batching, from)) {
    if (at.step >= to) break;
    const own = new Set(captionsOf(config, images, at));
    const more = [...own].filter((caption) => !captions.has(caption));
    if (captions.size > 0 && captions.size + more.length > most) return { captions, until: at.step };
    for (const caption of more) captions.add(caption);
  }
  return { captions, until: to };
}

function captionsOf(config: TrainConfig, images: readonly Captioned[], at: TrainingStep): string[] {
  return at.batches.flatMap((batch, micro) =>
    batch.images.map((index, sample) => captionAt(config, images[index].image.caption, at, micro, sample)),
  );
}

/**
 * Everything that is worked out once before training: where each picture is cut, its latents (and those of its mirror
 * image), and what the U-Net is told of captions.
 */
import * as tf from '@tensorflow/tfjs';
import {
  bucketConfig,
  bucketResolutions,
  InvalidBucketConfigError,
  placeInBucket,
  UnusableImageSizeError,
  type BucketConfig,
  type Focus,
  type Placement,
  type Size,
} from '../../formats/dataset/buckets';
import type { TrainConfig } from '../../formats/config/config_fields';
import type { FamilyFacts } from '../../formats/families/family_facts';
import { chunks, type Tokenizer } from '../../formats/captions/tokenizer';
import { read, trim } from '../../kernels/program';
import type { VaeConfig } from '../../models/config';
import type { LoraOf } from '../../models/lora';
import { textConfigs, textModels, type BaseModel, type TextEncoders } from '../step/base_model';
import { groupByBucket } from './batches';
import type { CaptionConfig } from './captions';
import { encodeMoments, posteriorSample } from './latents';
import type { TextStates } from './text_states';
import { PromptInputs } from '../step/prompts';
import { stream } from '../step/random';

/** A picture as the trainer gets it: `pixels` decodes, scales and cuts, [H, W, 3] in [-1, 1]. */
export interface TrainingImage {
  name: string;
  caption: string;
  repeats: number;
  /** Upright pixels. */
  size: Size;
  /** Where the crop sits; the centre where it is missing. */
  focus?: Focus;
  pixels(placement: Placement): Promise<Float32Array>;
  /** Of its file, by which another picture of the same name is noticed when a run is resumed. */
  digest?(): Promise<string>;
}

export interface Placed<I> {
  image: I;
  placement: Placement;
  bucket: Size;
  repeats: number;
}

export type PlacedImage = Placed<TrainingImage>;

export interface CachedImage extends PlacedImage {
  /** [h, w, 4], and of the mirrored picture where flips were asked for. */
  latents: Float32Array[];
}

type Placeable = Pick<TrainingImage, 'size' | 'focus' | 'repeats'> & Partial<Pick<TrainingImage, 'name'>>;

/** Throws `InvalidBucketConfigError` where buckets come in steps that the base model's family cannot take. */
export function checkBucketStep(
  { enable_bucket, bucket_reso_steps: step }: TrainConfig,
  { title, resolution: { multipleOf } }: Pick<FamilyFacts, 'title' | 'resolution'>,
): void {
  if (enable_bucket && step % multipleOf !== 0)
    throw new InvalidBucketConfigError('model', { step, multipleOf, model: title.en });
}

/** Cuts as kohya's trainer does. Throws `UnusableImageSizeError`, which names the picture, or `InvalidBucketConfigError`. */
export function placeImages<I extends Placeable>(images: readonly I[], config: TrainConfig): Placed<I>[] {
  const buckets = bucketConfig(config);
  const resolutions = bucketResolutions(buckets);
  return images.map((image) => {
    const placement = placeByName(image, buckets, resolutions);
    return { image, placement, bucket: placement.bucket, repeats: image.repeats * config.num_repeats };
  });
}

function placeByName(image: Placeable, buckets: BucketConfig, resolutions: readonly Size[]): Placement {
  try {
    return placeInBucket(image.size, buckets, resolutions, image.focus);
  } catch (error) {
    if (!(error instanceof UnusableImageSizeError)) throw error;
    throw new UnusableImageSizeError(image.size, error.facts.step, image.name);
  }
}

export function captionConfig(config: TrainConfig): CaptionConfig {
  return {
    prefix: config.caption_prefix,
    suffix: config.caption_suffix,
    dropoutRate: config.caption_dropout_rate,
    dropoutEveryNEpochs: config.caption_dropout_every_n_epochs,
    shuffle: config.shuffle_caption,
    keepTags: config.keep_tokens,
    separator: config.keep_tokens_separator,
    tagDropoutRate: config.caption_tag_dropout_rate,
  };
}

/** The VAE's posterior of one side of a picture (1: mirrored), by what gives it: a disk, or the VAE. */
export type Moments = (index: number, side: number) => Promise<Float32Array>;

/** The sides of a picture that are trained on. */
export function sidesOf({ flip_aug }: Pick<TrainConfig, 'flip_aug'>): number[] {
  return flip_aug ? [0, 1] : [0];
}

/**
 * Yields after each picture, with its place in the list, on which its noise depends, and on the seed. Bucket after bucket,
 * so that the VAE's buffers are made once for each: no number hangs on this order, as a run's hang on that of its batches.
 */
export async function* cacheLatents(
  { latentChannels, scaling }: VaeConfig,
  placed: readonly PlacedImage[],
  config: TrainConfig,
  moments: Moments,
): AsyncGenerator<readonly [number, CachedImage]> {
  const groups = groupByBucket(placed.map(({ bucket }) => ({ bucket, repeats: 1 })));
  for (const index of groups.flatMap(({ members }) => members)) {
    const item = placed[index];
    const latents: Float32Array[] = [];
    for (const side of sidesOf(config)) {
      const eps = posteriorNoise(config, item.bucket, latentChannels, [index, side]);
      latents.push(posteriorSample(await moments(index, side), eps, latentChannels, scaling));
    }
    yield [index, { ...item, latents }];
  }
}

/** What the VAE says of these pictures. Each is decoded once, for both its sides. */
export function momentsBy(vae: BaseModel['vae'], placed: readonly PlacedImage[]): Moments {
  let last: { index: number; straight: Float32Array } | undefined;
  return async (index, side) => {
    const { image, placement, bucket } = placed[index];
    const [width, height] = bucket;
    if (last && last.index !== index) {
      // Buffers are kept by their size: those of another bucket would only pile up beside this one's.
      const [lastWidth, lastHeight] = placed[last.index].bucket;
      if (width !== lastWidth || height !== lastHeight) trim();
    }
    if (last?.index !== index) last = { index, straight: await image.pixels(placement) };
    const values = side ? mirrored(last.straight, width) : last.straight;
    return encodeMoments(vae, { values, width, height }, image.name);
  };
}

/** What a picture's latents are drawn with: [H/8, W/8, channels], of its place in the list and its side (1: mirrored). */
export function posteriorNoise(
  { seed }: Pick<TrainConfig, 'seed'>,
  [width, height]: Size,
  channels: number,
  [index, side]: readonly [number, number],
): Float32Array {
  const eps = new Float32Array((width / 8) * (height / 8) * channels);
  return stream(seed, 'latents', index, side).fillNormal(eps);
}

/** [H, W, 3], left and right exchanged. */
export function mirrored(pixels: Float32Array, width: number): Float32Array {
  return Float32Array.from(pixels, (_, i) => {
    const column = Math.floor(i / 3) % width;
    return pixels[i + 3 * (width - 1 - 2 * column)];
  });
}

/** Token ids of a caption, chunk after chunk: [chunks * 77]. What is over the limit is cut, as kohya does. */
export function captionIds(tokenizer: Tokenizer, caption: string, maxTokens: 75 | 150 | 225): Int32Array {
  return Int32Array.from(chunks(tokenizer.encode(caption), maxTokens, tokenizer).flat());
}

/** What the U-Net is told of one caption; `ids` as `captionIds` gives them. */
export async function encodeCaption(
  base: TextEncoders,
  ids: Int32Array,
  clipSkip: number,
  lora?: LoraOf,
): Promise<TextStates> {
  const config = textConfigs(base);
  const inputs = new PromptInputs(base.family, config, 1, ids.length / config.text1.positions, 'captions');
  inputs.write(ids);
  const { context, pooled } = tf.tidy(() => ({
    ...base.family.encode(textModels(base, lora), config, inputs.with(clipSkip)),
  }));
  inputs.dispose();
  const states = { context: await read(context), ...(pooled ? { pooled: await read(pooled) } : {}) };
  tf.dispose([context, ...(pooled ? [pooled] : [])]);
  return states;
}

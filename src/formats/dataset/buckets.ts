/**
 * Aspect-ratio buckets as kohya cuts them: which resolutions there are, which one an image goes to, what size it is
 * scaled to so as to cover it, and which rectangle is cut out. Arithmetic only; `resize.ts` does the pixels.
 * Roundings follow kohya's `BucketManager` and `trim_and_resize_if_required`, ties included, because people compare. Where a person has moved the crop, `cropOffset` says where it lies.
 */
import type { TrainConfig } from '../config/config_fields';

/** Width, height in pixels. */
export type Size = readonly [width: number, height: number];

export interface BucketConfig {
  /** Width and height whose product is the largest area; without buckets, the one size of all. */
  resolution: Size;
  /** One size for all images if false. */
  enabled: boolean;
  /** Shrink only: small images keep their size, cut down to a multiple of `step`; min and max are ignored. */
  noUpscale: boolean;
  minSize: number;
  maxSize: number;
  /** Bucket sides are multiples of this: 64, or a smaller multiple of 8 for tiny models. */
  step: number;
}

export const BUCKET_DEFAULTS: Readonly<BucketConfig> = {
  resolution: [512, 512],
  enabled: true,
  noUpscale: false,
  minSize: 256,
  maxSize: 1024,
  step: 64,
};

/** Where in what is cut off the crop sits: [0, 0] the top left, [1, 1] the bottom right. */
export type Focus = readonly [x: number, y: number];

/** As kohya crops. */
export const CENTRE: Focus = [0.5, 0.5];

/** The bucket settings of a configuration. */
export function bucketConfig(config: TrainConfig): BucketConfig {
  return {
    resolution: [config.resolution, config.resolution],
    enabled: config.enable_bucket,
    noUpscale: config.bucket_no_upscale,
    minSize: config.min_bucket_reso,
    maxSize: config.max_bucket_reso,
    step: config.bucket_reso_steps,
  };
}

/** Scale the image to `resized`, then cut `bucket` out of it at `crop`. */
export interface Placement {
  bucket: Size;
  resized: Size;
  crop: { x: number; y: number };
  /** Aspect ratio of the bucket minus that of the image: kohya's `ar_error`. */
  aspectError: number;
}

/** What `InvalidBucketConfigError` knows, by its code; sizes in pixels. */
export interface BucketConfigFacts {
  step: { step: number };
  resolution: { width: number; height: number };
  'below-step': { width: number; height: number; step: number };
  multiples: { minSize: number; maxSize: number; step: number };
  outside: { width: number; height: number; minSize: number; maxSize: number };
  /** What the base model takes are multiples of `multipleOf`; `model` is what it is called. */
  model: { step: number; multipleOf: number; model: string };
}

const configSentences: { [C in keyof BucketConfigFacts]: (facts: BucketConfigFacts[C]) => string } = {
  step: ({ step }) => `Bucket step ${step} is not possible; it must be a multiple of 8, usually 64.`,
  resolution: ({ width, height }) =>
    `Resolution ${width} x ${height} is not possible; both sides must be multiples of 8 and at least 64.`,
  'below-step': ({ width, height, step }) =>
    `Resolution ${width} x ${height} is below the bucket step ${step}.`,
  multiples: ({ minSize, maxSize, step }) =>
    `Bucket sizes from ${minSize} to ${maxSize} are not possible; both must be multiples of the step ${step}.`,
  outside: ({ width, height, minSize, maxSize }) =>
    `Resolution ${width} x ${height} must lie within the bucket sizes ${minSize} to ${maxSize}; ` +
    `lower the smallest or raise the largest bucket size.`,
  model: ({ step, multipleOf, model }) =>
    `Bucket step ${step} is too fine for ${model}: it must be a multiple of ${multipleOf}.`,
};

/** Bucket settings that contradict each other. */
export class InvalidBucketConfigError<
  C extends keyof BucketConfigFacts = keyof BucketConfigFacts,
> extends RangeError {
  override readonly name = 'InvalidBucketConfigError';
  constructor(
    readonly code: C,
    readonly facts: BucketConfigFacts[C],
  ) {
    super(configSentences[code](facts));
  }
}

/** What `UnusableImageSizeError` knows: `step` where the picture is too small for buckets of that step. */
export interface ImageSizeFacts {
  size: { width: number; height: number; step: number | undefined; picture: string | undefined };
}

/** An image too small or too thin to fill a bucket. */
export class UnusableImageSizeError extends RangeError {
  override readonly name = 'UnusableImageSizeError';
  readonly code = 'size';
  readonly facts: ImageSizeFacts['size'];

  /** @param picture its name, where it is known */
  constructor([width, height]: Size, step?: number, picture?: string) {
    const what = `${picture ?? 'An image'} of ${width} x ${height} pixels`;
    super(
      step === undefined
        ? `${what} cannot be used.`
        : `${what} is too small or too thin: a bucket's sides are multiples of ${step}, and pictures are not ` +
            `enlarged. Remove or crop it, or allow upscaling.`,
    );
    this.facts = { width, height, step, picture };
  }
}

/**
 * All bucket resolutions, sorted by width, then height. (With `noUpscale` there is no list: see `placeInBucket`.)
 * For widths min, min + step, ... max: the tallest height within area and max, and the same lying; and the square.
 * @throws InvalidBucketConfigError
 */
export function bucketResolutions(config: BucketConfig): Size[] {
  checkBuckets(config);
  if (!config.enabled) return [config.resolution];
  const { minSize, maxSize, step } = config;
  const area = config.resolution[0] * config.resolution[1];
  const found = new Map<string, Size>();
  const add = (width: number, height: number): void => void found.set(`${width}x${height}`, [width, height]);
  const square = floorTo(Math.sqrt(area), step);
  add(square, square);
  for (let width = minSize; width <= maxSize; width += step) {
    const height = Math.min(maxSize, floorTo(Math.floor(area / width), step));
    if (height < minSize) continue;
    add(width, height);
    add(height, width);
  }
  return [...found.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/**
 * Where an image of this size (upright pixels) goes.
 * @param resolutions of `bucketResolutions(config)`, to work them out once for many images
 * @param focus where the crop sits; the centre unless a person moved it
 * @throws InvalidBucketConfigError, UnusableImageSizeError
 */
export function placeInBucket(
  size: Size,
  config: BucketConfig,
  resolutions: readonly Size[] = bucketResolutions(config),
  focus: Focus = CENTRE,
): Placement {
  const [width, height] = size;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new UnusableImageSizeError(size);
  }
  if (config.enabled && config.noUpscale) return shrinkOnly(size, config, focus);
  const aspect = width / height;
  const bucket = nearest(size, resolutions);
  const scale = aspect > bucket[0] / bucket[1] ? bucket[1] / height : bucket[0] / width;
  return cut(size, bucket, [round(width * scale), round(height * scale)], focus);
}

/** The image's own size if it is a bucket, else the smallest difference of aspect ratios, the first on a tie. */
function nearest([width, height]: Size, resolutions: readonly Size[]): Size {
  const same = resolutions.find(([w, h]) => w === width && h === height);
  if (same) return same;
  const error = ([w, h]: Size): number => Math.abs(w / h - width / height);
  return resolutions.reduce((best, next) => (error(next) < error(best) ? next : best));
}

/** Too large an area is shrunk, keeping the aspect ratio, so that one side is a multiple of `step`. */
function shrinkOnly(size: Size, { resolution, step }: BucketConfig, focus: Focus): Placement {
  const [width, height] = size;
  const area = resolution[0] * resolution[1];
  let resized = size;
  if (width * height > area) {
    const aspect = width / height;
    const fullWidth = Math.sqrt(area * aspect);
    const byWidth = floorTo(round(fullWidth), step);
    const byHeight = floorTo(round(area / fullWidth), step);
    // Of the two roundings, the one whose bucket keeps the aspect ratio better. A side of 0 loses (infinite or NaN).
    const widthError = Math.abs(byWidth / floorTo(round(byWidth / aspect), step) - aspect);
    const heightError = Math.abs(floorTo(round(byHeight * aspect), step) / byHeight - aspect);
    resized =
      widthError < heightError || Number.isNaN(heightError)
        ? [byWidth, round(byWidth / aspect)]
        : [round(byHeight * aspect), byHeight];
  }
  const bucket: Size = [floorTo(resized[0], step), floorTo(resized[1], step)];
  if (bucket[0] === 0 || bucket[1] === 0) {
    throw new UnusableImageSizeError(size, step);
  }
  return cut(size, bucket, resized, focus);
}

/**
 * Where the crop begins, along one axis: focus * (resized - bucket), rounded; halves round down, so that a focus of 0.5
 * is kohya's centre to the pixel.
 */
export function cropOffset(resized: number, bucket: number, focus: number): number {
  return Math.max(0, Math.ceil(Math.min(1, Math.max(0, focus)) * (resized - bucket) - 0.5));
}

function cut(size: Size, bucket: Size, resized: Size, focus: Focus): Placement {
  return {
    bucket,
    resized,
    crop: {
      x: cropOffset(resized[0], bucket[0], focus[0]),
      y: cropOffset(resized[1], bucket[1], focus[1]),
    },
    aspectError: bucket[0] / bucket[1] - size[0] / size[1],
  };
}

function checkBuckets({ resolution, enabled, noUpscale, minSize, maxSize, step }: BucketConfig): void {
  const [width, height] = resolution;
  if (!Number.isInteger(step) || step < 8 || step % 8 !== 0) {
    throw new InvalidBucketConfigError('step', { step });
  }
  if (![width, height].every((side) => Number.isInteger(side) && side >= 64 && side % 8 === 0)) {
    throw new InvalidBucketConfigError('resolution', { width, height });
  }
  if (!enabled) return;
  if (Math.min(width, height) < step) {
    throw new InvalidBucketConfigError('below-step', { width, height, step });
  }
  if (noUpscale) return;
  if (![minSize, maxSize].every((side) => Number.isInteger(side) && side > 0 && side % step === 0)) {
    throw new InvalidBucketConfigError('multiples', { minSize, maxSize, step });
  }
  if (minSize > Math.min(width, height) || maxSize < Math.max(width, height)) {
    throw new InvalidBucketConfigError('outside', { width, height, minSize, maxSize });
  }
}

/** kohya's int(x + 0.5); x is never negative here. */
function round(x: number): number {
  return Math.floor(x + 0.5);
}

function floorTo(x: number, step: number): number {
  return Math.floor(x / step) * step;
}

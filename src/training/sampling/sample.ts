/**
 * Draws a picture: classifier-free guidance over a sampler's plan, then the VAE. Ho & Salimans 2022 for guidance.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { gpu, inFullPrecision } from '../../kernels/device';
import { read, trim } from '../../kernels/program';
import { Recorder } from '../../kernels/recording';
import type { VaeConfig } from '../../models/config';
import type { LoraOf } from '../../models/lora';
import { unet } from '../../models/unet';
import { zeroTerminalSnr } from '../../models/schedule';
import { vaeDecode } from '../../models/vae';
import type { Family } from '../../models/family';
import { joined, type TextStates } from '../data/text_states';
import type { BaseModel, BaseParts } from '../step/base_model';
import { stream } from '../step/random';
import { samplerPlan, type Sampler, type SamplerOptions } from './samplers';

export interface SampleRequest {
  prompt: TextStates;
  negative: TextStates;
  width: number;
  height: number;
  sampler: Sampler;
  /** How timesteps are spread; the sampler's own way unless given. */
  spacing?: SamplerOptions['spacing'];
  steps: number;
  /** 1 is no guidance. */
  guidance: number;
  /** The prompt and the negative prompt in one pass of the U-Net, unless false: one after the other takes half the memory. */
  guidedTogether?: boolean;
  vPrediction: boolean;
  /** The model was trained with a last timestep that is noise alone. */
  zeroTerminalSnr?: boolean;
  /** Initial noise N(0, 1), [height / 8, width / 8, 4]. */
  noise: Float32Array;
}

/** The noise [height / 8, width / 8, channels] that a seed stands for, in previews and in pictures drawn later alike. */
export function sampleNoise(seed: number, width: number, height: number, channels: number): Float32Array {
  const noise = new Float32Array((width / 8) * (height / 8) * channels);
  stream(seed, 'sample', 0).fillNormal(noise);
  return noise;
}

/** Latents [h, w, 4] after the last step, in the U-Net's scale. Calls `onStep` after each; `signal` stops between steps. */
export async function sampleLatents(
  base: BaseParts<'unet'>,
  lora: LoraOf | undefined,
  request: SampleRequest,
  onStep: (done: number, total: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { weights, config, blocks } = base.unet;
  const model = { weights, ...(lora ? { lora: lora('unet') } : {}) };
  const plan = samplerPlan(request.sampler, request.steps, {
    schedule: request.zeroTerminalSnr ? zeroTerminalSnr(base.schedule) : base.schedule,
    prediction: request.vPrediction ? 'v_prediction' : 'epsilon',
    ...(request.spacing ? { spacing: request.spacing } : {}),
  });
  const shape: [number, number, number, number] = [
    1,
    request.height / 8,
    request.width / 8,
    config.inChannels,
  ];
  const recorder = new Recorder();
  const guided = request.guidance !== 1;
  const tokens = request.prompt.context.length / config.contextChannels;
  const together = guided && request.guidedTogether !== false;
  const added = addedTo(base.family, config.addChannels, request);
  const told = ofPasses(request, guided, together).map((texts) => ({
    context: tf.tensor3d(joined(texts.map(({ context }) => context)), [
      texts.length,
      tokens,
      config.contextChannels,
    ]),
    added: added && tf.tensor2d(joined(texts.map(added)), [texts.length, config.addChannels]),
  }));
  const predict = (input: Tensor, t: number): Tensor => {
    const batch = together ? tf.concat([input, input]) : input;
    const outputs = told.map(({ context, added }) => {
      const at = tf.fill([batch.shape[0]], t);
      return recorder.within(() => unet(model, blocks, batch, at, context, added));
    });
    if (!guided) return outputs[0];
    const [negative, prompt] = together ? tf.split(outputs[0], 2) : outputs;
    return guide(negative, prompt, request.guidance);
  };
  let x: Tensor = tf.tidy(() => tf.mul(tf.tensor4d(request.noise, shape), plan.initialScale));
  let previous: Tensor = tf.zerosLike(x);
  try {
    for (const [done, step] of plan.steps.entries()) {
      signal?.throwIfAborted();
      const [next, x0] = tf.tidy(() => {
        const input = tf.mul(x, step.inputScale);
        const output = predict(input, step.t);
        const combined = tf.add(tf.mul(x, step.x), tf.mul(output, step.model));
        const estimate = tf.add(tf.mul(x, step.x0.x), tf.mul(output, step.x0.model));
        return [step.previousX0 ? tf.add(combined, tf.mul(previous, step.previousX0)) : combined, estimate];
      });
      tf.dispose([x, previous]);
      x = next as Tensor;
      previous = x0;
      await gpu().device.queue.onSubmittedWorkDone();
      onStep(done + 1, plan.steps.length);
    }
    return await read(x);
  } finally {
    // Also when stopped between two steps.
    tf.dispose([
      x,
      previous,
      ...told.flatMap(({ context, added }) => (added ? [context, added] : [context])),
    ]);
    recorder.dispose();
    trim();
  }
}

/**
 * Latents [h, w, 4] -> picture [8h, 8w, 3] in [-1, 1], not clamped. What overflows in f16 is done again in f32; where
 * the adapter binds too little memory for the whole, or the picture is larger than `most` latents a side, in overlapping
 * tiles.
 */
export async function decodeLatents(
  vae: BaseModel['vae'],
  latents: Float32Array,
  width: number,
  height: number,
  most = Infinity,
): Promise<Float32Array> {
  const { latentChannels, scaling } = vae.config;
  const [h, w] = [height / 8, width / 8];
  const tile = Math.min(most, largestTile(vae.config, width, height));
  if (tile >= Math.max(h, w)) return decodeWhole(vae, latents, h, w).finally(trim);

  const overlap = Math.min(8, tile / 2);
  const sum = new Float64Array(height * width * 3);
  const weight = new Float64Array(height * width);
  for (const y of starts(h, tile, overlap)) {
    for (const x of starts(w, tile, overlap)) {
      const [th, tw] = [Math.min(tile, h), Math.min(tile, w)];
      const part = new Float32Array(th * tw * latentChannels);
      for (let r = 0; r < th; r++) {
        const from = ((y + r) * w + x) * latentChannels;
        part.set(latents.subarray(from, from + tw * latentChannels), r * tw * latentChannels);
      }
      blend(await decodeWhole(vae, part, th, tw), [8 * x, 8 * y, 8 * tw, 8 * th], width, sum, weight);
    }
  }
  trim();
  return Float32Array.from(sum, (value, i) => value / weight[Math.floor(i / 3)]);

  async function decodeWhole(
    model: BaseModel['vae'],
    part: Float32Array,
    th: number,
    tw: number,
  ): Promise<Float32Array> {
    const run = () =>
      tf.tidy(() =>
        vaeDecode(
          { weights: model.weights },
          model.config,
          tf.tensor4d(
            part.map((v) => v / scaling),
            [1, th, tw, latentChannels],
          ),
        ),
      );
    if (model.config.precision === 'single' && gpu().f16) return kept(inFullPrecision(run));
    const picture = run();
    const values = await kept(picture);
    if (values.every(Number.isFinite) || !gpu().f16) return values;
    return kept(inFullPrecision(run));
  }
}

async function kept(picture: Tensor): Promise<Float32Array> {
  const values = await read(picture);
  picture.dispose();
  return values;
}

/**
 * The side, in latents, of the largest tile of a picture of this size whose widest activation the adapter can bind: the
 * picture's longer side where that is the whole.
 */
export function largestTile(config: VaeConfig, width: number, height: number): number {
  const limit = gpu().device.limits.maxStorageBufferBindingSize;
  const bytes = bytesPerLatent(config);
  if (bytes * (width / 8) * (height / 8) <= limit) return Math.max(width, height) / 8;
  return Math.max(LEAST_BOUND, 8 * Math.floor(Math.sqrt(limit / bytes) / 8));
}

/** Of a tile's side, in latents: what any adapter can bind, and what is worth saving memory for. */
const LEAST_BOUND = 16;
export const LEAST_TILE = 32;

/** Sides of tiles to choose from, from the largest on down. */
export function tileSides(config: VaeConfig, width: number, height: number): number[] {
  const largest = largestTile(config, width, height);
  const smaller = [128, 96, 80, 64, 48, LEAST_TILE].filter((side) => side < largest);
  return [largest, ...smaller];
}

/** The widest activation is at full resolution, coming from the second level: 64 pixels a latent, in f32. */
function bytesPerLatent({ blockChannels }: VaeConfig): number {
  return 4 * 64 * Math.max(...blockChannels.slice(0, 2));
}

/** Where tiles of length `tile` start, to cover `length` with at least `overlap` between neighbours. */
export function starts(length: number, tile: number, overlap: number): number[] {
  if (length <= tile) return [0];
  const count = Math.ceil((length - overlap) / (tile - overlap));
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - tile)) / (count - 1)));
}

/** Adds a tile with weights that fall off towards its edges, so that seams fade. */
function blend(
  tile: Float32Array,
  [x0, y0, width, height]: [number, number, number, number],
  stride: number,
  sum: Float64Array,
  weight: Float64Array,
): void {
  const ramp = (i: number, n: number) => Math.min(i + 1, n - i, 64) / 64;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const share = ramp(y, height) * ramp(x, width);
      const to = (y0 + y) * stride + x0 + x;
      weight[to] = weight[to] + share;
      for (let c = 0; c < 3; c++) sum[3 * to + c] = sum[3 * to + c] + share * tile[3 * (y * width + x) + c];
    }
  }
}

/** negative + guidance (prompt - negative). */
function guide(negative: Tensor, prompt: Tensor, guidance: number): Tensor {
  return tf.add(tf.mul(negative, 1 - guidance), tf.mul(prompt, guidance));
}

/** The texts of each pass of the U-Net: without guidance the prompt alone. */
function ofPasses(
  { prompt, negative }: Pick<SampleRequest, 'prompt' | 'negative'>,
  guided: boolean,
  together: boolean,
): TextStates[][] {
  if (!guided) return [[prompt]];
  return together ? [[negative, prompt]] : [[negative], [prompt]];
}

/** What the U-Net adds to its time for a text, [length], where its family has such a vector: a whole picture of this size. */
function addedTo(
  { sizes }: Pick<Family, 'sizes'>,
  length: number,
  { width, height }: Pick<SampleRequest, 'width' | 'height'>,
): ((text: TextStates) => Float32Array) | undefined {
  const size = [height, width] as const;
  return (
    sizes &&
    (({ pooled = new Float32Array() }) =>
      joined([pooled, sizes({ original: size, crop: [0, 0], target: size }, length - pooled.length)]))
  );
}

/** [H, W, 3] in [-1, 1] -> 8-bit RGBA. */
export function toRgba(pixels: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((pixels.length / 3) * 4).fill(255);
  for (let i = 0, o = 0; i < pixels.length; i += 3, o += 4) {
    for (let c = 0; c < 3; c++) rgba[o + c] = Math.round((pixels[i + c] + 1) * 127.5);
  }
  return rgba;
}

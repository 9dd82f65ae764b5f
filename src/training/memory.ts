/**
 * How much GPU memory a run will need, before it starts: the run's own code is walked through with made-up buffers, so
 * that prediction and fact cannot drift apart. From it, how many blocks can keep their activations.
 */
import * as tf from '@tensorflow/tfjs';
import type { ModelPart } from '../formats/checkpoint_keys';
import { reserve, simulate } from '../kernels/program';
import { LoraParameters, type LoraShape } from '../models/lora';
import { unet } from '../models/unet';
import { vaeDecode, vaeEncode } from '../models/vae';
import { reserveParts, type BaseModel, type BaseModelConfig } from './base_model';
import { createOptimizer, disposeOptimizer, update, type OptimizerKind } from './optimizer';
import { decodedWhole } from './sample';
import { StepEngine, type StepSettings } from './step';

/** Pixels of a picture, and how many at once. */
export interface BatchShape {
  size: number;
  width: number;
  height: number;
}

export interface MemoryRequest {
  config: BaseModelConfig;
  lora: { shapes: readonly LoraShape[]; rank: number; dropout: number };
  optimizer: OptimizerKind;
  settings: Omit<StepSettings, 'keepFrom' | 'record'>;
  /** Every shape of batch that the run has. */
  buckets: readonly BatchShape[];
  /** What samples drawn while training look like, if any are. */
  samples: BatchShape | undefined;
  /** Parts that stay on the GPU beside the U-Net while it trains. */
  keep: readonly Exclude<ModelPart, 'unet'>[];
}

export interface MemoryPrediction {
  keepFrom: number;
  /** Of the whole base model, in halves. */
  weightBytes: number;
  encodingBytes: number;
  trainingBytes: number;
  /** The higher of encoding pictures and training, samples included. */
  peakBytes: number;
  /** Of one micro-step of every bucket. */
  flops: number;
  dispatches: number;
}

/** A run that does not fit the memory it was given. */
export class MemoryBudgetError extends Error {
  override readonly name = 'MemoryBudgetError';
}

/** What a run needs whose blocks from `keepFrom` on keep their activations. */
export function predictMemory(request: MemoryRequest, keepFrom: number): MemoryPrediction {
  const weights = simulate(() => dispose(reserveParts(request.config, ['text', 'vae', 'unet'])));
  const encoding = simulate(() => encode(request));
  const training = simulate(() => train(request, keepFrom));
  return {
    keepFrom,
    weightBytes: weights.peakBytes,
    encodingBytes: encoding.peakBytes,
    trainingBytes: training.peakBytes,
    peakBytes: Math.max(encoding.peakBytes, training.peakBytes),
    flops: training.flops,
    dispatches: training.dispatches,
  };
}

/**
 * The prediction with the fewest recomputed blocks that stays within the budget. Throws `MemoryBudgetError` if not
 * even recomputing all of them does.
 */
export function fitMemory(request: MemoryRequest, blocks: number, budgetBytes: number): MemoryPrediction {
  const least = predictMemory(request, blocks - 1);
  if (least.peakBytes > budgetBytes) {
    const gb = (bytes: number) => (bytes / 1e9).toFixed(2);
    throw new MemoryBudgetError(
      `This run needs ${gb(least.peakBytes)} GB of GPU memory, and its budget is ${gb(budgetBytes)} GB. ` +
        'Lower batch_size (and raise gradient_accumulation_steps), lower resolution, or raise memory_budget_gb.',
    );
  }
  let fits = least;
  for (let low = 0, high = blocks - 1; low < high;) {
    const middle = Math.floor((low + high) / 2);
    const prediction = predictMemory(request, middle);
    if (prediction.peakBytes <= budgetBytes) {
      fits = prediction;
      high = middle;
    } else low = middle + 1;
  }
  return fits;
}

function encode({ config, buckets }: MemoryRequest): void {
  const parts = reserveParts(config, ['text', 'vae']);
  for (const { width, height } of buckets) {
    const pixels = reserve([1, height, width, 3], 'float32', 'pixels');
    tf.tidy(() => void vaeEncode({ weights: parts.vae.weights }, config.vae, pixels));
    pixels.dispose();
  }
  dispose(parts);
}

function train(request: MemoryRequest, keepFrom: number): void {
  const { config, lora, settings, keep } = request;
  const base = reserveParts(config, ['unet', ...keep]);
  const seed = reserve([1], 'int32', 'training inputs');
  const parameters = new LoraParameters(lora.shapes, lora.rank, lora.rank, { rate: lora.dropout, seed });
  const optimizer = createOptimizer(request.optimizer, parameters.size, parameters.textSize, false);
  const engine = new StepEngine(base, parameters, optimizer, { ...settings, keepFrom, record: false }, seed);
  for (const shape of request.buckets) microStep(engine, request, shape);
  tf.tidy(() => update(optimizer, parameters.values));
  if (request.samples) drawSample(base, request.samples);
  engine.dispose();
  disposeOptimizer(optimizer);
  parameters.dispose();
  seed.dispose();
  dispose(base);
}

function microStep(engine: StepEngine, { config, settings }: MemoryRequest, shape: BatchShape): void {
  const [height, width] = [shape.height / 8, shape.width / 8];
  const latents = new Float32Array(shape.size * height * width * config.unet.inChannels);
  const { positions } = config.text;
  const tokens = shape.size * (settings.chunks * (positions - 2) + 2);
  const each = Array.from({ length: shape.size }, () => 0);
  engine.micro(
    {
      size: shape.size,
      height,
      width,
      x0: latents,
      noise: latents,
      timesteps: each,
      weights: each,
      ...(settings.text === 'given'
        ? { context: new Float32Array(tokens * config.unet.contextChannels) }
        : { ids: new Int32Array(shape.size * settings.chunks * positions) }),
    },
    0,
  );
}

/** With guidance: two passes of the U-Net in one batch, then the decoder. */
function drawSample(base: Pick<BaseModel, 'unet'> & Partial<BaseModel>, { width, height }: BatchShape): void {
  const { weights, blocks, config } = base.unet;
  const x = reserve([2, height / 8, width / 8, config.inChannels], 'float32', 'sample');
  const t = reserve([2], 'float32', 'sample');
  const context = reserve([2, 77, config.contextChannels], 'float32', 'sample');
  tf.tidy(() => void unet({ weights }, blocks, x, t, context));
  const { vae } = base;
  if (vae && decodedWhole(vae.config, width, height)) {
    const latents = reserve([1, height / 8, width / 8, config.inChannels], 'float32', 'sample');
    tf.tidy(() => void vaeDecode({ weights: vae.weights }, vae.config, latents));
    latents.dispose();
  }
  tf.dispose([x, t, context]);
}

function dispose(parts: Partial<Record<ModelPart, { weights: { dispose(): void } }>>): void {
  for (const part of Object.values(parts)) part?.weights.dispose();
}

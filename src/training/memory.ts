/**
 * How much GPU memory a run will need, before it starts: the run's own code is walked through with made-up buffers, so
 * that prediction and fact cannot drift apart. From it, how many blocks can keep their activations.
 */
import * as tf from '@tensorflow/tfjs';
import type { ModelPart } from '../formats/checkpoint_keys';
import { reserve, simulate, trim } from '../kernels/program';
import { LoraParameters, type LoraShape } from '../models/lora';
import { unet } from '../models/unet';
import { vaeDecode, vaeEncode } from '../models/vae';
import type { EngineFacts } from '../protocol/engine_errors';
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
  readonly code = 'budget';
  readonly facts: EngineFacts['MemoryBudgetError']['budget'];
  constructor(neededBytes: number, budgetBytes: number) {
    const gb = (bytes: number) => (bytes / 1e9).toFixed(2);
    super(
      `This run needs ${gb(neededBytes)} GB of GPU memory, and its budget is ${gb(budgetBytes)} GB. ` +
        'Lower batch_size (and raise gradient_accumulation_steps), lower resolution, or raise memory_budget_gb.',
    );
    this.facts = { neededBytes, budgetBytes };
  }
}

/** What one request needs, each question walked through once however often it is asked. */
export interface Predictions {
  /** With the blocks from `keepFrom` on keeping their activations. */
  of(keepFrom: number): MemoryPrediction;
  /** The same if the largest batch were the only one: nearly as much, for one walk instead of one a shape. */
  ofLargest(keepFrom: number): MemoryPrediction;
}

export function predictions(request: MemoryRequest): Predictions {
  const weights = simulate(() => dispose(reserveParts(request.config, ['text', 'vae', 'unet'])));
  const encoding = simulate(() => encode(request));
  const pixels = ({ size, width, height }: BatchShape) => size * width * height;
  const largest = request.buckets.reduce((most, one) => (pixels(one) > pixels(most) ? one : most));
  const predict = (of: MemoryRequest): ((keepFrom: number) => MemoryPrediction) => {
    const known = new Map<number, MemoryPrediction>();
    return (keepFrom) => {
      const before = known.get(keepFrom);
      if (before) return before;
      const training = simulate(() => train(of, keepFrom));
      const prediction = {
        keepFrom,
        weightBytes: weights.peakBytes,
        encodingBytes: encoding.peakBytes,
        trainingBytes: training.peakBytes,
        peakBytes: Math.max(encoding.peakBytes, training.peakBytes),
        flops: training.flops,
        dispatches: training.dispatches,
      };
      known.set(keepFrom, prediction);
      return prediction;
    };
  };
  const all = predict(request);
  return {
    of: all,
    ofLargest: request.buckets.length === 1 ? all : predict({ ...request, buckets: [largest] }),
  };
}

/** What a run needs whose blocks from `keepFrom` on keep their activations. */
export function predictMemory(request: MemoryRequest, keepFrom: number): MemoryPrediction {
  return predictions(request).of(keepFrom);
}

/** Operations of one micro-step of this shape. */
export function stepFlops(request: MemoryRequest, shape: BatchShape, keepFrom: number): number {
  return simulate(() => train({ ...request, buckets: [shape], samples: undefined }, keepFrom)).flops;
}

/**
 * The prediction with the fewest recomputed blocks that stays within the budget. Throws `MemoryBudgetError` if not
 * even recomputing all of them does.
 */
export function fitMemory(
  request: MemoryRequest,
  blocks: number,
  budgetBytes: number,
  predicted = predictions(request),
): MemoryPrediction {
  const fits = ({ peakBytes }: MemoryPrediction) => peakBytes <= budgetBytes;
  // The largest batch says where, all together whether.
  let low = 0;
  for (let high = blocks - 1; low < high;) {
    const middle = Math.floor((low + high) / 2);
    if (fits(predicted.ofLargest(middle))) high = middle;
    else low = middle + 1;
  }
  for (let keepFrom = low; keepFrom < blocks; keepFrom++) {
    const prediction = predicted.of(keepFrom);
    if (fits(prediction)) return prediction;
  }
  throw new MemoryBudgetError(predicted.of(blocks - 1).peakBytes, budgetBytes);
}

function encode({ config, buckets }: MemoryRequest): void {
  const parts = reserveParts(config, ['text', 'vae']);
  for (const { width, height } of buckets) {
    const pixels = reserve([1, height, width, 3], 'float32', 'pixels');
    tf.tidy(() => void vaeEncode({ weights: parts.vae.weights }, config.vae, pixels));
    pixels.dispose();
    // As cacheLatents does between pictures of different sizes.
    trim();
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

/**
 * How much GPU memory a run will need, before it starts: the run's own code is walked through with made-up buffers, so
 * that prediction and fact cannot drift apart. From it, how many blocks can keep their activations.
 */
import * as tf from '@tensorflow/tfjs';
import type { ModelPart } from '../formats/checkpoint_keys';
import { createOptimizer, disposeOptimizer, update, type OptimizerKind } from './optimizer';
import { reserve, simulate } from '../kernels/program';
import { LoraParameters, type LoraShape } from '../models/lora';
import { vaeEncode } from '../models/vae';
import { reserveParts, type BaseModelConfig } from './base_model';
import { StepEngine, type StepSettings } from './step';

export interface MemoryRequest {
  config: BaseModelConfig;
  lora: { shapes: readonly LoraShape[]; rank: number; dropout: number };
  optimizer: OptimizerKind;
  settings: Omit<StepSettings, 'keepFrom' | 'record'>;
  /** The largest batch: pixels, and how many pictures. */
  batch: { size: number; width: number; height: number };
  /** Parts that stay on the GPU beside the U-Net while it trains. */
  keep: readonly Exclude<ModelPart, 'unet'>[];
}

export interface MemoryPrediction {
  keepFrom: number;
  /** Of the whole base model, in halves. */
  weightBytes: number;
  /** Highest of the phases: encoding pictures and captions, training. */
  peakBytes: number;
  /** Of one micro-step of `batch`. */
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

function encode({ config, batch }: MemoryRequest): void {
  const parts = reserveParts(config, ['text', 'vae']);
  const pixels = reserve([1, batch.height, batch.width, 3], 'float32', 'pixels');
  tf.tidy(() => void vaeEncode({ weights: parts.vae.weights }, config.vae, pixels));
  pixels.dispose();
  dispose(parts);
}

function train(request: MemoryRequest, keepFrom: number): void {
  const { config, lora, settings, batch, keep } = request;
  const base = reserveParts(config, ['unet', ...keep]);
  const seed = reserve([1], 'int32', 'training inputs');
  const parameters = new LoraParameters(lora.shapes, lora.rank, lora.rank, { rate: lora.dropout, seed });
  const optimizer = createOptimizer(request.optimizer, parameters.size, parameters.textSize, false);
  const engine = new StepEngine(base, parameters, optimizer, { ...settings, keepFrom, record: false }, seed);
  const [height, width] = [batch.height / 8, batch.width / 8];
  const latents = new Float32Array(batch.size * height * width * config.unet.inChannels);
  const { positions } = config.text;
  engine.micro(
    {
      size: batch.size,
      height,
      width,
      x0: latents,
      noise: latents,
      timesteps: Array.from({ length: batch.size }, () => 0),
      weights: Array.from({ length: batch.size }, () => 1),
      ...(settings.text === 'given'
        ? {
            context: new Float32Array(
              batch.size * (settings.chunks * (positions - 2) + 2) * config.unet.contextChannels,
            ),
          }
        : { ids: new Int32Array(batch.size * settings.chunks * positions) }),
    },
    0,
  );
  tf.tidy(() => update(optimizer, parameters.values));
  engine.dispose();
  disposeOptimizer(optimizer);
  parameters.dispose();
  seed.dispose();
  dispose(base);
}

function dispose(parts: Partial<Record<ModelPart, { weights: { dispose(): void } }>>): void {
  for (const part of Object.values(parts)) part?.weights.dispose();
}

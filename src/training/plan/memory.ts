/**
 * How much GPU memory a run will need, before it starts: the run's own code is walked through with made-up buffers, so
 * that prediction and fact cannot drift apart. What follows from it is decided in fit_memory.ts.
 */
import * as tf from '@tensorflow/tfjs';
import { BufferTooLargeError } from '../../kernels/buffers';
import {
  reserve,
  simulate,
  trim,
  type Program,
  type SimulatedDispatch,
  type Simulation,
} from '../../kernels/program';
import type { LoraOf, LoraParameters, LoraShape } from '../../models/lora';
import { sizesLength } from '../../models/family';
import { unet } from '../../models/unet';
import { vaeDecode, vaeEncode } from '../../models/vae';
import { disposeParts, reserveParts, type BaseModel, type BaseModelConfig } from '../step/base_model';
import {
  createOptimizer,
  disposeOptimizer,
  update,
  type Optimizer,
  type OptimizerKind,
} from '../step/optimizer';
import { parts } from '../step/passes';
import { decodedWhole } from '../sampling/sample';
import { adapters, RUN_KINDS } from '../step/kinds';
import { StepEngine, type StepSettings } from '../step/step';
import type { PartName, TextPart } from '../../formats/families/family_facts';

/** Pixels of a picture, and how many at once. */
export interface BatchShape {
  size: number;
  width: number;
  height: number;
}

export interface MemoryRequest {
  config: BaseModelConfig;
  lora: { shapes: readonly LoraShape[]; dropout: number };
  optimizer: OptimizerKind;
  settings: Omit<StepSettings, 'firstKeptBlock' | 'record'>;
  /** Every shape of batch that the run has. */
  buckets: readonly BatchShape[];
  /** What samples drawn while training look like, if any are. */
  samples: BatchShape | undefined;
  /** Parts that stay on the GPU beside the U-Net while it trains. */
  keep: readonly Exclude<PartName, 'unet'>[];
}

/** How a run keeps within its memory: what is recomputed, and how much goes through the GPU at once. */
export interface Economy {
  /** See `checkpointedBackward`. */
  firstKeptBlock: number;
  /** Pictures at once; a larger batch is put together from several passes. */
  microBatch: number;
  /** Samples: the prompt and the negative prompt in one pass, not one after the other. */
  guidedTogether: boolean;
}

export interface MemoryPrediction extends Economy {
  /** Of the whole base model, in halves. */
  weightBytes: number;
  encodingBytes: number;
  trainingBytes: number;
  /** 0 where no samples are drawn. */
  samplingBytes: number;
  /** The highest of encoding pictures, training and drawing samples: each gives its memory back before the next. */
  peakBytes: number;
  /** Of one pass of every shape. */
  flops: number;
  dispatches: number;
}

/** What one request needs, each question walked through once however often it is asked. */
export interface Predictions {
  /** Throws `BufferTooLargeError` where the adapter could not bind what a pass or a sample needs. */
  of(firstKeptBlock: number, microBatch: number): MemoryPrediction;
  /** The same if the largest shape were the only one: nearly as much, for one walk instead of one a shape. */
  ofLargest(firstKeptBlock: number, microBatch: number): MemoryPrediction;
  /** Pictures in the largest batch. */
  largestBatch: number;
}

export function predictions(request: MemoryRequest): Predictions {
  const weights = once(() =>
    simulate(() => disposeParts(reserveParts<PartName>(request.config, request.config.family.parts))),
  );
  const encoding = once(() => simulate(() => encode(request)));
  const sampling = new Map<boolean, number>();
  const samplingBytes = (guidedTogether: boolean): number => {
    const { samples } = request;
    if (!samples) return 0;
    const known = sampling.get(guidedTogether);
    if (known !== undefined) return known;
    const { peakBytes } = simulate(() => sample(request, samples, guidedTogether));
    sampling.set(guidedTogether, peakBytes);
    return peakBytes;
  };
  const largest = request.buckets.reduce((most, one) => (pixels(one) > pixels(most) ? one : most));
  const predict = (of: MemoryRequest): Predictions['of'] => {
    const known = new Map<string, MemoryPrediction>();
    return (firstKeptBlock, microBatch) => {
      const key = `${firstKeptBlock}/${microBatch}`;
      const before = known.get(key);
      if (before) return before;
      const training = simulate(() => train(of, firstKeptBlock, microBatch));
      const others = Math.max(encoding().peakBytes, training.peakBytes);
      const guidedTogether = fitsTogether(samplingBytes, others);
      const drawing = samplingBytes(guidedTogether);
      const prediction = {
        firstKeptBlock,
        microBatch,
        guidedTogether,
        weightBytes: weights().peakBytes,
        encodingBytes: encoding().peakBytes,
        trainingBytes: training.peakBytes,
        samplingBytes: drawing,
        peakBytes: Math.max(others, drawing),
        flops: training.flops,
        dispatches: training.dispatches,
      };
      known.set(key, prediction);
      return prediction;
    };
  };
  const all = predict(request);
  return {
    of: all,
    ofLargest: request.buckets.length === 1 ? all : predict({ ...request, buckets: [largest] }),
    largestBatch: largestBatch(request),
  };
}

/** Pictures in the largest batch. */
export function largestBatch({ buckets }: Pick<MemoryRequest, 'buckets'>): number {
  return Math.max(...buckets.map(({ size }) => size));
}

/** What a run needs whose blocks from `firstKeptBlock` on keep their activations, whole batches at once. */
export function predictMemory(request: MemoryRequest, firstKeptBlock: number): MemoryPrediction {
  return predictions(request).of(firstKeptBlock, largestBatch(request));
}

/** Operations of all passes of one batch of this shape. */
export function stepFlops(request: MemoryRequest, shape: BatchShape, economy: Economy): number {
  const one = { ...request, buckets: [shape], samples: undefined };
  return parts(shape.size, economy.microBatch).reduce((sum, size) => {
    const pass = { ...one, buckets: [{ ...shape, size }] };
    return sum + simulate(() => train(pass, economy.firstKeptBlock, size)).flops;
  }, 0);
}

/** One step of every shape, walked through; `heard` is told of each dispatch. */
export function walkStep(
  request: MemoryRequest,
  { firstKeptBlock, microBatch }: Pick<Economy, 'firstKeptBlock' | 'microBatch'>,
  heard?: (dispatch: SimulatedDispatch) => void,
): Simulation {
  return simulate(() => train(request, firstKeptBlock, microBatch), heard);
}

/** What one step of every shape runs, and a sample, if any are drawn; by name. */
export function runPrograms(request: MemoryRequest, economy: Economy): ReadonlyMap<string, Program> {
  const { samples } = request;
  const { programs: ofStep } = walkStep(request, economy);
  if (!samples) return ofStep;
  const { programs: ofSample } = simulate(() => sample(request, samples, economy.guidedTogether));
  return new Map([...ofStep, ...ofSample]);
}

function pixels({ size, width, height }: BatchShape): number {
  return size * width * height;
}

function once<T>(work: () => T): () => T {
  let done: { value: T } | undefined;
  return () => (done ??= { value: work() }).value;
}

/** One pass for both prompts where that is no more than the run needs anyway, and can be bound. */
function fitsTogether(samplingBytes: (guidedTogether: boolean) => number, others: number): boolean {
  try {
    return samplingBytes(true) <= Math.max(others, samplingBytes(false));
  } catch (error) {
    if (error instanceof BufferTooLargeError) return false;
    throw error;
  }
}

function encode({ config, buckets }: MemoryRequest): void {
  const base = reserveParts<TextPart | 'vae'>(config, [...config.family.texts, 'vae']);
  try {
    const shapes = new Map(
      buckets.map(({ width, height }) => [`${width}x${height}`, [width, height] as const]),
    );
    for (const [width, height] of shapes.values()) {
      const image = reserve([1, height, width, 3], 'float32', 'pixels');
      try {
        tf.tidy(() => void vaeEncode({ weights: base.vae.weights }, config.vae, image));
      } finally {
        image.dispose();
      }
      // As cacheLatents does between pictures of different sizes.
      trim();
    }
  } finally {
    disposeParts(base);
  }
}

function train(request: MemoryRequest, firstKeptBlock: number, microBatch: number): void {
  const { settings } = request;
  loaded(request, (base, parameters, optimizer, seed) => {
    const engine = new StepEngine(
      base,
      parameters,
      optimizer,
      { ...settings, firstKeptBlock, record: false },
      seed,
    );
    try {
      for (const shape of passShapes(request.buckets, microBatch)) microStep(engine, request, shape);
      tf.tidy(() => update(optimizer, parameters.values));
    } finally {
      engine.dispose();
    }
  });
}

/** The step's own memory is given back before samples are drawn (`StepEngine.release`). */
function sample(request: MemoryRequest, shape: BatchShape, guidedTogether: boolean): void {
  loaded(request, (base, { drawnWith }) => drawSample(base, drawnWith('unet'), shape, guidedTogether));
}

/** Runs `work` with everything that stays on the GPU while a run trains. */
function loaded(
  request: MemoryRequest,
  work: (
    base: ReturnType<typeof reserveParts<'unet'>>,
    parameters: LoraParameters,
    optimizer: Optimizer,
    seed: tf.Tensor,
  ) => void,
): void {
  const { lora, keep } = request;
  const base = reserveParts(request.config, ['unet', ...keep]);
  const seed = reserve([1], 'int32', 'training inputs');
  try {
    const parameters = new adapters[RUN_KINDS.adapter].Parameters(lora.shapes, { rate: lora.dropout, seed });
    const optimizer = createOptimizer(request.optimizer, parameters, false);
    try {
      work(base, parameters, optimizer, seed);
    } finally {
      disposeOptimizer(optimizer);
      parameters.dispose();
    }
  } finally {
    seed.dispose();
    disposeParts(base);
  }
}

/** Every shape that a pass has when batches are cut into parts of at most `microBatch` pictures. */
function passShapes(buckets: readonly BatchShape[], microBatch: number): BatchShape[] {
  const shapes = new Map<string, BatchShape>();
  for (const { size, width, height } of buckets)
    for (const part of parts(size, microBatch))
      shapes.set(`${part}x${width}x${height}`, { size: part, width, height });
  return [...shapes.values()];
}

function microStep(engine: StepEngine, { config, settings }: MemoryRequest, shape: BatchShape): void {
  const [height, width] = [shape.height / 8, shape.width / 8];
  const latents = new Float32Array(shape.size * height * width * config.unet.inChannels);
  const { positions } = config.text1;
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
      ...(config.unet.addChannels > 0
        ? {
            added: new Float32Array(
              shape.size * (settings.text === 'given' ? config.unet.addChannels : sizesLength(config)),
            ),
          }
        : {}),
    },
    0,
  );
}

/** With guidance: two passes of the U-Net, in one batch or one after the other, then the decoder. */
function drawSample(
  base: Pick<BaseModel, 'unet'> & Partial<BaseModel>,
  lora: ReturnType<LoraOf>,
  { width, height }: BatchShape,
  guidedTogether: boolean,
): void {
  const { weights, blocks, config } = base.unet;
  const at = guidedTogether ? 2 : 1;
  const x = reserve([at, height / 8, width / 8, config.inChannels], 'float32', 'sample');
  const t = reserve([at], 'float32', 'sample');
  const context = reserve([at, 77, config.contextChannels], 'float32', 'sample');
  const added = config.addChannels > 0 ? reserve([at, config.addChannels], 'float32', 'sample') : undefined;
  try {
    tf.tidy(() => void unet({ weights, lora }, blocks, x, t, context, added));
  } finally {
    tf.dispose([x, t, context, ...(added ? [added] : [])]);
  }
  // As sampleLatents does at its end.
  trim();
  const { vae } = base;
  if (vae && decodedWhole(vae.config, width, height)) {
    const latents = reserve([1, height / 8, width / 8, config.inChannels], 'float32', 'sample');
    try {
      tf.tidy(() => void vaeDecode({ weights: vae.weights }, vae.config, latents));
    } finally {
      latents.dispose();
    }
  }
}

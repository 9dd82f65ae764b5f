/**
 * How much GPU memory a run will need, before it starts: the run's own code is walked through with made-up buffers, so
 * that prediction and fact cannot drift apart. What follows from it is decided in fit_memory.ts.
 */
import * as tf from '@tensorflow/tfjs';
import {
  reserve,
  simulate,
  trim,
  type Program,
  type SimulatedDispatch,
  type Simulation,
} from '../../kernels/program';
import type { LoraParameters, LoraShape } from '../../models/lora';
import { sizesLength } from '../../models/family';
import { vaeEncode, type VaeHalf } from '../../models/vae';
import { disposeParts, reserveParts, type BaseModelConfig } from '../step/base_model';
import {
  createOptimizer,
  disposeOptimizer,
  update,
  type Optimizer,
  type OptimizerKind,
} from '../step/optimizer';
import { parts } from '../step/passes';
import {
  remembered,
  sampleEconomy,
  walkDecoding,
  walkDrawing,
  walkEncoding,
} from '../sampling/sample_memory';
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
  /** Text encoders that stay on the GPU beside the U-Net while it trains. */
  keep: readonly TextPart[];
  /** There are more captions than are kept at once: the text encoders come back between steps. */
  refills?: boolean;
}

/** How a run keeps within its memory: what is recomputed, and how much goes through the GPU at once. */
export interface Economy {
  /** See `checkpointedBackward`. */
  firstKeptBlock: number;
  /** Pictures at once; a larger batch is put together from several passes. */
  microBatch: number;
  /** Samples: the prompt and the negative prompt in one pass, not one after the other. */
  guidedTogether: boolean;
  /** Samples: the side, in latents, of the largest square that is decoded at once. */
  decodeTile: number;
}

export interface MemoryPrediction extends Economy {
  /** Of the whole base model, in halves. */
  weightBytes: number;
  encodingBytes: number;
  trainingBytes: number;
  /** 0 where no samples are drawn. */
  samplingBytes: number;
  /** The highest of encoding captions and pictures, training and drawing samples: each gives its memory back before the next. */
  peakBytes: number;
  /** What of the base model is on the GPU then. */
  atPeak: { parts: readonly PartName[]; vae: VaeHalf };
  /** Of one pass of every shape. */
  flops: number;
  dispatches: number;
}

/** What one request needs, each question walked through once however often it is asked. */
export interface Predictions {
  /**
   * Throws `BufferTooLargeError` where the adapter could not bind what a pass or a sample needs. Samples take what training
   * takes, or what `budgetBytes` allows where that is more.
   */
  of(firstKeptBlock: number, microBatch: number, budgetBytes?: number): MemoryPrediction;
  /** The same if the largest shape were the only one: nearly as much, for one walk instead of one a shape. */
  ofLargest(firstKeptBlock: number, microBatch: number, budgetBytes?: number): MemoryPrediction;
  /** Pictures in the largest batch. */
  largestBatch: number;
}

export function predictions(request: MemoryRequest): Predictions {
  const weights = once(() =>
    simulate(() => disposeParts(reserveParts<PartName>(request.config, request.config.family.parts))),
  );
  const { family } = request.config;
  const encoders: MemoryPrediction['atPeak'] = { parts: family.texts, vae: 'encoder' };
  const resident: PartName[] = ['unet', ...request.keep];
  const others = once((): Phase[] => [
    { bytes: simulate(() => encodePictures(request)).peakBytes, at: { parts: ['vae'], vae: 'encoder' } },
    { bytes: simulate(() => encodeCaption(request)).peakBytes, at: encoders },
    ...(request.refills
      ? [
          {
            bytes: simulate(() => loaded(request, () => encodeCaption(request))).peakBytes,
            at: { ...encoders, parts: [...resident, ...family.texts] },
          },
        ]
      : []),
  ]);
  const drawing = remembered((guidedTogether: boolean) =>
    bytesOf((samples) =>
      loaded(
        request,
        (base, { drawnWith }) => walkDrawing(base, drawnWith('unet'), samples, guidedTogether),
        'decoder',
      ),
    ),
  );
  const decoding = remembered((tile: number) =>
    bytesOf((samples) => loaded(request, (base) => walkDecoding(base, samples, tile), 'decoder')),
  );
  const bytesOf = (work: (samples: BatchShape) => void): number => {
    const { samples } = request;
    return samples ? simulate(() => work(samples)).peakBytes : 0;
  };
  const largest = request.buckets.reduce((most, one) => (pixels(one) > pixels(most) ? one : most));
  const predict = (of: MemoryRequest): Predictions['of'] => {
    const walked = remembered((key: string) => {
      const [firstKeptBlock, microBatch] = key.split('/').map(Number);
      return simulate(() => train(of, firstKeptBlock, microBatch));
    });
    return (firstKeptBlock, microBatch, budgetBytes = 0) => {
      const { peakBytes: trainingBytes, flops, dispatches } = walked(`${firstKeptBlock}/${microBatch}`);
      const before: Phase[] = [
        { bytes: trainingBytes, at: { parts: resident, vae: 'decoder' } },
        ...others(),
      ];
      const allowed = Math.max(budgetBytes, ...before.map(({ bytes }) => bytes));
      const economy = request.samples
        ? sampleEconomy(request.config.vae, request.samples, { drawing, decoding }, allowed)
        : { guidedTogether: true, decodeTile: 0, bytes: 0 };
      const { guidedTogether, decodeTile, bytes: samplingBytes } = economy;
      const phases: Phase[] = [
        ...before,
        { bytes: samplingBytes, at: { parts: [...resident, 'vae'], vae: 'decoder' } },
      ];
      const highest = phases.reduce((most, one) => (one.bytes > most.bytes ? one : most));
      return {
        firstKeptBlock,
        microBatch,
        guidedTogether,
        decodeTile,
        weightBytes: weights().peakBytes,
        encodingBytes: Math.max(...others().map(({ bytes }) => bytes)),
        trainingBytes,
        samplingBytes,
        peakBytes: highest.bytes,
        atPeak: highest.at,
        flops,
        dispatches,
      };
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
  const { programs: ofSample } = simulate(() => {
    loaded(request, (base, { drawnWith }) =>
      walkDrawing(base, drawnWith('unet'), samples, economy.guidedTogether),
    );
    loaded(request, (base) => walkDecoding(base, samples, economy.decodeTile), 'decoder');
  });
  return new Map([...ofStep, ...ofSample]);
}

/** What encoding the captions and pictures runs, before the first step; by name. */
export function preparationPrograms(request: MemoryRequest): ReadonlyMap<string, Program> {
  return simulate(() => {
    encodeCaption(request);
    encodePictures(request);
  }).programs;
}

function pixels({ size, width, height }: BatchShape): number {
  return size * width * height;
}

function once<T>(work: () => T): () => T {
  let done: { value: T } | undefined;
  return () => (done ??= { value: work() }).value;
}

interface Phase {
  bytes: number;
  at: MemoryPrediction['atPeak'];
}

function encodePictures({ config, buckets }: MemoryRequest): void {
  const base = reserveParts(config, ['vae'], 'encoder');
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

function encodeCaption({ config, settings }: MemoryRequest): void {
  const base = reserveParts(config, config.family.texts);
  try {
    walkEncoding(base, config, settings.chunks, settings.clipSkip);
  } finally {
    disposeParts(base);
    trim();
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

type Loaded = ReturnType<typeof reserveParts<'unet'>>;

/** Runs `work` with everything that stays on the GPU while a run trains, and half of the VAE where it is named. */
function loaded(
  request: MemoryRequest,
  work: (base: Loaded, parameters: LoraParameters, optimizer: Optimizer, seed: tf.Tensor) => void,
  vae?: VaeHalf,
): void {
  const { lora, keep } = request;
  const base = reserveParts(request.config, ['unet', ...keep, ...(vae ? ['vae' as const] : [])], vae);
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

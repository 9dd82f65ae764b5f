/**
 * What a run would be, from the headers of its base model and the sizes of its pictures: steps, buckets, LoRA, memory.
 * Reads no weights and computes nothing on the GPU, but needs one open: its limits say what can be bound. The same code
 * outlines and predicts a run that starts.
 */
import { fromBlob, type ByteSource } from '../../formats/safetensors/byte_source';
import { parseConfig } from '../../formats/config/config';
import type { TrainConfig } from '../../formats/config/config_fields';
import { savePrecisions } from '../../formats/lora/kohya_lora';
import { ranksDiffer, ranksOf } from '../../formats/lora/lora_outline';
import { gpu } from '../../kernels/device';
import { simulate } from '../../kernels/program';
import type { Estimate, EstimateRequest } from '../../protocol/trainer';
import { disposeParts, planBaseModel, reserveParts } from '../step/base_model';
import { groupByBucket } from '../data/batches';
import { checkBucketStep, placeImages, type Placed } from '../data/dataset';
import { fitMemory } from './fit_memory';
import {
  predictions,
  stepFlops,
  type Economy,
  type MemoryPrediction,
  type MemoryRequest,
  type Predictions,
} from './memory';
import { adapters, RUN_KINDS } from '../step/kinds';
import { judgeLora, keptRanks } from '../step/lora_file';
import { createOptimizer, disposeOptimizer } from '../step/optimizer';
import { RunSettingsError } from './run_settings_error';
import { outlineOf, type Outline } from './run_plan';
import type { PartName } from '../../formats/families/family_facts';
import type { VaeHalf } from '../../models/vae';

/** Throws what a run would: `ConfigError`, `CheckpointError`, `UnusableImageSizeError` and their like. */
export async function estimate(request: EstimateRequest): Promise<Estimate> {
  const { images, cardGb } = request;
  return estimateRun(parseConfig(request.config), request.base.map(fromBlob), images, cardGb);
}

/**
 * `estimate` of a configuration that was read already, from files anywhere. Sizes are upright, before any bucket;
 * `pretrained` is a LoRA to continue.
 */
export async function estimateRun(
  config: TrainConfig,
  base: readonly ByteSource[],
  images: EstimateRequest['images'],
  cardGb?: number,
  pretrained?: ByteSource,
): Promise<Estimate> {
  if (!images.length) throw new RunSettingsError('no-pictures');
  if (!config.train_unet && !config.train_text_encoder) throw new RunSettingsError('nothing-trained');
  const read = await planBaseModel(base);
  checkBucketStep(config, read.family);
  const placed = placeImages(
    images.map(({ width, height, repeats }) => ({ size: [width, height] as const, repeats })),
    config,
  );
  const kept =
    pretrained && (await keptRanks(pretrained, (await judgeLora(pretrained, read, config)).layers));
  const outline = outlineOf(read, config, placed, cardGb, kept);
  const { unet, vae, text1, text2, basePrecision } = outline.plan;
  const asked = { ...outline.request, config: [unet, vae, text1, text2, basePrecision] };
  const key = JSON.stringify(asked);
  const predicted = recent.get(key) ?? predictions(outline.request);
  recent.delete(key);
  recent.set(key, predicted);
  if (recent.size > REMEMBERED) recent.delete(recent.keys().next().value as string);
  return work(config, placed, outline, predicted);
}

/** A learning rate or a budget that changes leaves the walks as they were: each takes up to a second. */
const recent = new Map<string, Predictions>();
const REMEMBERED = 16;

function work(
  config: TrainConfig,
  placed: readonly Placed<unknown>[],
  outline: Outline,
  predicted: Predictions,
): Estimate {
  const { plan, request, budgetBytes, auto } = outline;
  const blocks = plan.family.blocks(plan.unet).length;
  // What does not fit is predicted at its least, to say by how much.
  const memory = fitMemory(request, blocks, budgetBytes, predicted, { anyway: true });
  const buckets = groupByBucket(placed).map(({ bucket: [width, height], members }) => ({
    width,
    height,
    images: new Set(members).size,
  }));
  return {
    steps: outline.steps,
    epochs: outline.epochs,
    stepsPerEpoch: outline.stepsPerEpoch,
    buckets,
    loraModules: request.lora.shapes.length,
    loraParameters: outline.loraParameters,
    ...(ranksDiffer(request.lora.shapes) ? { loraRanks: ranksOf(request.lora.shapes) } : {}),
    loraBytes:
      outline.loraParameters * savePrecisions[config.save_precision].bytes +
      request.lora.shapes.length * HEADER_BYTES_PER_MODULE,
    recomputedBlocks: memory.firstKeptBlock,
    blocks,
    microBatch: Math.min(memory.microBatch, predicted.largestBatch),
    largestBatch: predicted.largestBatch,
    bytes: partsOf(request, memory, blocks, predicted),
    peakBytes: memory.peakBytes,
    budgetBytes,
    auto,
    fits: memory.peakBytes <= budgetBytes,
    flopsPerStep: flopsOf(request, memory, placed, outline.stepsPerEpoch),
    efficiency: EFFICIENCY,
  };
}

/** Names, shapes and offsets of a module's three tensors in the file's header, and its alpha. */
const HEADER_BYTES_PER_MODULE = 420;

/**
 * A step's arithmetic over the time it takes, as a share of what the probe's matrix product sustains. Convolutions come
 * near it; attention, norms and LoRA's thin products stay far behind. Calibrated on CPU adapters, where SD 1.5's step
 * ran at 8.0 GFLOP/s beside products of 7 to 17 (BENCHMARKS.md); the page corrects itself by the first real steps.
 */
const EFFICIENCY = 0.5;

/** The peak taken apart: weights and LoRA as they are, kept activations as what recomputing them all would save. */
function partsOf(
  request: MemoryRequest,
  memory: MemoryPrediction,
  blocks: number,
  predicted: Predictions,
): Estimate['bytes'] {
  // Nothing is kept for a backward pass while pictures are encoded or samples drawn.
  const training = memory.trainingBytes === memory.peakBytes;
  const { parts, vae } = memory.atPeak;
  const weights = weightBytes(request, parts, vae);
  const lora = parts.includes('unet') ? loraBytes(request) : 0;
  const saved = (firstKeptBlock: number) =>
    predicted.ofLargest(firstKeptBlock, memory.microBatch).trainingBytes -
    predicted.ofLargest(blocks, memory.microBatch).trainingBytes;
  const kept = !training || memory.firstKeptBlock === blocks ? 0 : Math.max(0, saved(memory.firstKeptBlock));
  return { weights, kept, lora, working: memory.peakBytes - weights - lora - kept };
}

function weightBytes({ config }: MemoryRequest, parts: readonly PartName[], vae: VaeHalf): number {
  const { peakBytes } = simulate(() => {
    disposeParts(reserveParts(config, parts, vae));
  });
  return peakBytes;
}

function loraBytes({ lora, optimizer }: MemoryRequest): number {
  const { peakBytes } = simulate(() => {
    const parameters = new adapters[RUN_KINDS.adapter].Parameters(lora.shapes);
    const moments = createOptimizer(optimizer, parameters, gpu().f16);
    disposeOptimizer(moments);
    parameters.dispose();
  });
  return peakBytes;
}

/** Of a mean step: one bucket's batch is walked through, and taken as proportional to its pixels. */
function flopsOf(
  request: MemoryRequest,
  economy: Economy,
  placed: readonly Placed<unknown>[],
  stepsPerEpoch: number,
): number {
  const pixels = ({ size, width, height }: { size: number; width: number; height: number }) =>
    size * width * height;
  const typical = request.buckets.reduce((most, one) => (pixels(one) > pixels(most) ? one : most));
  const flops = stepFlops(request, typical, economy);
  const epoch = placed.reduce((sum, { bucket, repeats }) => sum + repeats * bucket[0] * bucket[1], 0);
  return (flops / pixels(typical)) * (epoch / stepsPerEpoch);
}

/**
 * The optimizer's tensors and one update. All of it happens on the GPU, loss scaling included: whether a gradient was
 * finite is known there first, and a replayed step must not wait for the host to hear of it.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { TrainConfig } from '../../formats/config/config_fields';
import type { LoraPart } from '../../formats/families/family_facts';
import { hyperLength, packHyper, STATE_LENGTH, unpackState, type Hyper } from '../../kernels/optimizer/hyper';
import {
  applyOptimizer,
  checkGradient,
  OPTIMIZERS,
  type RatedRange,
} from '../../kernels/optimizer/optimizer';
import { read, upload, write } from '../../kernels/program';
import {
  readPieces,
  writePieces,
  type LoraParameters,
  type PieceRange,
  type PlacedModule,
} from '../../models/lora';
import { lossScaling } from './loss_scale';

/** What is saved of a run on the GPU: the LoRA's values, the optimizer's moments, and its counters. */
export type StateTensor = 'values' | 'moment1' | 'moment2' | 'optimizer';

export type OptimizerKind = TrainConfig['optimizer'];

export interface Optimizer {
  kind: OptimizerKind;
  /** What is updated, and at which rate: all but the modules that no gradient reaches. */
  segments: readonly Segment[];
  /** Those of the LoRA: a tensor each of gradient and moments. */
  pieces: readonly PieceRange[];
  /** Zero between updates. */
  gradient: readonly Tensor[];
  moment1: readonly Tensor[];
  /** One tensor of one element where the optimizer has no second moment. */
  moment2: readonly Tensor[];
  hyper: Tensor;
  /** What `unpackState` reads; the last word is the loss scale's count of good steps. */
  state: Tensor;
  /** [1]: the loss's gradient is multiplied by it. */
  lossScale: Tensor;
}

export interface OptimizerReport {
  gradientNorm: number;
  lossScale: number;
  skipped: boolean;
  /** Updates taken since the start, this one included. */
  updates: number;
}

/** What has a rate of its own; the configuration has one for all text encoders. The order is `hyper`'s. */
const RATED: readonly LoraPart[] = ['text1', 'text2', 'unet'];

const RATES: Readonly<Record<LoraPart, (config: TrainConfig) => number>> = {
  text1: (config) => config.text_encoder_lr ?? config.learning_rate,
  text2: (config) => config.text_encoder_lr ?? config.learning_rate,
  unet: (config) => config.unet_lr ?? config.learning_rate,
};

/** Elements of a piece. */
export interface Segment extends RatedRange {
  piece: number;
}

/** Neighbours of one piece and one rate are updated together; what is idle is left out. */
export function segmentsOf(
  { modules, pieces }: Pick<LoraParameters, 'modules' | 'pieces'>,
  idle: (module: PlacedModule) => boolean,
): Segment[] {
  const segments: Segment[] = [];
  for (const module of modules) {
    if (idle(module)) continue;
    const { piece } = module;
    const [from, to] = [module.down - pieces[piece].from, module.end - pieces[piece].from];
    const rate = RATED.indexOf(module.part);
    const last = segments.at(-1);
    if (last && last.piece === piece && last.rate === rate && last.to === from) last.to = to;
    else segments.push({ piece, from, to, rate });
  }
  return segments;
}

/**
 * For these parameters, but for the modules that are `idle`. `scaled` starts the loss scale at 65536, else it is 1 and
 * stays.
 */
export function createOptimizer(
  kind: OptimizerKind,
  lora: Pick<LoraParameters, 'modules' | 'pieces'>,
  scaled: boolean,
  idle: (module: PlacedModule) => boolean = () => false,
): Optimizer {
  const { pieces } = lora;
  const zeros = (length: number) => upload(new Float32Array(length), [length], 'optimizer');
  const each = () => pieces.map(({ from, to }) => zeros(to - from));
  return {
    kind,
    segments: segmentsOf(lora, idle),
    pieces,
    gradient: each(),
    moment1: each(),
    moment2: OPTIMIZERS[kind].moments.length > 1 ? each() : [zeros(1)],
    hyper: zeros(hyperLength(RATED.length)),
    state: zeros(STATE_LENGTH),
    lossScale: upload(Float32Array.of(lossScaling(scaled).initialScale), [1], 'optimizer'),
  };
}

/**
 * Checks, unscales, clips and applies the gradient to `values` (a tensor a piece), adapts the loss scale, and zeroes the
 * gradient.
 */
export function update(optimizer: Optimizer, values: readonly Tensor[]): void {
  const { kind, gradient, moment1, moment2, hyper, state, lossScale, segments } = optimizer;
  checkGradient(gradient, hyper, state, lossScale);
  const moments = [moment1, moment2].slice(0, OPTIMIZERS[kind].moments.length);
  for (const { piece, ...range } of segments) {
    const own = moments.map((tensors) => tensors[piece]);
    applyOptimizer(kind, values[piece], own, gradient[piece], hyper, state, range);
  }
}

/**
 * The settings of the next update. Rates are the configuration's times what `multiplier` says of an update. `updates` are
 * known to have been taken; whether the step before was one more, the GPU finds out by itself.
 */
export function setHyper(
  optimizer: Optimizer,
  config: TrainConfig,
  multiplier: (update: number) => number,
  scaled: boolean,
  updates = 0,
): void {
  const rates = (update: number) => RATED.map((part) => RATES[part](config) * multiplier(update));
  const hyper: Hyper = {
    rates: rates(updates),
    update: updates,
    later: rates(updates + 1),
    growthInterval: scaled ? lossScaling(scaled).growthInterval : 0,
    maxNorm: config.max_grad_norm,
    beta1: config.adam_beta1,
    beta2: config.adam_beta2,
    eps: config.adam_eps,
    weightDecay: config.weight_decay,
  };
  write(optimizer.hyper, packHyper(hyper));
}

/** How the last update went. Waits for it. */
export async function readReport({ state, lossScale }: Optimizer): Promise<OptimizerReport> {
  const [words, [scale = 1]] = await Promise.all([read(state), read(lossScale)]);
  const { norm, skipped, steps } = unpackState(words);
  return { gradientNorm: norm, lossScale: scale, skipped, updates: steps };
}

/** Updates taken, as a saved state knows them. */
export function updatesOf(saved: Pick<Record<StateTensor, Float32Array>, 'optimizer'>): number {
  return unpackState(saved.optimizer).steps;
}

/** The tensors of a saved state, apart from the LoRA's values. */
export async function readOptimizer(
  optimizer: Optimizer,
): Promise<Record<Exclude<StateTensor, 'values'>, Float32Array>> {
  const { pieces, moment1, moment2, state, lossScale } = optimizer;
  const [words, scale] = await Promise.all([read(state), read(lossScale)]);
  return {
    moment1: await readPieces(pieces, moment1),
    moment2: await readPieces(secondPieces(optimizer), moment2),
    optimizer: Float32Array.of(...words, ...scale),
  };
}

export function restoreOptimizer(
  optimizer: Optimizer,
  saved: Record<Exclude<StateTensor, 'values'>, Float32Array>,
): void {
  writePieces(optimizer.pieces, optimizer.moment1, saved.moment1);
  writePieces(secondPieces(optimizer), optimizer.moment2, saved.moment2);
  write(optimizer.state, saved.optimizer.subarray(0, STATE_LENGTH));
  write(optimizer.lossScale, saved.optimizer.subarray(STATE_LENGTH));
}

/** One element where there is no second moment. */
function secondPieces({ kind, pieces }: Optimizer): readonly PieceRange[] {
  return OPTIMIZERS[kind].moments.length > 1 ? pieces : [{ from: 0, to: 1 }];
}

/** Elements of each tensor of a saved state. */
export function optimizerSizes(kind: OptimizerKind, size: number): Record<StateTensor, number> {
  const second = OPTIMIZERS[kind].moments.length > 1;
  return { values: size, moment1: size, moment2: second ? size : 1, optimizer: STATE_LENGTH + 1 };
}

export function disposeOptimizer({ gradient, moment1, moment2, hyper, state, lossScale }: Optimizer): void {
  for (const tensor of [...gradient, ...moment1, ...moment2, hyper, state, lossScale]) tensor.dispose();
}

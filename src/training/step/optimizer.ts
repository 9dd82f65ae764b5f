/**
 * The optimizer's tensors and one update. All of it happens on the GPU, loss scaling included: whether a gradient was
 * finite is known there first, and a replayed step must not wait for the host to hear of it.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { TrainConfig } from '../../formats/config/config_fields';
import {
  HYPER_LENGTH,
  packHyper,
  STATE_LENGTH,
  unpackState,
  type Hyper,
} from '../../kernels/optimizer/hyper';
import { applyOptimizer, judgeGradient, OPTIMIZERS, type Idle } from '../../kernels/optimizer/optimizer';
import { read, upload, write } from '../../kernels/program';
import { lossScaling } from './loss_scale';

/** What is saved of a run on the GPU: the LoRA's values, the optimizer's moments, and its counters. */
export type StateTensor = 'values' | 'moment1' | 'moment2' | 'optimizer';

export type OptimizerKind = TrainConfig['optimizer'];

export interface Optimizer {
  kind: OptimizerKind;
  /** Elements before this index belong to the text encoder. */
  boundary: number;
  /** Elements that no gradient reaches. */
  idle: Idle;
  /** All of the LoRA's length; the gradient is zero between updates. */
  gradient: Tensor;
  moment1: Tensor;
  /** One element where the optimizer has no second moment. */
  moment2: Tensor;
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

/** For `size` parameters. `scaled` starts the loss scale at 65536, else it is 1 and stays. */
export function createOptimizer(
  kind: OptimizerKind,
  size: number,
  boundary: number,
  scaled: boolean,
  idle: Idle = { from: 0, to: 0 },
): Optimizer {
  const zeros = (length: number) => upload(new Float32Array(length), [length], 'optimizer');
  const sizes = optimizerSizes(kind, size);
  return {
    kind,
    boundary,
    idle,
    gradient: zeros(size),
    moment1: zeros(sizes.moment1),
    moment2: zeros(sizes.moment2),
    hyper: zeros(HYPER_LENGTH),
    state: zeros(STATE_LENGTH),
    lossScale: upload(Float32Array.of(lossScaling(scaled).initialScale), [1], 'optimizer'),
  };
}

/** Judges, unscales, clips and applies the gradient to `values`, adapts the loss scale, and zeroes the gradient. */
export function update(optimizer: Optimizer, values: Tensor): void {
  const { kind, gradient, moment1, moment2, hyper, state, lossScale, boundary, idle } = optimizer;
  judgeGradient(gradient, hyper, state, lossScale);
  const moments = [moment1, moment2].slice(0, OPTIMIZERS[kind].moments.length);
  applyOptimizer(kind, values, moments, gradient, hyper, state, boundary, idle);
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
  const rates = (update: number) => ({
    lrText: (config.text_encoder_lr ?? config.learning_rate) * multiplier(update),
    lrUnet: (config.unet_lr ?? config.learning_rate) * multiplier(update),
  });
  const hyper: Hyper = {
    ...rates(updates),
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
  const { moment1, moment2, state, lossScale } = optimizer;
  const [words, scale] = await Promise.all([read(state), read(lossScale)]);
  return {
    moment1: await read(moment1),
    moment2: await read(moment2),
    optimizer: Float32Array.of(...words, ...scale),
  };
}

export function restoreOptimizer(
  optimizer: Optimizer,
  saved: Record<Exclude<StateTensor, 'values'>, Float32Array>,
): void {
  write(optimizer.moment1, saved.moment1);
  write(optimizer.moment2, saved.moment2);
  write(optimizer.state, saved.optimizer.subarray(0, STATE_LENGTH));
  write(optimizer.lossScale, saved.optimizer.subarray(STATE_LENGTH));
}

/** Elements of each tensor of a saved state. */
export function optimizerSizes(kind: OptimizerKind, size: number): Record<StateTensor, number> {
  const second = OPTIMIZERS[kind].moments.length > 1;
  return { values: size, moment1: size, moment2: second ? size : 1, optimizer: STATE_LENGTH + 1 };
}

export function disposeOptimizer({ gradient, moment1, moment2, hyper, state, lossScale }: Optimizer): void {
  for (const tensor of [gradient, moment1, moment2, hyper, state, lossScale]) tensor.dispose();
}

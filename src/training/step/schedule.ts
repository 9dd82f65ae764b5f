/**
 * Learning-rate schedules: what the learning rate is multiplied by at an update. The same numbers as the
 * schedulers of diffusers and transformers that kohya's `--lr_scheduler` names, as pure functions of the step.
 * A step here is an optimizer update that was taken (one skipped by loss scaling does not count, as in PyTorch).
 */

import type { EngineFacts } from '../../protocol/engine_errors';

export const SCHEDULES = [
  'constant',
  'constant_with_warmup',
  'linear',
  'cosine',
  'cosine_with_restarts',
  'polynomial',
] as const;

export type ScheduleName = (typeof SCHEDULES)[number];

export interface ScheduleConfig {
  name: ScheduleName;
  /** All optimizer updates of the run. */
  totalSteps: number;
  /** Updates of linear warm-up; below 1 it is a share of `totalSteps` (kohya's rule). `constant` has none. */
  warmup?: number;
  /** cosine_with_restarts: number of hard restarts. */
  numCycles?: number;
  /** polynomial: exponent. */
  power?: number;
  /** polynomial: the learning rate it starts from, which its floor `lrEnd` is relative to. */
  learningRate?: number;
  /** polynomial: the learning rate it ends at. */
  lrEnd?: number;
}

/** A schedule that cannot be followed: what, and what to change. */
export class InvalidScheduleError extends RangeError {
  override readonly name = 'InvalidScheduleError';
  constructor(
    message: string,
    readonly code: keyof EngineFacts['InvalidScheduleError'],
    readonly facts: { warmup: number; steps: number },
  ) {
    super(message);
  }
}

/**
 * The multiplier of the learning rate for update `step` (0 is the first; defined past the end too).
 * @throws InvalidScheduleError for impossible settings
 */
export function multiplier(config: ScheduleConfig, step: number): number {
  checkSchedule(config);
  const warmup = warmupSteps(config);
  if (config.name === 'constant') return 1;
  if (step < warmup) return step / Math.max(1, warmup);
  if (config.name === 'constant_with_warmup') return 1;
  const left = Math.max(1, config.totalSteps - warmup);
  const progress = (step - warmup) / left;
  switch (config.name) {
    case 'linear':
      return Math.max(0, (config.totalSteps - step) / left);
    case 'cosine':
      // Past the end diffusers' cosine rises again; a run never gets there.
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
    case 'cosine_with_restarts':
      if (progress >= 1) return 0;
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (((config.numCycles ?? 1) * progress) % 1))));
    case 'polynomial':
      return polynomial(config, step, warmup);
  }
}

/** Warm-up in updates: the number itself, or that share of the run, rounded down. `constant` ignores it. */
export function warmupSteps(config: ScheduleConfig): number {
  const warmup = config.name === 'constant' ? 0 : (config.warmup ?? 0);
  return warmup < 1 ? Math.floor(warmup * config.totalSteps) : warmup;
}

function polynomial(config: ScheduleConfig, step: number, warmup: number): number {
  const start = config.learningRate ?? NaN;
  const end = config.lrEnd ?? 1e-7;
  if (step > config.totalSteps) return end / start;
  const remaining = 1 - (step - warmup) / (config.totalSteps - warmup);
  return ((start - end) * remaining ** (config.power ?? 1) + end) / start;
}

/** Whether a run can follow it: asked before anything is loaded. @throws InvalidScheduleError */
export function checkSchedule(config: ScheduleConfig): void {
  const { name, totalSteps, warmup = 0, numCycles = 1, power = 1 } = config;
  const fail = (message: string, code: keyof EngineFacts['InvalidScheduleError'] = 'settings'): never => {
    const facts = { warmup, steps: totalSteps };
    throw new InvalidScheduleError(`Learning-rate schedule '${name}': ${message}`, code, facts);
  };
  if (!SCHEDULES.includes(name)) fail(`there is no such schedule; choose one of ${SCHEDULES.join(', ')}.`);
  if (!Number.isInteger(totalSteps) || totalSteps < 1) {
    fail(`the run has ${totalSteps} steps, but must have a whole number of at least 1.`);
  }
  if (!(warmup >= 0) || (warmup >= 1 && !Number.isInteger(warmup))) {
    fail(`warm-up is ${warmup}, but must be a whole number of steps, or a share of the run from 0 up to 1.`);
  }
  if (name !== 'constant' && warmupSteps(config) >= totalSteps) {
    fail(
      `warm-up takes ${warmup} of ${totalSteps} steps, so training would end before it; lower lr_warmup_steps.`,
      'warmup',
    );
  }
  if (!Number.isInteger(numCycles) || numCycles < 1) {
    fail(`the number of cycles is ${numCycles}, but must be a whole number of at least 1.`);
  }
  if (!(power > 0)) fail(`power is ${power}, but must be above 0.`);
  if (name === 'polynomial') {
    const { learningRate = NaN, lrEnd = 1e-7 } = config;
    if (!(lrEnd >= 0) || !(learningRate > lrEnd)) {
      fail(`the learning rate ${learningRate} must be above the end learning rate ${lrEnd}.`);
    }
  }
}

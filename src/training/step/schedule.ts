/**
 * Learning-rate schedules: what the learning rate is multiplied by at an update. The same numbers as the
 * schedulers of diffusers and transformers that kohya's `--lr_scheduler` names, as pure functions of the step.
 * A step here is an optimizer update that was taken (one skipped by loss scaling does not count, as in PyTorch).
 */

import type { TrainConfig } from '../../formats/config/config_fields';
import type { EngineFacts } from '../../protocol/engine_errors';

/** `constant` that is warmed up has a name of its own, as with kohya. */
export type ScheduleName = TrainConfig['lr_scheduler'] | 'constant_with_warmup';

/** diffusers' and kohya's `lr_end` of the polynomial schedule. */
export const LR_END = 1e-7;

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

/** What a choice is called where there is a warm-up, if that is not its own name. */
const WARMED: Partial<Record<TrainConfig['lr_scheduler'], ScheduleName>> = {
  constant: 'constant_with_warmup',
};

export function scheduleName(choice: TrainConfig['lr_scheduler'], warmup: number): ScheduleName {
  return (warmup > 0 ? WARMED[choice] : undefined) ?? choice;
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
  if (step < warmup) return step / Math.max(1, warmup);
  const left = Math.max(1, config.totalSteps - warmup);
  return SCHEDULES[config.name].after({ config, step, warmup, left, progress: (step - warmup) / left });
}

/** Warm-up in updates: the number itself, or that share of the run, rounded down; none where the schedule has none. */
export function warmupSteps(config: ScheduleConfig): number {
  const warmup = SCHEDULES[config.name].warmsUp ? (config.warmup ?? 0) : 0;
  return warmup < 1 ? Math.floor(warmup * config.totalSteps) : warmup;
}

/** Whether a run can follow it: asked before anything is loaded. @throws InvalidScheduleError */
export function checkSchedule(config: ScheduleConfig): void {
  const { name, totalSteps, warmup = 0, numCycles = 1, power = 1 } = config;
  const fail = (message: string, code: keyof EngineFacts['InvalidScheduleError'] = 'settings'): never => {
    const facts = { warmup, steps: totalSteps };
    throw new InvalidScheduleError(`Learning-rate schedule '${name}': ${message}`, code, facts);
  };
  if (!Object.hasOwn(SCHEDULES, name))
    fail(`there is no such schedule; choose one of ${Object.keys(SCHEDULES).join(', ')}.`);
  if (!Number.isInteger(totalSteps) || totalSteps < 1) {
    fail(`the run has ${totalSteps} steps, but must have a whole number of at least 1.`);
  }
  if (!(warmup >= 0) || (warmup >= 1 && !Number.isInteger(warmup))) {
    fail(`warm-up is ${warmup}, but must be a whole number of steps, or a share of the run from 0 up to 1.`);
  }
  if (SCHEDULES[name].warmsUp && warmupSteps(config) >= totalSteps) {
    fail(
      `warm-up takes ${warmup} of ${totalSteps} steps, so training would end before it; lower lr_warmup_steps.`,
      'warmup',
    );
  }
  if (!Number.isInteger(numCycles) || numCycles < 1) {
    fail(`the number of cycles is ${numCycles}, but must be a whole number of at least 1.`);
  }
  if (!(power > 0)) fail(`power is ${power}, but must be above 0.`);
  const objection = SCHEDULES[name].objection?.(config);
  if (objection !== undefined) fail(objection);
}

// ---------------------------------------------------------------------------------------------------------------

interface At {
  config: ScheduleConfig;
  step: number;
  /** Updates of warm-up, and those after it. */
  warmup: number;
  left: number;
  /** 0 where the warm-up ends, 1 where the run does. */
  progress: number;
}

interface Schedule {
  warmsUp: boolean;
  /** The multiplier once it is warm. */
  after: (at: At) => number;
  /** What is impossible about its own settings. */
  objection?: (config: ScheduleConfig) => string | undefined;
}

const SCHEDULES: Readonly<Record<ScheduleName, Schedule>> = {
  constant: { warmsUp: false, after: () => 1 },
  constant_with_warmup: { warmsUp: true, after: () => 1 },
  linear: {
    warmsUp: true,
    after: ({ config, step, left }) => Math.max(0, (config.totalSteps - step) / left),
  },
  cosine: {
    warmsUp: true,
    // Past the end diffusers' cosine rises again; a run never gets there.
    after: ({ progress }) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress))),
  },
  cosine_with_restarts: {
    warmsUp: true,
    after: ({ config, progress }) =>
      progress >= 1
        ? 0
        : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (((config.numCycles ?? 1) * progress) % 1)))),
  },
  polynomial: {
    warmsUp: true,
    after: polynomial,
    objection: ({ learningRate = NaN, lrEnd = LR_END }) =>
      lrEnd >= 0 && learningRate > lrEnd
        ? undefined
        : `the learning rate ${learningRate} must be above the end learning rate ${lrEnd}.`,
  },
};

export const SCHEDULE_NAMES = Object.keys(SCHEDULES) as ScheduleName[];

function polynomial({ config, step, warmup }: At): number {
  const start = config.learningRate ?? NaN;
  const end = config.lrEnd ?? LR_END;
  if (step > config.totalSteps) return end / start;
  const remaining = 1 - (step - warmup) / (config.totalSteps - warmup);
  return ((start - end) * remaining ** (config.power ?? 1) + end) / start;
}

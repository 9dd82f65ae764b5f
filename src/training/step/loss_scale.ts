/**
 * Dynamic loss scaling for half precision: the loss is multiplied by a scale so that small gradients survive f16,
 * the scale is halved and the update skipped when a gradient overflows, doubled after a long good run.
 * The rule is PyTorch's GradScaler (Micikevicius et al. 2018), with a floor, a ceiling, and an end to patience.
 * The scale itself is kept by `kernels/optimizer` on the GPU, by the same rule; here it is followed.
 */
import type { EngineFacts } from '../../protocol/engine_errors';

export interface LossScaleConfig {
  initialScale: number;
  growthFactor: number;
  /** Consecutive good steps before the scale grows. */
  growthInterval: number;
  backoffFactor: number;
  minScale: number;
  maxScale: number;
  /** Consecutive skipped steps at the lowest scale after which training stops. */
  maxSkipsAtFloor: number;
}

export const LOSS_SCALE_DEFAULTS: Readonly<LossScaleConfig> = {
  initialScale: 65536,
  growthFactor: 2,
  growthInterval: 2000,
  backoffFactor: 0.5,
  minScale: 1,
  maxScale: 2 ** 24,
  maxSkipsAtFloor: 5,
};

/** For the f32 tier: the scale stays 1, non-finite steps are still skipped and still end the run. */
export const NO_LOSS_SCALING: Readonly<LossScaleConfig> = {
  ...LOSS_SCALE_DEFAULTS,
  initialScale: 1,
  maxScale: 1,
};

/** The rule for a tier: halves need scaling, f32 does not. */
export function lossScaling(f16: boolean): Readonly<LossScaleConfig> {
  return f16 ? LOSS_SCALE_DEFAULTS : NO_LOSS_SCALING;
}

/** Plain numbers, safe in JSON; goes into a checkpoint as it is. */
export interface LossScaleState {
  readonly scale: number;
  readonly goodSteps: number;
  readonly skipsAtFloor: number;
  readonly skippedSteps: number;
}

/** Loss or gradients stay infinite or NaN though the loss is no longer scaled: training cannot go on. */
export class NonFiniteLossError extends Error {
  override readonly name = 'NonFiniteLossError';
  constructor(
    readonly step: number,
    readonly skips: number,
    readonly skippedSteps: number,
    /** `no-step`: the run came to its end, and not one of its steps could be taken. */
    readonly code: 'loss' | 'no-step' = 'loss',
  ) {
    super(
      code === 'no-step'
        ? `Nothing was learnt: the loss or its gradients were infinite or not a number in all ${step} steps, and each was ` +
            `skipped. Lower the learning rate or check the base model; one whose numbers no half can hold wants mixed_precision: ` +
            `fp32, and a run of a few steps in half precision may need more of them.`
        : `The loss or its gradients were infinite or not a number ${skips} steps in a row, up to step ${step}, even ` +
            `without loss scaling (${skippedSteps} steps were skipped in all). Lower the learning rate, check the ` +
            `base model (one whose numbers no half can hold wants mixed_precision: fp32), or continue from the last checkpoint.`,
    );
  }

  get facts(): EngineFacts['NonFiniteLossError'][NonFiniteLossError['code']] {
    return { step: this.step, skips: this.skips, skippedSteps: this.skippedSteps };
  }
}

export function initialLossScale(config: Readonly<LossScaleConfig> = LOSS_SCALE_DEFAULTS): LossScaleState {
  return { scale: config.initialScale, goodSteps: 0, skipsAtFloor: 0, skippedSteps: 0 };
}

/**
 * The state after a step.
 * @param finite whether the loss and every gradient of the step were finite; if not, its update must be skipped
 * @param step number of the step, for the error's sentence
 * @throws NonFiniteLossError after `maxSkipsAtFloor` bad steps in a row at the lowest scale
 */
export function nextLossScale(
  state: LossScaleState,
  finite: boolean,
  step: number,
  config: Readonly<LossScaleConfig> = LOSS_SCALE_DEFAULTS,
): LossScaleState {
  if (finite) {
    const grow = state.goodSteps + 1 >= config.growthInterval;
    return {
      scale: grow ? Math.min(config.maxScale, state.scale * config.growthFactor) : state.scale,
      goodSteps: grow ? 0 : state.goodSteps + 1,
      skipsAtFloor: 0,
      skippedSteps: state.skippedSteps,
    };
  }
  const skipsAtFloor = state.scale <= config.minScale ? state.skipsAtFloor + 1 : 0;
  const skippedSteps = state.skippedSteps + 1;
  if (skipsAtFloor >= config.maxSkipsAtFloor) throw new NonFiniteLossError(step, skipsAtFloor, skippedSteps);
  return {
    scale: Math.max(config.minScale, state.scale * config.backoffFactor),
    goodSteps: 0,
    skipsAtFloor,
    skippedSteps,
  };
}

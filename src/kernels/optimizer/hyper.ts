/**
 * The two small tensors every optimizer shares. `hyper` is written by the host before a step and holds whatever a
 * schedule may change; `state` lives on the GPU and is advanced there, so that the host need not know whether a step
 * was skipped.
 */

export interface Hyper {
  /** Learning rates, by the index that ranges of elements name. */
  rates: readonly number[];
  /**
   * The update that they are for, counting from 0 those that were taken; 0 where missing. Whether the step before was
   * taken is known on the GPU before the host hears of it: if one more was, the `later` rates hold; the same if missing.
   */
  update?: number;
  later?: readonly number[];
  /** Steps without overflow after which the loss scale doubles; 0 leaves the scale alone. A whole number. */
  growthInterval: number;
  /** Gradient norm to clip to, as torch.nn.utils.clip_grad_norm_; 0 does not clip. */
  maxNorm: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
}

/** Words before the rates. */
export const FIXED_LENGTH = 11;

/** Elements of `hyper` with so many rates. */
export function hyperLength(rates: number): number {
  return FIXED_LENGTH + 2 * rates;
}

/** The f32 words of `hyper` [11 + 2 rates]. 1 - beta and ln(beta) are taken here, in float64: f32 would lose most of them. */
export function packHyper(h: Hyper): Float32Array {
  const log = (beta: number) => (beta > 0 ? Math.log(beta) : -100);
  const { rates, later = rates } = h;
  return Float32Array.of(
    h.growthInterval,
    h.maxNorm,
    h.beta1,
    1 - h.beta1,
    h.beta2,
    1 - h.beta2,
    log(h.beta1),
    log(h.beta2),
    h.eps,
    h.weightDecay,
    h.update ?? 0,
    ...rates.flatMap((rate, i) => [rate, later[i]]),
  );
}

export interface OptimizerState {
  /** Norm of the unscaled gradient before clipping; of its finite part where the step was skipped. */
  norm: number;
  /** The gradient was not finite: nothing was changed. */
  skipped: boolean;
  /** Steps taken and steps skipped since the start. */
  steps: number;
  skips: number;
}

/**
 * `state` is f32 [8], all zeros at the start, and part of a checkpoint: norm, skipped, the factor of raw gradients,
 * t, 1 - beta1^t, 1 - beta2^t, skips, good steps since the loss scale last changed.
 */
export const STATE_LENGTH = 8;

export function unpackState(words: ArrayLike<number>): OptimizerState {
  return { norm: words[0], skipped: words[1] !== 0, steps: words[3], skips: words[6] };
}

/** AdamW and Lion as their papers and PyTorch have them, in float64. */
import type { Hyper } from './hyper';
import type { OptimizerKind } from './optimizer';

export interface ReferenceState {
  p: Float64Array;
  m: Float64Array;
  v: Float64Array;
  t: number;
}

/** One step with a gradient still carrying its scale; `rateOf` an element is an index of `h.rates`. Returns the norm; changes nothing if it is not finite. */
export function referenceStep(
  kind: OptimizerKind,
  state: ReferenceState,
  gradient: ArrayLike<number>,
  h: Hyper,
  rateOf: (i: number) => number,
  lossScale: number,
): number {
  const unscaled = Array.from(gradient, (g) => g / lossScale);
  const norm = Math.sqrt(unscaled.reduce((sum, g) => sum + g * g, 0));
  if (!Number.isFinite(norm)) return norm;
  const clip = h.maxNorm > 0 ? Math.min(1, h.maxNorm / (norm + 1e-6)) : 1;
  state.t++;
  unscaled.forEach((raw, i) => {
    RULES[kind](state, i, raw * clip, h.rates[rateOf(i)], h);
  });
  return norm;
}

/** A step of element i by the unscaled, clipped gradient g; `t` counts this step already. */
type Rule = (state: ReferenceState, i: number, g: number, lr: number, h: Hyper) => void;

const RULES: Readonly<Record<OptimizerKind, Rule>> = {
  adamw: ({ p, m, v, t }, i, g, lr, h) => {
    p[i] *= 1 - lr * h.weightDecay;
    m[i] = h.beta1 * m[i] + (1 - h.beta1) * g;
    v[i] = h.beta2 * v[i] + (1 - h.beta2) * g * g;
    p[i] -= (lr * m[i]) / (1 - h.beta1 ** t) / (Math.sqrt(v[i] / (1 - h.beta2 ** t)) + h.eps);
  },
  lion: ({ p, m }, i, g, lr, h) => {
    p[i] -= lr * (Math.sign(h.beta1 * m[i] + (1 - h.beta1) * g) + h.weightDecay * p[i]);
    m[i] = h.beta2 * m[i] + (1 - h.beta2) * g;
  },
};

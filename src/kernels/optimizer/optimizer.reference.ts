/** AdamW and Lion as their papers and PyTorch have them, in float64. */
import type { Hyper } from './hyper';

export interface ReferenceState {
  p: Float64Array;
  m: Float64Array;
  v: Float64Array;
  t: number;
}

/** One step with a gradient still carrying its scale. Returns the norm; changes nothing if it is not finite. */
export function referenceStep(
  kind: 'adamw' | 'lion',
  state: ReferenceState,
  gradient: ArrayLike<number>,
  h: Hyper,
  boundary: number,
  lossScale: number,
): number {
  const unscaled = Array.from(gradient, (g) => g / lossScale);
  const norm = Math.sqrt(unscaled.reduce((sum, g) => sum + g * g, 0));
  if (!Number.isFinite(norm)) return norm;
  const clip = h.maxNorm > 0 ? Math.min(1, h.maxNorm / (norm + 1e-6)) : 1;
  const { p, m, v } = state;
  const t = ++state.t;
  unscaled.forEach((raw, i) => {
    const g = raw * clip;
    const lr = i < boundary ? h.lrText : h.lrUnet;
    if (kind === 'adamw') {
      p[i] *= 1 - lr * h.weightDecay;
      m[i] = h.beta1 * m[i] + (1 - h.beta1) * g;
      v[i] = h.beta2 * v[i] + (1 - h.beta2) * g * g;
      p[i] -= (lr * m[i]) / (1 - h.beta1 ** t) / (Math.sqrt(v[i] / (1 - h.beta2 ** t)) + h.eps);
    } else {
      p[i] -= lr * (Math.sign(h.beta1 * m[i] + (1 - h.beta1) * g) + h.weightDecay * p[i]);
      m[i] = h.beta2 * m[i] + (1 - h.beta2) * g;
    }
  });
  return norm;
}

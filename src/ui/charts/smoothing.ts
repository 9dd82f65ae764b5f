/**
 * The exponential mean of a noisy curve, without the pull towards zero at its start: m <- w m + (1 - w) x, shown as
 * m / (1 - w^n). The same as TensorBoard's slider. (Kingma & Ba 2015, section 3.)
 */

/** The trainer's own, so that its log, the figure above the curve and the curve say the same. */
export const SMOOTHING_DEFAULT = 0.98;
export const SMOOTHING_MOST = 0.999;

/** As long as `values`. What is not finite is a gap (null), and does not count. */
export function smoothed(values: readonly number[], weight: number): (number | null)[] {
  let mean = 0;
  let rest = 1;
  return values.map((x) => {
    if (!Number.isFinite(x)) return null;
    mean = weight * mean + (1 - weight) * x;
    rest *= weight;
    return mean / (1 - rest);
  });
}

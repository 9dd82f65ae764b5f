/** What part of a value axis to show, and where its lines go. Pure arithmetic. */

export type Range = readonly [min: number, max: number];

/**
 * From the lowest to the highest of `raw`, or, without outliers, from the 2nd to the 98th hundredth of it; `always` is
 * never cut. With a little air.
 */
export function valueRange(
  raw: readonly number[],
  always: readonly (number | null)[],
  { clip, log }: { clip: boolean; log: boolean },
): Range {
  const usable = (value: number | null): value is number =>
    value !== null && Number.isFinite(value) && (!log || value > 0);
  const sorted = raw.filter(usable).sort((a, b) => a - b);
  if (!sorted.length) return log ? [0.01, 1] : [0, 1];
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))];
  let [low, high] = clip && sorted.length >= 20 ? [at(0.02), at(0.98)] : [at(0), at(1)];
  for (const value of always) {
    if (!usable(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low === high)
    return log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  if (log) return [low / (high / low) ** 0.06, high * (high / low) ** 0.06];
  const air = 0.06 * (high - low);
  // A loss is never negative: an axis that says so wastes a line.
  return [low >= 0 ? Math.max(0, low - air) : low - air, high + air];
}

/** Two to five round values strictly within the range: 1, 2 or 5 times a power of ten apart, or powers of ten. */
export function ticks([low, high]: Range, log: boolean): number[] {
  if (log && high / low >= 50) {
    const from = Math.ceil(Math.log10(low));
    const to = Math.floor(Math.log10(high));
    const every = Math.max(1, Math.ceil((to - from + 1) / 5));
    return whole(from, to, every).map((power) => 10 ** power);
  }
  const step = roundStep((high - low) / 5);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return whole(Math.ceil(low / step), Math.floor(high / step), 1)
    .map((n) => Number((n * step).toFixed(digits)))
    .filter((value) => value > low && value < high);
}

/** The 1, 2 or 5 times a power of ten that is nearest above. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const digit = [1, 2, 5, 10].find((each) => each * power >= least * (1 - 1e-9)) ?? 10;
  return digit * power;
}

function whole(from: number, to: number, every: number): number[] {
  return Array.from({ length: Math.max(0, Math.floor((to - from) / every) + 1) }, (_, i) => from + i * every);
}

/**
 * What a loss curve says about the settings, where it says anything: pure, on points. A diffusion model's loss jumps
 * from step to step with the timesteps drawn, so nothing is read from single steps: the curve is cut into windows, and
 * a window's mean counts against its standard error. Said late rather than wrongly.
 */

export type Advice =
  /** Far above where it began: the learning rate, which is too high. */
  | { readonly kind: 'risen'; readonly setting: 'learning_rate' }
  /** Swings far beyond the noise, and no fall: the learning rate. */
  | { readonly kind: 'oscillating'; readonly setting: 'learning_rate' }
  /** No fall at all: the rank, or what the data say. */
  | { readonly kind: 'flat'; readonly setting: 'lora_rank' }
  /** Level, and then falling again: learnt by heart. */
  | { readonly kind: 'memorising'; readonly setting: 'epochs'; readonly epoch: number }
  /** It fell and is level now: no fault. */
  | { readonly kind: 'level'; readonly step: number };

export interface Curve {
  readonly points: readonly { readonly step: number; readonly epoch: number; readonly loss: number }[];
  /** Of the run. */
  readonly steps: number;
}

interface Window {
  step: number;
  epoch: number;
  mean: number;
  error: number;
}

const WINDOWS = 12;
const LEAST_POINTS = 120;
const START_POINTS = 20;
/** Before a quarter of the run, any verdict is early. */
const LEAST_SHARE = 0.25;

export function adviceOn({ points, steps }: Curve): Advice | undefined {
  const finite = points.filter(({ loss }) => Number.isFinite(loss));
  if (finite.length < LEAST_POINTS || finite.length < LEAST_SHARE * steps) return undefined;
  const windows = cut(finite);
  const whole = slope(windows);
  if (risen(finite, windows)) return { kind: 'risen', setting: 'learning_rate' };
  const swing = swings(windows);
  if (swing > 6 && whole.significance > -2) return { kind: 'oscillating', setting: 'learning_rate' };

  const third = Math.floor(windows.length / 3);
  const middle = slope(windows.slice(third, 2 * third + 1));
  const late = windows.slice(2 * third - 1);
  const end = slope(late);
  const level = mean(windows.slice(third, 2 * third).map((window) => window.mean));
  const drop = (level - (windows.at(-1) as Window).mean) / level;
  const bend = (end.perWindow - middle.perWindow) / Math.hypot(end.error, middle.error);
  const from = late[1];
  if (end.significance < -4 && bend < -3 && drop > 0.15 && from.epoch >= 5) {
    return { kind: 'memorising', setting: 'epochs', epoch: from.epoch };
  }
  const fell = fallen(windows, third);
  if (whole.significance > -2.5 && fell < 2.5) return { kind: 'flat', setting: 'lora_rank' };
  if (fell >= 3 && Math.abs(end.significance) < 2.5) return { kind: 'level', step: from.step };
  return undefined;
}

function cut(points: Curve['points']): Window[] {
  const size = points.length / WINDOWS;
  return Array.from({ length: WINDOWS }, (_, i) =>
    windowOf(points.slice(Math.floor(i * size), Math.floor((i + 1) * size))),
  );
}

function windowOf(points: Curve['points']): Window {
  const losses = points.map(({ loss }) => loss);
  const centre = mean(losses);
  const variance = mean(losses.map((loss) => (loss - centre) ** 2)) * (points.length / (points.length - 1));
  const { step, epoch } = points[0];
  return { step, epoch, mean: centre, error: Math.sqrt(variance / points.length) || Number.EPSILON };
}

/** Weighted least squares over the windows: the change per window, and that in its standard errors. */
function slope(windows: readonly Window[]): { perWindow: number; error: number; significance: number } {
  const weights = windows.map(({ error }) => 1 / error ** 2);
  const total = sum(weights);
  const centre = sum(weights.map((w, i) => w * i)) / total;
  const level = sum(weights.map((w, i) => w * windows[i].mean)) / total;
  const spread = sum(weights.map((w, i) => w * (i - centre) ** 2));
  const perWindow = sum(weights.map((w, i) => w * (i - centre) * (windows[i].mean - level))) / spread;
  return { perWindow, error: 1 / Math.sqrt(spread), significance: perWindow * Math.sqrt(spread) };
}

/** Variance of neighbours' differences over what noise alone would make of them; about 1 for noise. */
function swings(windows: readonly Window[]): number {
  const ratios = windows.slice(1).map((window, i) => {
    const before = windows[i];
    return (window.mean - before.mean) ** 2 / (window.error ** 2 + before.error ** 2);
  });
  // A single jump (a fall at the start) is no swing: the largest does not count.
  return mean(ratios.sort((a, b) => a - b).slice(0, -1));
}

/**
 * Whether the last third lies far above the first third, or above the very first steps (of the first window only those
 * may have been sound), beyond what noise makes of it.
 */
function risen(points: Curve['points'], windows: readonly Window[]): boolean {
  const third = Math.floor(windows.length / 3);
  const last = part(windows.slice(-third));
  const above = (from: Pick<Window, 'mean' | 'error'>, times: number) =>
    last.mean > times * from.mean && last.mean - from.mean > 4 * Math.hypot(from.error, last.error);
  return above(part(windows.slice(0, third)), 1.5) || above(windowOf(points.slice(0, START_POINTS)), 2);
}

function part(some: readonly Window[]): Pick<Window, 'mean' | 'error'> {
  return {
    mean: mean(some.map((window) => window.mean)),
    error: Math.sqrt(sum(some.map(({ error }) => error ** 2))) / some.length,
  };
}

/** How far the last third lies below the first, or below the very first window, in standard errors. */
function fallen(windows: readonly Window[], third: number): number {
  const last = part(windows.slice(-third));
  const below = (first: { mean: number; error: number }) =>
    (first.mean - last.mean) / Math.hypot(first.error, last.error);
  return Math.max(below(part(windows.slice(0, third))), below(part(windows.slice(0, 1))));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

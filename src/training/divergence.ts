/**
 * Whether a run has diverged: its loss is far above where it began and stays there. Pure, over the losses so far. A
 * diffusion model's loss jumps by a factor of a hundred with the timestep drawn, so single steps say nothing: medians
 * and means over windows do. Said rather late than wrongly, but within thirty steps of the jump.
 */

export interface Loss {
  step: number;
  loss: number;
}

export interface Divergence {
  /** The step from which on it is up there. */
  since: number;
  /** The level it began at, and the one it is at. */
  from: number;
  to: number;
}

/** Of the latest, so many are looked at. */
const RECENT = 10;
/**
 * A prediction that has nothing to do with the noise is off by the noise's variance, which is 1, and by its own: a loss
 * that stays above a half is that of a model that knows nothing, whatever the timesteps. Weights such as min-SNR's
 * leave the middle of the timesteps as it is, so the median stays there too.
 */
const LOST = 0.5;
/** Such a loss is no divergence where the model knew no more at the start. */
const RISE = 3;

/** A rise that does not go so far needs more to stand on. */
const CLIMB = { recent: 20, least: 10, most: 50, times: 3, quantile: 0.9 };

/** `losses` are finite and in the order of their steps, from the first on. */
export function divergence(losses: readonly Loss[]): Divergence | undefined {
  return lost(losses) ?? climbed(losses);
}

/** The first loss is from before any update, whatever the rate did afterwards. */
function lost(losses: readonly Loss[]): Divergence | undefined {
  const [first] = losses;
  if (!first || losses.length <= RECENT) return undefined;
  const to = median(losses.slice(-RECENT));
  if (to < LOST || to < RISE * first.loss) return undefined;
  return { since: risenAt(losses, LOST), from: first.loss, to };
}

function climbed(losses: readonly Loss[]): Divergence | undefined {
  const recent = losses.slice(-CLIMB.recent);
  const start = losses.slice(0, -CLIMB.recent).slice(0, CLIMB.most);
  if (start.length < CLIMB.least) return undefined;
  const [from, to] = [mean(start), mean(recent)];
  const high = [...start].map(({ loss }) => loss).sort((a, b) => a - b)[
    Math.floor(CLIMB.quantile * start.length)
  ] as number;
  if (to < CLIMB.times * from || median(recent) < high) return undefined;
  return { since: risenAt(losses, Math.sqrt(from * to)), from, to };
}

/** Going back from the end, as long as the middle of five is above `level`. */
function risenAt(losses: readonly Loss[], level: number): number {
  let at = losses.length - 1;
  while (at > 0 && median(losses.slice(Math.max(0, at - 5), at)) >= level) at--;
  return losses[at]?.step ?? 1;
}

function median(losses: readonly Loss[]): number {
  const sorted = losses.map(({ loss }) => loss).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function mean(losses: readonly Loss[]): number {
  return losses.reduce((sum, { loss }) => sum + loss, 0) / losses.length;
}

/**
 * Whether a run has diverged: its loss is far above where it began and stays there. Pure, over the losses so far. A
 * diffusion model's loss jumps by a factor of a hundred with the timestep drawn, so single steps say nothing: how many
 * of the latest are high, and means over windows do. Said rather late than wrongly, but within thirty steps of the jump.
 */

export interface Loss {
  step: number;
  loss: number;
}

export interface Divergence {
  /** The step from which on it is up there. */
  since: number;
  /** The level it began at, where enough of that was seen, and the one it is at. */
  from?: number;
  to: number;
}

/**
 * A prediction that has nothing to do with the noise is off by the noise's variance, which is 1, and by its own: losses
 * that are nearly all above a half are those of a model that knows nothing. One that knows something has that at the
 * few timesteps where there is next to no noise to see. Min-SNR's weights make little of those few.
 */
const LOST = { loss: 0.5, recent: 20, of: 13 };
/** Such losses are no divergence where the model knew no more at the start: it must have been below this share. */
const START = { most: 50, least: 5, share: 0.5, loss: 0.4 };

/** A rise that does not go so far needs more to stand on. */
const CLIMB = { recent: 20, least: 10, times: 3, quantile: 0.9 };

/**
 * `losses` are finite and in the order of their steps, from the first on. `extreme` says that the learning rate is one
 * that no run survives: then a model that knows nothing from the second step on knew something at the first.
 */
export function divergence(losses: readonly Loss[], extreme = false): Divergence | undefined {
  return lost(losses, extreme) ?? climbed(losses);
}

function lost(losses: readonly Loss[], extreme: boolean): Divergence | undefined {
  const recent = losses.slice(-LOST.recent);
  if (recent.filter(({ loss }) => loss >= LOST.loss).length < LOST.of) return undefined;
  const since = risenAt(losses, LOST.loss);
  const to = median(losses.slice(Math.max(since, losses.length - LOST.recent)));
  const start = losses.slice(0, since).slice(0, START.most);
  const at = { since: losses[since]?.step ?? 1, to };
  const from = median(start);
  if (start.length >= START.least) return from < START.share * to ? { ...at, from } : undefined;
  if (from < START.loss) return { ...at, from };
  return extreme ? at : undefined;
}

function climbed(losses: readonly Loss[]): Divergence | undefined {
  const recent = losses.slice(-CLIMB.recent);
  const start = losses.slice(0, -CLIMB.recent).slice(0, START.most);
  if (start.length < CLIMB.least) return undefined;
  const [from, to] = [mean(start), mean(recent)];
  const high = start.map(({ loss }) => loss).sort((a, b) => a - b)[Math.floor(CLIMB.quantile * start.length)];
  if (high === undefined || to < CLIMB.times * from || median(recent) < high) return undefined;
  return { since: losses[risenAt(losses, Math.sqrt(from * to))]?.step ?? 1, from, to };
}

/**
 * Its index: from where on those at or above `level` outnumber the others most, though some of them may be lower. The
 * first loss is from before any update.
 */
function risenAt(losses: readonly Loss[], level: number): number {
  let [best, at, sum] = [0, losses.length, 0];
  for (let i = losses.length - 1; i > 0; i--) {
    sum += (losses[i]?.loss ?? 0) >= level ? 1 : -1;
    if (sum > best) [best, at] = [sum, i];
  }
  return at;
}

function median(losses: readonly Loss[]): number {
  const sorted = losses.map(({ loss }) => loss).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** NaN of none. */
function mean(losses: readonly Loss[]): number {
  return losses.reduce((sum, { loss }) => sum + loss, 0) / losses.length;
}

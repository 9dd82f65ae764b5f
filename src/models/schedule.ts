/**
 * The noise schedule that a family was trained with: how much signal and noise there is at each timestep. Plain numbers in
 * float64. DDPM (Ho et al. 2020), betas "scaled linear" as in latent diffusion.
 */

/** `Float64Array`s of one value a timestep; alpha-bar, its root, and the root of one minus it. */
export interface NoiseSchedule {
  readonly timesteps: number;
  readonly alphasCumprod: Float64Array;
  readonly sqrtAlpha: Float64Array;
  readonly sqrtOneMinusAlpha: Float64Array;
  /** Alpha-bar as losses are weighed by: before zero terminal SNR. */
  readonly weighedBy: Float64Array;
  /** The last timestep is noise alone. */
  readonly zeroTerminal: boolean;
}

/** beta_i = (sqrt(start) + (sqrt(end) - sqrt(start)) i / (timesteps - 1))^2; alpha-bar_t = prod_{i<=t} (1 - beta_i). */
export function noiseSchedule({
  betaStart,
  betaEnd,
  timesteps,
}: {
  betaStart: number;
  betaEnd: number;
  timesteps: number;
}): NoiseSchedule {
  const alphasCumprod = new Float64Array(timesteps);
  let product = 1;
  for (let i = 0; i < timesteps; i++) {
    const root = Math.sqrt(betaStart) + ((Math.sqrt(betaEnd) - Math.sqrt(betaStart)) * i) / (timesteps - 1);
    product *= 1 - root * root;
    alphasCumprod[i] = product;
  }
  return { ...scheduleOf(alphasCumprod), weighedBy: alphasCumprod, zeroTerminal: false };
}

/**
 * The schedule rescaled so that the last timestep is noise alone (Lin et al. 2024, arXiv:2305.08891, algorithm 1): of the
 * roots of alpha-bar, the last becomes 0 and the first stays. sd-scripts weighs losses by the SNR from before it.
 */
export function zeroTerminalSnr(schedule: NoiseSchedule): NoiseSchedule {
  if (schedule.zeroTerminal) return schedule;
  const { sqrtAlpha, timesteps } = schedule;
  const [first, last] = [sqrtAlpha[0], sqrtAlpha[timesteps - 1]];
  const alphasCumprod = sqrtAlpha.map((root) => (((root - last) * first) / (first - last)) ** 2);
  return { ...scheduleOf(alphasCumprod), weighedBy: schedule.weighedBy, zeroTerminal: true };
}

/**
 * The same with a little signal at the last timestep, where a sampler divides by it: diffusers' 2^-24, under which the
 * noise is 4096 times the signal.
 */
export function neverNoiseAlone(schedule: NoiseSchedule): NoiseSchedule {
  if (!schedule.zeroTerminal) return schedule;
  const alphasCumprod = schedule.alphasCumprod.slice();
  alphasCumprod[schedule.timesteps - 1] = 2 ** -24;
  return { ...schedule, ...scheduleOf(alphasCumprod) };
}

function scheduleOf(
  alphasCumprod: Float64Array,
): Pick<NoiseSchedule, 'timesteps' | 'alphasCumprod' | 'sqrtAlpha' | 'sqrtOneMinusAlpha'> {
  return {
    timesteps: alphasCumprod.length,
    alphasCumprod,
    sqrtAlpha: alphasCumprod.map(Math.sqrt),
    sqrtOneMinusAlpha: alphasCumprod.map((a) => Math.sqrt(1 - a)),
  };
}

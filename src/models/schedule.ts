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
  return {
    timesteps,
    alphasCumprod,
    sqrtAlpha: alphasCumprod.map(Math.sqrt),
    sqrtOneMinusAlpha: alphasCumprod.map((a) => Math.sqrt(1 - a)),
  };
}

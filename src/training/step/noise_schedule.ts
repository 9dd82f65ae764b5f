/**
 * What a step takes from the noise schedule: coefficients of signal and noise, what is to be predicted, and the loss
 * weights that follow from it. Plain numbers in float64; the GPU gets the few coefficients of a step.
 * DDPM (Ho et al. 2020), v-prediction (Salimans & Ho 2022), min-SNR (Hang et al. 2023), debiased estimation
 * (Yu et al. 2023).
 */
import type { NoiseSchedule } from '../../models/schedule';

/** x_t = x0Scale x0 + epsScale eps. */
export function addNoiseCoefficients(schedule: NoiseSchedule, t: number): { x0: number; eps: number } {
  checkTimestep(schedule, t);
  return { x0: schedule.sqrtAlpha[t], eps: schedule.sqrtOneMinusAlpha[t] };
}

/** What the model should predict, as target = x0 x0 + eps eps: the noise, or v = sqrt(abar) eps - sqrt(1-abar) x0. */
export function targetCoefficients(
  schedule: NoiseSchedule,
  t: number,
  vPrediction: boolean,
): { x0: number; eps: number } {
  checkTimestep(schedule, t);
  if (!vPrediction) return { x0: 0, eps: 1 };
  return { x0: -schedule.sqrtOneMinusAlpha[t], eps: schedule.sqrtAlpha[t] };
}

/** Signal-to-noise ratio alpha-bar / (1 - alpha-bar) as losses are weighed by: before zero terminal SNR, as kohya has it. */
export function snr(schedule: NoiseSchedule, t: number): number {
  checkTimestep(schedule, t);
  return schedule.weighedBy[t] / (1 - schedule.weighedBy[t]);
}

/** min(SNR, gamma) / SNR for noise prediction, / (SNR + 1) for v. */
export function minSnrWeight(
  schedule: NoiseSchedule,
  t: number,
  gamma: number,
  vPrediction: boolean,
): number {
  const ratio = snr(schedule, t);
  return Math.min(ratio, gamma) / (vPrediction ? ratio + 1 : ratio);
}

/** 1 / sqrt(min(SNR, 1000)) for noise prediction; 1 / (min(SNR, 1000) + 1) for v, as kohya has it. */
export function debiasedWeight(schedule: NoiseSchedule, t: number, vPrediction: boolean): number {
  const ratio = Math.min(snr(schedule, t), 1000);
  return vPrediction ? 1 / (ratio + 1) : 1 / Math.sqrt(ratio);
}

/**
 * Noise offset: adds strength x offset, one number for each channel, to one sample's noise, in place.
 * @param eps [H, W, C] of one sample
 * @param offsets [C], N(0,1)
 * @param latents [H, W, C], only needed with `adaptive`: strength grows by adaptive x |mean of the channel|, and
 *   is never below 0
 */
export function addNoiseOffset(
  eps: Float32Array,
  offsets: Float32Array,
  strength: number,
  adaptive?: { scale: number; latents: Float32Array },
): void {
  const channels = offsets.length;
  const pixels = eps.length / channels;
  for (let c = 0; c < channels; c++) {
    let s = strength;
    if (adaptive) {
      let sum = 0;
      for (let i = c; i < eps.length; i += channels) sum += adaptive.latents[i];
      s = Math.max(0, strength + adaptive.scale * Math.abs(sum / pixels));
    }
    for (let i = c; i < eps.length; i += channels) eps[i] += s * offsets[c];
  }
}

function checkTimestep(schedule: NoiseSchedule, t: number): void {
  if (!Number.isInteger(t) || t < 0 || t >= schedule.timesteps) {
    throw new RangeError(`Timestep ${t} is not a whole number from 0 to ${schedule.timesteps - 1}.`);
  }
}

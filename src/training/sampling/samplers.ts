/**
 * Samplers as plans: everything that does not depend on the image is worked out here, in float64, so that a step
 * on the GPU is one model call and one linear combination. DDIM with eta 0 (Song et al. 2020), Euler (Karras et
 * al. 2022, Algorithm 2 without churn), DPM-Solver++ 2M (Lu et al. 2022, midpoint). Timesteps and numbers are those
 * diffusers gives when its scheduler is made from SD 1.5's own configuration: DDIM spaces its timesteps "leading"
 * with offset 1, the other two "linspace" (so Euler's may be fractional). One deviation: a single step starts at the
 * noisy end with every sampler, where some of those would start at t = 0 or 1, from which no image comes.
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import { neverNoiseAlone, type NoiseSchedule } from '../../models/schedule';

export type Sampler = TrainConfig['sample_sampler'];
export type Spacing = 'leading' | 'linspace' | 'trailing';
export type Prediction = 'epsilon' | 'v_prediction';

/** `x` times the current sample plus `model` times the model's (guided) output. */
export interface Combination {
  x: number;
  model: number;
}

export interface SamplerStep extends Combination {
  /** Timestep for the model, 0 to 999, whole except with Euler. */
  t: number;
  /** The model sees inputScale x. */
  inputScale: number;
  /** Weight of the previous step's x0 prediction; 0 where there is none to keep. */
  previousX0: number;
  /** This step's x0 prediction: the preview, and what the next step calls previous. */
  x0: Combination;
}

/** Begin with x = initialScale N(0,1); then each step x <- x·x + model·out + previousX0·x0Before. */
export interface SamplerPlan {
  initialScale: number;
  steps: SamplerStep[];
}

/** A number of sampling steps that no schedule of 1000 timesteps can give. */
export class InvalidSamplerStepsError extends RangeError {
  override readonly name = 'InvalidSamplerStepsError';
}

export interface SamplerOptions {
  /** What the model's output is; its conversion is folded into the coefficients. */
  prediction?: Prediction;
  /**
   * Where the timesteps lie; left out, what the sampler gets from SD 1.5's configuration, and with zero terminal SNR
   * 'trailing', which begins where the noise is alone.
   */
  spacing?: Spacing;
  schedule: NoiseSchedule;
}

/**
 * The plan of a whole sampling run; `x` ends as the finished latents.
 * @param steps 1 to 999
 * @throws InvalidSamplerStepsError
 */
export function samplerPlan(sampler: Sampler, steps: number, options: SamplerOptions): SamplerPlan {
  const { prediction = 'epsilon', schedule } = options;
  const row = ROWS[sampler];
  const spacing = options.spacing ?? (schedule.zeroTerminal ? 'trailing' : row.spacing);
  // DDIM of v divides by neither.
  const divisible =
    sampler === 'ddim' && prediction === 'v_prediction' ? schedule : neverNoiseAlone(schedule);
  return row.plan(timestepsOf(row, steps, spacing, schedule.timesteps), prediction, divisible, spacing);
}

interface Row {
  /** What it gets from SD 1.5's configuration. */
  spacing: Spacing;
  /** The range of timesteps is divided as if there were so many steps more, the cleanest of which are left out. */
  spare: number;
  /** Of timesteps between whole ones. */
  round: (timestep: number) => number;
  plan: (
    timesteps: number[],
    prediction: Prediction,
    schedule: NoiseSchedule,
    spacing: Spacing,
  ) => SamplerPlan;
}

const ROWS: Readonly<Record<Sampler, Row>> = {
  ddim: { spacing: 'leading', spare: 0, round: roundHalfEven, plan: ddim },
  // Euler's timesteps stay fractional, in float32 as the model sees them.
  euler: { spacing: 'linspace', spare: 0, round: Math.fround, plan: euler },
  dpmpp_2m: { spacing: 'linspace', spare: 1, round: roundHalfEven, plan: dpmSolver2m },
};

export const SAMPLERS = Object.keys(ROWS) as Sampler[];

/** Timesteps from noisy to clean, as diffusers' `set_timesteps` of each sampler. */
function timestepsOf({ spare, round }: Row, count: number, spacing: Spacing, trained: number): number[] {
  const last = trained - 1;
  const fail = (most: number): never => {
    throw new InvalidSamplerStepsError(
      `Sampling in ${count} steps is not possible; choose a whole number from 1 to ${most}.`,
    );
  };
  if (!Number.isInteger(count) || count < 1 || count > last) fail(last);
  if (count === 1) return [last];
  const fromEnd = Array.from({ length: count }, (_, i) => count - 1 - i + spare);
  if (spacing === 'leading') {
    const stride = Math.floor(trained / (count + spare));
    if (fromEnd[0] * stride + 1 > last) fail(last - 1);
    return fromEnd.map((i) => i * stride + 1);
  }
  if (spacing === 'trailing')
    return Array.from({ length: count }, (_, i) => roundHalfEven(trained - (i * trained) / count) - 1);
  const between = last / (count - 1 + spare);
  return fromEnd.map((i, k) => round(k === 0 ? last : i * between));
}

/** x' = sqrt(abar') x0 + sqrt(1 - abar') eps. The last step goes to abar_0, not to 1 (set_alpha_to_one false). */
function ddim(timesteps: number[], prediction: Prediction, schedule: NoiseSchedule): SamplerPlan {
  const stride = Math.floor(schedule.timesteps / timesteps.length);
  const steps = timesteps.map((t): SamplerStep => {
    const next = Math.max(0, t - stride);
    const alpha = schedule.sqrtAlpha[t];
    const sigma = schedule.sqrtOneMinusAlpha[t];
    const x0 = PREDICTIONS[prediction].x0(alpha, sigma);
    const eps = PREDICTIONS[prediction].eps(alpha, sigma);
    const [toX0, toEps] = [schedule.sqrtAlpha[next], schedule.sqrtOneMinusAlpha[next]];
    return {
      t,
      inputScale: 1,
      x: toX0 * x0.x + toEps * eps.x,
      model: toX0 * x0.model + toEps * eps.model,
      previousX0: 0,
      x0,
    };
  });
  return { initialScale: 1, steps };
}

/** In x = x0 + sigma eps: x' = x + (sigma' - sigma) eps. The model sees x / sqrt(sigma^2 + 1). */
function euler(
  timesteps: number[],
  prediction: Prediction,
  schedule: NoiseSchedule,
  spacing: Spacing,
): SamplerPlan {
  const sigmas = [...timesteps.map((t) => sigmaAt(schedule, t)), 0];
  const steps = timesteps.map((t, i): SamplerStep => {
    const sigma = sigmas[i];
    const norm = Math.sqrt(sigma * sigma + 1);
    // x / norm is the variance-preserving sample with alpha = 1/norm and noise sigma/norm.
    const x0 = PREDICTIONS[prediction].x0(1 / norm, sigma / norm);
    const eps = PREDICTIONS[prediction].eps(1 / norm, sigma / norm);
    const dSigma = sigmas[i + 1] - sigma;
    return {
      t,
      inputScale: 1 / norm,
      x: 1 + (dSigma * eps.x) / norm,
      model: dSigma * eps.model,
      previousX0: 0,
      x0: { x: x0.x / norm, model: x0.model },
    };
  });
  // diffusers' init_noise_sigma: with "leading" the noise is not quite all there is at the first timestep.
  const initialScale = spacing === 'leading' ? Math.hypot(1, sigmas[0]) : sigmas[0];
  return { initialScale, steps };
}

/**
 * With lambda = ln(alpha / sigma), h = lambda' - lambda, D = x0 + (x0 - x0Before) h / (2 hBefore):
 * x' = (sigma'/sigma) x - alpha' (e^-h - 1) D. First order at the first step and the last, which ends at sigma 0.
 */
function dpmSolver2m(timesteps: number[], prediction: Prediction, schedule: NoiseSchedule): SamplerPlan {
  const alpha = [...timesteps.map((t) => schedule.sqrtAlpha[t]), 1];
  const sigma = [...timesteps.map((t) => schedule.sqrtOneMinusAlpha[t]), 0];
  const lambda = alpha.map((a, i) => Math.log(a / sigma[i])); // the last is infinite, and e^-h then 0
  const steps = timesteps.map((t, i): SamplerStep => {
    const x0 = PREDICTIONS[prediction].x0(alpha[i], sigma[i]);
    const h = lambda[i + 1] - lambda[i];
    const toD = -alpha[i + 1] * Math.expm1(-h);
    const secondOrder = i > 0 && i < timesteps.length - 1;
    const extrapolation = secondOrder ? h / (2 * (lambda[i] - lambda[i - 1])) : 0;
    return {
      t,
      inputScale: 1,
      x: sigma[i + 1] / sigma[i] + toD * (1 + extrapolation) * x0.x,
      model: toD * (1 + extrapolation) * x0.model,
      previousX0: secondOrder ? -toD * extrapolation : 0,
      x0,
    };
  });
  return { initialScale: 1, steps };
}

/** Of x = alpha x0 + sigma eps with alpha^2 + sigma^2 = 1: x0 and eps by x and the model's output. */
const PREDICTIONS: Readonly<
  Record<Prediction, Record<'x0' | 'eps', (alpha: number, sigma: number) => Combination>>
> = {
  epsilon: {
    x0: (alpha, sigma) => ({ x: 1 / alpha, model: -sigma / alpha }),
    eps: () => ({ x: 0, model: 1 }),
  },
  // v = alpha eps - sigma x0
  v_prediction: {
    x0: (alpha, sigma) => ({ x: alpha, model: -sigma }),
    eps: (alpha, sigma) => ({ x: sigma, model: alpha }),
  },
};

/** sqrt((1 - abar) / abar), linear between whole timesteps. */
function sigmaAt(schedule: NoiseSchedule, t: number): number {
  const low = Math.floor(t);
  const high = Math.min(low + 1, schedule.timesteps - 1);
  const at = (i: number): number => schedule.sqrtOneMinusAlpha[i] / schedule.sqrtAlpha[i];
  return at(low) + (t - low) * (at(high) - at(low));
}

/** numpy's rounding, which diffusers uses: 166.5 is 166. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

import { describe, expect, it } from 'vitest';
import fixture from '../fixtures/samplers.json' with { type: 'json' };
import zeroSnr from '../fixtures/zero_snr.json' with { type: 'json' };
import {
  InvalidSamplerStepsError,
  type Prediction,
  type Sampler,
  samplerPlan,
  SAMPLERS,
  type Spacing,
} from './samplers';
import { noiseSchedule, zeroTerminalSnr } from '../../models/schedule';
import { sd1Facts } from '../../formats/families/sd1';

const SCHEDULE = noiseSchedule(sd1Facts.noise);

type Model = (x: number, t: number) => number;

/** Follows a plan for one scalar; returns x after every step and the x0 predictions. */
function follow(
  sampler: Sampler,
  steps: number,
  prediction: Prediction,
  start: number,
  model: Model,
  spacing?: Spacing,
  schedule = SCHEDULE,
) {
  const plan = samplerPlan(sampler, steps, { prediction, spacing, schedule });
  let x = plan.initialScale * start;
  let previous = NaN;
  const xs: number[] = [];
  const x0s: number[] = [];
  for (const step of plan.steps) {
    const out = model(step.inputScale * x, step.t);
    const x0 = step.x0.x * x + step.x0.model * out;
    x = step.x * x + step.model * out + (step.previousX0 === 0 ? 0 : step.previousX0 * previous);
    previous = x0;
    xs.push(x);
    x0s.push(x0);
  }
  return { xs, x0s };
}

const model: Model = (x, t) => 0.9 * Math.tanh(x) + 0.1 * Math.cos(t / 100);

describe('against diffusers', () => {
  it.each(fixture.runs)('$sampler, $steps steps, $prediction, $spacing', (run) => {
    const sampler = run.sampler as Sampler;
    const prediction = run.prediction as Prediction;
    const spacing = run.spacing === null ? undefined : (run.spacing as Spacing);
    const plan = samplerPlan(sampler, run.steps, { prediction, spacing, schedule: SCHEDULE });
    expect(plan.initialScale).toBeCloseTo(run.initialScale, 3);
    plan.steps.forEach((step, i) => expect(step.t).toBeCloseTo(run.timesteps[i], 6));
    if (sampler === 'euler') {
      plan.steps.forEach((step, i) => {
        const sigma = run.sigmas?.[i] ?? NaN;
        expect(step.inputScale * Math.hypot(1, sigma)).toBeCloseTo(1, 4);
      });
    }
    fixture.start.forEach((start, k) => {
      const { xs } = follow(sampler, run.steps, prediction, start, model, spacing);
      const ours = run.x.length === 1 ? xs.slice(-1) : xs;
      expect(ours).toHaveLength(run.x.length);
      // diffusers works in float32 (its alphas too), hence 1e-4 of the sample's own size.
      ours.forEach((x, i) => expect(Math.abs(x - run.x[i][k])).toBeLessThan(1e-4 * Math.max(1, Math.abs(x))));
    });
  });
});

/** `reference/make_zero_snr.py` */
describe('zero terminal SNR, against diffusers', () => {
  const schedule = zeroTerminalSnr(SCHEDULE);

  it('the schedule', () => {
    // diffusers computes it in float32.
    for (const [t, want] of Object.entries(zeroSnr.alphasCumprod))
      expect(Math.abs(schedule.alphasCumprod[Number(t)] - want)).toBeLessThan(2e-6 * want + 1e-10);
    expect(schedule.alphasCumprod[999]).toBe(0);
    expect(schedule.alphasCumprod[0]).toBeCloseTo(SCHEDULE.alphasCumprod[0], 12);
    expect(zeroTerminalSnr(schedule)).toBe(schedule);
    expect(SCHEDULE.alphasCumprod[999]).toBeGreaterThan(0.004);
  });

  it.each(zeroSnr.runs)('$sampler, $steps steps of v', (run) => {
    const sampler = run.sampler as Sampler;
    const plan = samplerPlan(sampler, run.steps, { prediction: 'v_prediction', schedule });
    expect(plan.steps.map(({ t }) => t)).toEqual(run.timesteps);
    expect(plan.steps[0].t).toBe(999);
    expect(plan.initialScale / run.initialScale).toBeCloseTo(1, 5);
    zeroSnr.start.forEach((start, k) => {
      const { xs } = follow(sampler, run.steps, 'v_prediction', start, model, undefined, schedule);
      const ours = run.x.length === 1 ? xs.slice(-1) : xs;
      expect(ours).toHaveLength(run.x.length);
      ours.forEach((x, i) => expect(Math.abs(x - run.x[i][k])).toBeLessThan(2e-4 * Math.max(1, Math.abs(x))));
    });
  });

  it('is finite for what predicts noise too', () => {
    for (const sampler of SAMPLERS)
      for (const { x, model: out, x0 } of samplerPlan(sampler, 5, { schedule }).steps)
        expect([x, out, x0.x, x0.model].every(Number.isFinite)).toBe(true);
  });
});

describe('against the textbook', () => {
  const { alphasCumprod } = SCHEDULE;

  it('DDIM by its equation (12)', () => {
    for (const prediction of ['epsilon', 'v_prediction'] as const) {
      let x = 0.8;
      for (let i = 9; i >= 0; i--) {
        const t = i * 100 + 1;
        const a = alphasCumprod[t];
        const b = alphasCumprod[Math.max(0, t - 100)];
        const out = model(x, t);
        const eps = prediction === 'epsilon' ? out : Math.sqrt(a) * out + Math.sqrt(1 - a) * x;
        const x0 = (x - Math.sqrt(1 - a) * eps) / Math.sqrt(a);
        x = Math.sqrt(b) * x0 + Math.sqrt(1 - b) * eps;
      }
      expect(follow('ddim', 10, prediction, 0.8, model).xs[9]).toBeCloseTo(x, 11);
    }
  });

  it('Euler as an ODE step in sigma', () => {
    // 28 steps: 999 = 27 * 37, so that every timestep is whole.
    let x = 0.3 * Math.sqrt(1 / alphasCumprod[999] - 1);
    for (let i = 27; i >= 0; i--) {
      const sigma = Math.sqrt(1 / alphasCumprod[37 * i] - 1);
      const next = i > 0 ? Math.sqrt(1 / alphasCumprod[37 * (i - 1)] - 1) : 0;
      x += (next - sigma) * model(x / Math.sqrt(1 + sigma * sigma), 37 * i);
    }
    expect(follow('euler', 28, 'epsilon', 0.3, model).xs[27]).toBeCloseTo(x, 11);
  });

  it('DPM-Solver++ 2M by its Algorithm 2', () => {
    // 27 steps: 999 / 27 = 37 again.
    const at = (i: number) => ({ a: Math.sqrt(alphasCumprod[i]), s: Math.sqrt(1 - alphasCumprod[i]) });
    const lambda = (i: number): number => Math.log(at(i).a) - Math.log(at(i).s);
    let x = -0.6;
    let before = 0;
    for (let i = 27; i >= 1; i--) {
      const t = 37 * i;
      const x0 = (x - at(t).s * model(x, t)) / at(t).a;
      if (i === 1) x = x0;
      else {
        const h = lambda(t - 37) - lambda(t);
        const r = (lambda(t) - lambda(t + 37 > 999 ? t : t + 37)) / h;
        const d = i === 27 ? x0 : (1 + 1 / (2 * r)) * x0 - before / (2 * r);
        x = (at(t - 37).s / at(t).s) * x - at(t - 37).a * (Math.exp(-h) - 1) * d;
      }
      before = x0;
    }
    expect(follow('dpmpp_2m', 27, 'epsilon', -0.6, model).xs[26]).toBeCloseTo(x, 11);
  });
});

describe('every sampler', () => {
  it.each(SAMPLERS)('%s finds the image when the model knows it, for both predictions', (sampler) => {
    const image = 0.37;
    const schedule = SCHEDULE;
    for (const prediction of ['epsilon', 'v_prediction'] as const) {
      for (const steps of [1, 2, 15, 50]) {
        const oracle: Model = (x, t) => {
          // alpha-bar between whole timesteps is read off the linearly interpolated sigma, as the sampler does.
          const low = Math.floor(t);
          const sigma = (i: number): number => Math.sqrt(1 / schedule.alphasCumprod[Math.min(i, 999)] - 1);
          const s = sigma(low) + (t - low) * (sigma(low + 1) - sigma(low));
          const alpha = 1 / Math.hypot(1, s);
          const eps = (x - alpha * image) / (s * alpha);
          return prediction === 'epsilon' ? eps : alpha * eps - s * alpha * image;
        };
        const { xs, x0s } = follow(sampler, steps, prediction, 1.1, oracle);
        x0s.forEach((x0) => expect(x0).toBeCloseTo(image, 9));
        // DDIM stops at abar_0 and so keeps a last trace of noise (3 %); the others end at sigma 0.
        expect(Math.abs(xs[steps - 1] - image)).toBeLessThan(sampler === 'ddim' ? 0.05 : 1e-9);
      }
    }
  });

  it.each([0, -1, 2.5, 1000, NaN])('refuses %d steps', (steps) => {
    for (const sampler of SAMPLERS)
      expect(() => samplerPlan(sampler, steps, { schedule: SCHEDULE })).toThrow(InvalidSamplerStepsError);
  });

  it.each(SAMPLERS)('%s stays finite at every allowed extreme', (sampler) => {
    for (const [steps, spacing] of [1, 3, 333, 500, 998, 999].flatMap((n) =>
      [undefined, 'leading' as const, 'linspace' as const].map((s) => [n, s] as const),
    )) {
      if (sampler === 'dpmpp_2m' && steps === 999 && spacing === 'leading') {
        expect(() => samplerPlan(sampler, steps, { spacing, schedule: SCHEDULE })).toThrow(/from 1 to 998/);
        continue;
      }
      for (const s of samplerPlan(sampler, steps, { spacing, schedule: SCHEDULE }).steps) {
        expect(s.t >= 0 && s.t <= 999).toBe(true);
        const numbers = [s.inputScale, s.x, s.model, s.previousX0, s.x0.x, s.x0.model];
        expect(numbers.every(Number.isFinite)).toBe(true);
      }
    }
  });
});

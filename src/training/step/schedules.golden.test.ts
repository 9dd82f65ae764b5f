/** Schedules and sampler plans against the numbers of `reference/make_golden.py` (torch and diffusers). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { readHeader } from '../../formats/safetensors/safetensors';
import { debiasedWeight, minSnrWeight, snr } from './noise_schedule';
import { samplerPlan, SAMPLERS } from '../sampling/samplers';
import { multiplier, SCHEDULE_NAMES } from './schedule';
import { noiseSchedule } from '../../models/schedule';
import { sd1Facts } from '../../formats/families/sd1';

const file = (name: string): Buffer =>
  readFileSync(new URL(`../../../reference/golden/${name}`, import.meta.url));
const golden = JSON.parse(file('schedule.json').toString());

describe('noise schedule', () => {
  it('is that of torch, in float64', () => {
    const sd = noiseSchedule(sd1Facts.noise);
    golden.timesteps.forEach((t: number, i: number) => {
      const relative = (ours: number, theirs: number): void =>
        expect(Math.abs(ours / theirs - 1)).toBeLessThan(1e-10);
      relative(sd.alphasCumprod[t], golden.alphas_cumprod[i]);
      relative(snr(sd, t), golden.snr[i]);
      relative(minSnrWeight(sd, t, 5, false), golden.min_snr_5_epsilon[i]);
      relative(minSnrWeight(sd, t, 5, true), golden.min_snr_5_v[i]);
      relative(debiasedWeight(sd, t, false), golden.debiased[i]);
    });
  });
});

describe('learning rate', () => {
  it.each(SCHEDULE_NAMES)('%s is that of diffusers at every step', (name) => {
    const config = {
      name,
      totalSteps: golden.steps,
      warmup: golden.warmup,
      numCycles: golden.restart_cycles,
      power: golden.polynomial_power,
      learningRate: 1,
    };
    expect(golden.rates[name]).toHaveLength(golden.steps);
    golden.rates[name].forEach((rate: number, step: number) =>
      expect(multiplier(config, step)).toBeCloseTo(rate, 12),
    );
  });
});

describe('sampler plans', () => {
  it.each(SAMPLERS)('%s has the timesteps and sigmas of diffusers, spaced "leading"', async (sampler) => {
    const tensors = await readFloats('sampling.safetensors');
    const timesteps = tensors.get(`${sampler}/timesteps`) ?? [];
    const plan = samplerPlan(sampler, timesteps.length, {
      spacing: 'leading',
      schedule: noiseSchedule(sd1Facts.noise),
    });
    expect(plan.steps.map((s) => s.t)).toEqual([...timesteps]);
    const initial = tensors.get(`${sampler}/init_noise_sigma`)?.[0] ?? NaN;
    expect(Math.abs(plan.initialScale / initial - 1)).toBeLessThan(1e-5);
    plan.steps.forEach(({ x0 }, i) => {
      // For noise prediction, in a sample scaled by alpha, x0 = (x - sigma' eps) / alpha: the ratio is the sigma.
      const sigma = sampler === 'euler' ? -x0.model : Math.sqrt(x0.x ** 2 - 1);
      const theirs = tensors.get(`${sampler}/sigmas`)?.[i] ?? sigma;
      expect(Math.abs(sigma / theirs - 1)).toBeLessThan(1e-4);
    });
  });
});

/** The float32 tensors of a golden file. */
async function readFloats(name: string): Promise<Map<string, Float32Array>> {
  const bytes = new Uint8Array(file(name)); // a copy that is no Buffer, whose slice() would be a view
  const { tensors } = await readHeader(fromBytes(bytes));
  return new Map(
    [...tensors.values()]
      .filter((t) => t.dtype === 'F32')
      .map((t) => [t.name, new Float32Array(bytes.slice(t.start, t.end).buffer)]),
  );
}

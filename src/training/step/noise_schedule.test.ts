import { describe, expect, it } from 'vitest';
import {
  addNoiseCoefficients,
  addNoiseOffset,
  debiasedWeight,
  minSnrWeight,
  snr,
  targetCoefficients,
} from './noise_schedule';
import { stream } from './random';
import { noiseSchedule, zeroTerminalSnr } from '../../models/schedule';
import { sd1Facts } from '../../formats/families/sd1';

const sd = noiseSchedule(sd1Facts.noise);

describe('noiseSchedule', () => {
  it('has the published values of SD 1.x', () => {
    expect(sd.alphasCumprod).toHaveLength(1000);
    expect(sd.alphasCumprod[0]).toBeCloseTo(0.99915, 12);
    expect(sd.alphasCumprod[500]).toBeCloseTo(0.27633, 5);
    expect(sd.alphasCumprod[999]).toBeCloseTo(0.00466, 5);
  });

  it('falls below SNR 5 at t = 147, and never rises', () => {
    expect(snr(sd, 146)).toBeGreaterThanOrEqual(5);
    expect(snr(sd, 147)).toBeLessThan(5);
    for (let t = 1; t < 1000; t++) expect(snr(sd, t)).toBeLessThan(snr(sd, t - 1));
  });

  it('keeps the variance of x_t', () => {
    for (const t of [0, 1, 499, 999]) {
      const { x0, eps } = addNoiseCoefficients(sd, t);
      expect(x0 * x0 + eps * eps).toBeCloseTo(1, 12);
    }
  });

  it.each([-1, 1000, 0.5, NaN])('refuses timestep %d', (t) => {
    expect(() => snr(sd, t)).toThrow(/Timestep/);
    expect(() => addNoiseCoefficients(sd, t)).toThrow(RangeError);
    expect(() => targetCoefficients(sd, t, true)).toThrow(RangeError);
  });
});

describe('targets', () => {
  it('epsilon is the noise; v and x_t together give x0 and eps back', () => {
    expect(targetCoefficients(sd, 300, false)).toEqual({ x0: 0, eps: 1 });
    const [x0, eps] = [0.7, -1.3];
    const add = addNoiseCoefficients(sd, 300);
    const target = targetCoefficients(sd, 300, true);
    const xt = add.x0 * x0 + add.eps * eps;
    const v = target.x0 * x0 + target.eps * eps;
    expect(add.x0 * xt - add.eps * v).toBeCloseTo(x0, 12);
    expect(add.eps * xt + add.x0 * v).toBeCloseTo(eps, 12);
  });
});

describe('zero terminal SNR', () => {
  const fixed = zeroTerminalSnr(sd);

  it('the last timestep is noise alone, and v there is the picture', () => {
    expect(addNoiseCoefficients(fixed, 999)).toEqual({ x0: 0, eps: 1 });
    const { x0, eps } = targetCoefficients(fixed, 999, true);
    expect([x0, Math.abs(eps)]).toEqual([-1, 0]);
    for (let t = 1; t < 1000; t++) expect(fixed.alphasCumprod[t]).toBeLessThan(fixed.alphasCumprod[t - 1]);
  });

  it('losses are weighed by the SNR from before it, as in sd-scripts', () => {
    for (const t of [0, 147, 500, 999]) {
      expect(snr(fixed, t)).toBe(snr(sd, t));
      expect(minSnrWeight(fixed, t, 5, true)).toBe(minSnrWeight(sd, t, 5, true));
      expect(debiasedWeight(fixed, t, true)).toBe(debiasedWeight(sd, t, true));
    }
  });
});

describe('loss weights', () => {
  const average = (f: (t: number) => number): number =>
    Array.from({ length: 1000 }, (_, t) => f(t)).reduce((a, b) => a + b, 0) / 1000;

  it('min-SNR 5 averages .917 over the timesteps', () => {
    expect(average((t) => minSnrWeight(sd, t, 5, false))).toBeCloseTo(0.917, 3);
    expect(minSnrWeight(sd, 147, 5, false)).toBe(1);
    expect(minSnrWeight(sd, 0, 5, false)).toBeCloseTo(5 / snr(sd, 0), 15);
  });

  it('min-SNR for v is capped by SNR/(SNR+1), its weight in the noise loss', () => {
    expect(minSnrWeight(sd, 999, 5, true)).toBeCloseTo(sd.alphasCumprod[999], 12);
    expect(minSnrWeight(sd, 0, 5, true)).toBeCloseTo(5 * (1 - sd.alphasCumprod[0]), 12);
  });

  it('debiased estimation limits the SNR to 1000', () => {
    expect(debiasedWeight(sd, 0, false)).toBeCloseTo(1 / Math.sqrt(1000), 12);
    expect(debiasedWeight(sd, 999, false)).toBeCloseTo(1 / Math.sqrt(snr(sd, 999)), 12);
    expect(debiasedWeight(sd, 0, true)).toBeCloseTo(1 / 1001, 12);
  });
});

describe('addNoiseOffset', () => {
  it('shifts every pixel of a channel by the same amount', () => {
    const eps = new Float32Array(3 * 4);
    const expected = stream(1, 'offset').fillNormal(new Float32Array(4));
    addNoiseOffset(eps, expected, 0.1);
    for (let i = 0; i < 12; i++) expect(eps[i]).toBeCloseTo(0.1 * expected[i % 4], 6);
    expect(new Set(eps).size).toBe(4);
  });

  it('adapts to the mean of each channel, never below zero', () => {
    const latents = Float32Array.of(2, -6, 4, -6); // channel means 3 and -6
    const n = stream(2, 'offset').fillNormal(new Float32Array(2));
    const up = new Float32Array(4);
    addNoiseOffset(up, n, 0.1, { scale: 0.01, latents });
    expect(up[0]).toBeCloseTo((0.1 + 0.03) * n[0], 6);
    expect(up[3]).toBeCloseTo((0.1 + 0.06) * n[1], 6);
    const down = new Float32Array(4);
    addNoiseOffset(down, n, 0.1, { scale: -1, latents });
    expect([...down]).toEqual([0, 0, 0, 0].map((z, i) => z * n[i % 2]));
  });
});

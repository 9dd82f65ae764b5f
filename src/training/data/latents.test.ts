/** Where halves overflow, the VAE is run again in f32. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { relativeError } from '../../kernels/testing';
import { loadParts, planBaseModel } from '../step/base_model';
import { goldenSource } from '../golden_source.testing';
import { encodeLatents, posteriorSample } from './latents';
import { stream } from '../step/random';

beforeAll(async () => {
  await openDevice({ tier: 'f16' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

test('a picture that overflows f16 gets the latents of f32', async () => {
  const encode = async (scale: number) => {
    const { vae } = await loadParts(await planBaseModel([goldenSource('tiny-sd15.safetensors')]), ['vae']);
    const values = stream(1, 'pixels').fillUniform(new Float32Array(64 * 64 * 3), -scale, scale);
    const latents = await encodeLatents(
      vae,
      { values, width: 64, height: 64 },
      new Float32Array(8 * 8 * 4),
      'x.png',
    );
    vae.weights.dispose();
    return latents;
  };
  const overflowing = await encode(2e5);
  expect(overflowing.every(Number.isFinite)).toBe(true);
  closeDevice();
  await openDevice({ tier: 'f32' });
  expect(relativeError(overflowing, await encode(2e5))).toBeLessThan(1e-6);
});

test('a posterior sample is 0.18215 (mean + deviation eps), its log variance clamped', () => {
  // [mean, mean, log variance, log variance] of one pixel with two channels
  const moments = Float32Array.of(1, -2, 2 * Math.log(3), 50);
  const sample = posteriorSample(moments, Float32Array.of(0.5, 1), 2, 0.18215);
  expect(sample[0]).toBeCloseTo(0.18215 * (1 + 3 * 0.5), 6);
  expect(sample[1]).toBeCloseTo(0.18215 * (-2 + Math.exp(10)), 2);
});

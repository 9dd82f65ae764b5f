/** Tiles of a large picture: they cover it, overlap, and fade into each other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { relativeError } from '../../kernels/testing';
import { loadParts, planBaseModel } from '../step/base_model';
import { goldenSource } from '../golden_source.testing';
import { stream } from '../step/random';
import { decodeLatents, starts } from './sample';

test('tile starts cover the length with at least the overlap', () => {
  for (const [length, tile, overlap] of [
    [64, 64, 8],
    [65, 64, 8],
    [128, 64, 8],
    [200, 48, 8],
  ] as const) {
    const at = starts(length, tile, overlap);
    expect(at[0]).toBe(0);
    expect(at[at.length - 1]).toBe(Math.max(0, length - tile));
    at.slice(1).forEach((start, i) => expect(start - at[i]).toBeLessThanOrEqual(tile - overlap));
  }
});

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(closeDevice);

test('a picture decoded in tiles is close to the one decoded whole', async () => {
  const { vae } = await loadParts(await planBaseModel([goldenSource('tiny-sd15.safetensors')]), ['vae']);
  const latents = stream(1, 'latents').fillNormal(new Float32Array(32 * 24 * 4));
  const whole = await decodeLatents(vae, latents, 192, 256);
  // As if the adapter could bind only what sixteen by sixteen latents need.
  const { limits } = gpu().device;
  const limit = 4 * 64 * 64 * 16 * 16;
  Object.defineProperty(gpu().device, 'limits', {
    configurable: true,
    value: new Proxy(limits, {
      get: (target, name) =>
        name === 'maxStorageBufferBindingSize' ? limit : (Reflect.get(target, name, target) as unknown),
    }),
  });
  const tiled = await decodeLatents(vae, latents, 192, 256);
  Object.defineProperty(gpu().device, 'limits', { configurable: true, value: limits });
  // The same tiles where no more is allowed.
  expect(await decodeLatents(vae, latents, 192, 256, 16)).toEqual(tiled);
  expect(tiled).toHaveLength(whole.length);
  // Norms and attention see a tile instead of the picture, so it is not the same; but it is the same picture.
  const error = relativeError(tiled, whole);
  expect(error).toBeGreaterThan(0);
  expect(error).toBeLessThan(0.5);
  vae.weights.dispose();
});

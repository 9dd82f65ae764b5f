/** The walk that gives back what it has used: the engine's numbers to the bit, and far less held at its end. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { closeDevice, gpu, openDevice } from './device';
import { gradientsOf } from './kernel';
import { residualLayerNorm } from './norm/layer_norm';
import { add, gelu } from './pointwise/pointwise';
import { read, simulate, trim, upload } from './program';
import { sample } from './testing';

beforeAll(() => openDevice({ tier: 'f32' }));
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

const SHAPE = [64, 256];
const filled = (seed: number, shape = SHAPE) =>
  upload(sample(tf.util.sizeFromShape(shape), seed), shape, 'test');

/** Many layers, each of which keeps x for its gradient, and goes around itself. */
function layers(x: Tensor, [gamma, beta]: Tensor[], count: number): Tensor {
  let y = x;
  for (let i = 0; i < count; i++) {
    const { normed, residual } = residualLayerNorm(y, gamma, beta, 1e-5);
    y = tf.tidy(() => add(gelu(normed), residual));
  }
  return y;
}

it('has the engine’s value and gradients, leaves nothing behind, and does not touch what it was given', async () => {
  const [x, other, dy] = [filled(1), filled(2), filled(3)];
  const norm = [filled(4, [256]), filled(5, [256])];
  const before = tf.memory().numTensors;
  const work = () => add(layers(x, norm, 5), layers(other, norm, 2));
  const want = tf.engine().gradients(work, [x, other], dy);
  const got = tf.tidy(() => {
    const { value, grads } = gradientsOf(work, [x, other], dy);
    return [value, ...grads];
  });
  for (const [i, tensor] of [want.value, ...want.grads].entries())
    expect(await read(got[i])).toEqual(await read(tensor));
  tf.dispose([want.value, want.grads, got]);
  expect(tf.memory().numTensors).toBe(before);
  expect(await read(dy)).toEqual(sample(64 * 256, 3));
  tf.dispose([x, other, dy, norm]);
});

it('holds the gradients of a layer or two, where the engine holds all', () => {
  trim();
  const peak = (walk: typeof gradientsOf, count: number) =>
    simulate(() => {
      const [x, dy] = [filled(1), filled(2)];
      const norm = [filled(4, [256]), filled(5, [256])];
      tf.tidy(() => void walk(() => layers(x, norm, count), [x], dy));
      tf.dispose([x, dy, norm]);
      trim();
    }).peakBytes;
  const engine: typeof gradientsOf = (y, xs, dy) => tf.engine().gradients(y, xs, dy);
  const bytes = 4 * 64 * 256;
  const each = (walk: typeof gradientsOf) => (peak(walk, 20) - peak(walk, 10)) / (10 * bytes);
  // Of each layer the forward pass keeps what the norm and the GELU were given.
  expect(each(gradientsOf)).toBeCloseTo(2, 0);
  expect(each(engine)).toBeGreaterThan(4);
});

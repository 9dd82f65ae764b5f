/**
 * The same operations by what tfjs brings, in f32 (it has no half precision), weights in the layout it likes best and
 * without a bias: what a program without kernels of its own would run.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { gpu } from '../../src/kernels/device';
import type { Scratch } from './fill';
import type { Direction, Shape } from './shapes';

export function stockWork(shape: Shape, direction: Direction, make: Scratch): () => void {
  switch (shape.kind) {
    case 'linear': {
      const { rows, in: inn, out } = shape;
      const w = make.weights(inn, inn, out) as Tensor2D;
      if (direction === 'inputGradient') {
        const dy = make.floats(rows, out) as Tensor2D;
        return () => void tf.matMul(dy, w, false, true);
      }
      const x = make.floats(rows, inn) as Tensor2D;
      return () => void tf.matMul(x, w);
    }
    case 'conv': {
      const { side, in: inn, out } = shape;
      const w = make.weights(9 * inn, 3, 3, inn, out) as Tensor4D;
      if (direction === 'inputGradient') {
        const dy = make.floats(1, side, side, out) as Tensor4D;
        return () => void tf.conv2dTranspose(dy, w, [1, side, side, inn], 1, 'same');
      }
      const x = make.floats(1, side, side, inn) as Tensor4D;
      return () => void tf.conv2d(x, w, 1, 'same');
    }
    case 'lora': {
      const { rows, in: inn, out, rank } = shape;
      const x = make.floats(rows, inn);
      const w = make.weights(inn, inn, out);
      const down = make.weights(inn, inn, rank);
      const up = make.weights(rank, rank, out);
      const y = () => tf.add(tf.matMul(x, w), tf.matMul(tf.matMul(x, down), up));
      return eitherWay(direction, y, [x, down, up], make.floats(rows, out));
    }
    case 'attention': {
      const { queries, keys, channels, heads } = shape;
      const q = make.floats(1, queries, channels);
      const k = make.floats(1, keys, channels);
      const v = make.floats(1, keys, channels);
      // The scores are one tensor: all heads at once where the adapter can bind that much, else head by head.
      const whole = 4 * heads * queries * keys <= gpu().device.limits.maxStorageBufferBindingSize;
      const y = () => stockAttention(q as Tensor3D, k as Tensor3D, v as Tensor3D, heads, whole);
      return eitherWay(direction, y, [q, k, v], make.floats(1, queries, channels));
    }
    case 'groupNorm': {
      const { side, channels, groups } = shape;
      const x = make.floats(1, side, side, channels);
      const [gamma, beta] = [make.floats(channels), make.floats(channels)];
      const y = () => {
        const grouped = x.reshape([1, side * side, groups, channels / groups]);
        const { mean, variance } = tf.moments(grouped, [1, 3], true);
        const normed = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, 1e-5))).reshape(x.shape);
        const z = tf.add(tf.mul(normed, gamma), beta);
        return tf.mul(z, tf.sigmoid(z));
      };
      return eitherWay(direction, y, [x], make.floats(1, side, side, channels));
    }
  }
}

function eitherWay(direction: Direction, y: () => Tensor, xs: readonly Tensor[], dy: Tensor): () => void {
  return direction === 'forward' ? () => void y() : () => void tf.engine().gradients(y, [...xs], dy);
}

function stockAttention(q: Tensor3D, k: Tensor3D, v: Tensor3D, heads: number, whole: boolean): Tensor {
  const size = q.shape[2] / heads;
  const attend = (a: Tensor, b: Tensor, c: Tensor) =>
    tf.matMul(tf.softmax(tf.mul(tf.matMul(a, b, false, true), 1 / Math.sqrt(size))), c);
  const split = (x: Tensor3D) => x.reshape([x.shape[1], heads, size]).transpose([1, 0, 2]);
  const [a, b, c] = [split(q), split(k), split(v)];
  const head = (x: Tensor, h: number) => tf.slice(x, [h, 0, 0], [1, -1, -1]);
  const o = whole
    ? attend(a, b, c)
    : tf.concat(
        Array.from({ length: heads }, (_, h) => attend(head(a, h), head(b, h), head(c, h))),
        0,
      );
  return o.transpose([1, 0, 2]).reshape(q.shape);
}

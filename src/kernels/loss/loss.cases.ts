/** Losses and mixtures against float64: 1e-6 for sums, 3e-7 for single values (see loss.ts). */
import * as tf from '@tensorflow/tfjs';
import { read, upload } from '../program';
import { compare, sample, type Comparison, type KernelCase } from '../testing';
import { addLoss, combine, guide, linearCombination, weightedMse } from './loss';
import {
  linearCombinationReference,
  weightedMseGradientReference,
  weightedMseReference,
} from './loss.reference';

const ONE = { f32: 3e-7, f16: 3e-7 };
const SUM = { f32: 1e-6, f16: 1e-6 };

export const cases: KernelCase[] = [
  ...[
    [1, 1],
    [3, 5, 7, 4],
    [2, 64, 64, 4],
    [300, 2],
  ].map((shape) => ({
    name: `weightedMse [${shape}]`,
    run: () => mseCase(shape),
  })),
  { name: 'weightedMse shows an infinite prediction', run: infinite },
  ...[
    [2, 3, 5],
    [3, 4, 4],
  ].map((shape) => ({ name: `linearCombination [${shape}]`, run: () => mixCase(shape) })),
  ...[1, 2, 3, 4].map((count) => ({ name: `combine ${count}`, run: () => combineCase(count) })),
  ...[
    [2, 3, 5],
    [4, 2, 8],
  ].map((shape) => ({ name: `guide [${shape}]`, run: () => guideCase(shape) })),
];

async function mseCase(shape: number[]): Promise<Comparison[]> {
  const size = shape.reduce((product, n) => product * n, 1);
  const [pred, target] = [sample(size, 1), sample(size, 2)];
  const weights = sample(shape[0], 3).map((v) => Math.abs(v) + 0.1);
  const inputs = [
    upload(pred, shape, 'test'),
    upload(target, shape, 'test'),
    upload(weights, [shape[0]], 'test'),
    upload(Float32Array.of(65536), [1], 'test'),
  ];
  const { loss, dPred } = weightedMse(inputs[0], inputs[1], inputs[2], inputs[3]);
  const total = upload(Float32Array.of(0.25), [1], 'test');
  addLoss(total, loss);
  const want = weightedMseReference(pred, target, weights);
  const results = [
    await compare('loss', loss, [want], SUM),
    await compare('sum of losses', total, [0.25 + want], SUM),
    await compare(
      'dPred',
      dPred,
      weightedMseGradientReference(pred, target, weights).map((v) => 65536 * v),
      ONE,
    ),
  ];
  tf.dispose([...inputs, loss, dPred, total]);
  return results;
}

async function infinite(): Promise<Comparison[]> {
  const inputs = [[1, Infinity], [0, 0], [1], [1]].map((v) =>
    upload(Float32Array.from(v), [v.length], 'test'),
  );
  const [pred, target] = inputs.slice(0, 2).map((t) => tf.reshape(t, [1, t.size]));
  const { loss, dPred } = weightedMse(pred, target, inputs[2], inputs[3]);
  const finite = [(await read(loss))[0], (await read(dPred))[1]].filter(Number.isFinite).length;
  tf.dispose([...inputs, pred, target, loss, dPred]);
  return [{ what: 'infinities lost', error: finite, tolerance: 0 }];
}

async function mixCase(shape: number[]): Promise<Comparison[]> {
  const size = shape.reduce((product, n) => product * n, 1);
  const [a, b, coefs] = [sample(size, 1), sample(size, 2), sample(2 * shape[0], 3)];
  const [ta, tb, tc] = [
    upload(a, shape, 'test'),
    upload(b, shape, 'test'),
    upload(coefs, [shape[0], 2], 'test'),
  ];
  const y = linearCombination(ta, tb, tc);
  const results = [await compare('y', y, linearCombinationReference(a, b, coefs), ONE)];
  tf.dispose([ta, tb, tc, y]);
  return results;
}

async function combineCase(count: number): Promise<Comparison[]> {
  const xs = Array.from({ length: count }, (_, k) => sample(30 + count, k + 1));
  const coefs = Float32Array.of(0.5, -1.25, 3, 0.125);
  const inputs = xs.map((x) => upload(x, [x.length], 'test'));
  const tc = upload(coefs, [4], 'test');
  const y = combine(inputs, tc);
  const want = Array.from(xs[0], (_, i) => xs.reduce((sum, x, k) => sum + coefs[k] * x[i], 0));
  const results = [await compare('y', y, want, ONE)];
  tf.dispose([...inputs, tc, y]);
  return results;
}

async function guideCase(shape: number[]): Promise<Comparison[]> {
  const size = shape.reduce((product, n) => product * n, 1);
  const both = sample(size, 1);
  const [tb, ts] = [upload(both, shape, 'test'), upload(Float32Array.of(7.5), [1], 'test')];
  const y = guide(tb, ts);
  const half = size / 2;
  const want = Array.from({ length: half }, (_, i) => both[i] + 7.5 * (both[i + half] - both[i]));
  const results = [await compare('y', y, want, SUM)];
  tf.dispose([tb, ts, y]);
  return results;
}

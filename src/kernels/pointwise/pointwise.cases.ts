/**
 * Pointwise operations against float64. Tolerance 1e-6: exp and division may each be off by a few roundings of 6e-8
 * (WGSL allows exp 3 + 2|x| of them). Sums are one rounding: 1e-7.
 */
import * as tf from '@tensorflow/tfjs';
import { listening, read, upload } from '../program';
import {
  compare,
  relativeError,
  sample,
  valueAndGradients,
  type Comparison,
  type KernelCase,
} from '../testing';
import { add, addEmbedding, geglu, gelu, quickGelu, scale, silu } from './pointwise';
import {
  gegluGradientReference,
  gegluReference,
  geluReference,
  quickGeluReference,
  siluReference,
  type Activation,
} from './pointwise.reference';

const TIGHT = { f32: 1e-7, f16: 1e-7 };
const LOOSE = { f32: 1e-6, f16: 1e-6 };

const ACTIVATIONS: [string, (x: tf.Tensor) => tf.Tensor, Activation][] = [
  ['silu', silu, siluReference],
  ['quickGelu', quickGelu, quickGeluReference],
  ['gelu', gelu, geluReference],
];

export const cases: KernelCase[] = [
  ...ACTIVATIONS.flatMap(([name, op, reference]) => [
    { name: `${name} [2, 5, 7]`, run: () => activationCase(op, reference, [2, 5, 7]) },
    { name: `${name} [3, 64]`, run: () => activationCase(op, reference, [3, 64]) },
  ]),
  { name: 'gelu is within 3e-7 of float64 everywhere', run: geluEverywhere },
  { name: 'activations pass infinities and NaN on', run: nonFinite },
  ...[
    [3, 14],
    [2, 5, 128],
    [1, 2],
  ].map((shape) => ({ name: `geglu [${shape}]`, run: () => gegluCase(shape) })),
  ...[
    [2, 77, 8],
    [3, 5, 3],
  ].map((shape) => ({ name: `addEmbedding [${shape}]`, run: () => addEmbeddingCase(shape) })),
  ...[[7], [5, 300, 4], [2, 3, 257]].map((shape) => ({
    name: `add, scale [${shape}]`,
    run: () => addCase(shape),
  })),
  { name: 'the tape sums gradients with our add', run: tapeSum },
  { name: 'tf.add still broadcasts', run: stockAdd },
];

async function activationCase(op: (x: tf.Tensor) => tf.Tensor, reference: Activation, shape: number[]) {
  const size = shape.reduce((product, n) => product * n, 1);
  const [x, dy] = [sample(size, 1, 3), sample(size, 2)];
  return check(
    op,
    x,
    shape,
    x.map(reference.value),
    dy,
    shape,
    x.map((v, i) => dy[i] * reference.slope(v)),
  );
}

/** Absolute error, over x in [-9, 9]: near zero gelu is small, so this also bounds erf's own error there. */
async function geluEverywhere(): Promise<Comparison[]> {
  const x = Float32Array.from({ length: 18001 }, (_, i) => (i - 9000) / 1000);
  const tx = upload(x, [x.length], 'test');
  const y = gelu(tx);
  const got = await read(y);
  tf.dispose([tx, y]);
  // Past |x| = 1 the value itself rounds by up to 5e-7 (x = 8): measured relative to it.
  const error = got.reduce((worst, v, i) => {
    return Math.max(worst, Math.abs(v - geluReference.value(x[i])) / Math.max(1, Math.abs(x[i])));
  }, 0);
  return [{ what: 'gelu', error, tolerance: 3e-7 }];
}

async function nonFinite(): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const [name, op] of ACTIVATIONS) {
    const x = upload(Float32Array.from([Infinity, NaN, 1, 2]), [4], 'test');
    const y = op(x);
    const got = await read(y);
    tf.dispose([x, y]);
    const lost = [got[0], got[1]].filter(Number.isFinite).length;
    results.push({ what: `${name}: non-finite values that became finite`, error: lost, tolerance: 0 });
  }
  return results;
}

async function gegluCase(shape: number[]) {
  const half = shape[shape.length - 1] / 2;
  const size = shape.reduce((product, n) => product * n, 1);
  const [x, dy] = [sample(size, 1, 2), sample(size / 2, 2)];
  const outShape = [...shape.slice(0, -1), half];
  return check(geglu, x, shape, gegluReference(x, half), dy, outShape, gegluGradientReference(x, half, dy));
}

async function addEmbeddingCase(shape: number[]) {
  const size = shape.reduce((product, n) => product * n, 1);
  const period = shape[1] * shape[2];
  const [x, position, dy] = [sample(size, 1), sample(period, 2), sample(size, 3)];
  const tp = upload(position, shape.slice(1), 'test');
  const want = x.map((v, i) => v + position[i % period]);
  const results = await check((t) => addEmbedding(t, tp), x, shape, want, dy, shape, dy);
  tp.dispose();
  return results;
}

async function addCase(shape: number[]): Promise<Comparison[]> {
  const size = shape.reduce((product, n) => product * n, 1);
  const [a, b, dy] = [sample(size, 1), sample(size, 2), sample(size, 3)];
  const [ta, tb, tdy] = [a, b, dy].map((values) => upload(values, shape, 'test'));
  const { value, grads } = valueAndGradients(() => add(scale(ta, -1.5), tb), [ta, tb], tdy);
  const results = [
    await compare(
      'y',
      value,
      a.map((v, i) => -1.5 * v + b[i]),
      TIGHT,
    ),
    await compare(
      'da',
      grads[0],
      dy.map((v) => -1.5 * v),
      TIGHT,
    ),
    await compare('db', grads[1], dy, TIGHT),
  ];
  tf.dispose([ta, tb, tdy, value, grads]);
  return results;
}

/** x used twice: the tape adds two gradients, and `listening` throws should a stock program run. */
async function tapeSum(): Promise<Comparison[]> {
  const [x, dy] = [sample(35, 1), sample(35, 2)];
  const [tx, tdy] = [upload(x, [5, 7], 'test'), upload(dy, [5, 7], 'test')];
  const names: string[] = [];
  const { value, grads } = listening(
    (item) => names.push(item.name),
    () => valueAndGradients(() => add(silu(tx), scale(tx, 2)), [tx], tdy),
  );
  const want = x.map((v, i) => dy[i] * (siluReference.slope(v) + 2));
  const results = [
    await compare('dx', grads[0], want, LOOSE),
    {
      what: 'sums dispatched other than two',
      error: Math.abs(names.filter((n) => n.startsWith('add/')).length - 2),
      tolerance: 0,
    },
  ];
  tf.dispose([tx, tdy, value, grads]);
  return results;
}

async function stockAdd(): Promise<Comparison[]> {
  const [a, b] = [sample(6, 1), sample(3, 2)];
  const [ta, tb] = [upload(a, [2, 3], 'test'), upload(b, [3], 'test')];
  const y = tf.add(ta, tb);
  const error = relativeError(
    await read(y),
    a.map((v, i) => v + b[i % 3]),
  );
  tf.dispose([ta, tb, y]);
  return [{ what: 'a + row', error, tolerance: 1e-7 }];
}

async function check(
  op: (x: tf.Tensor) => tf.Tensor,
  x: Float32Array,
  shape: number[],
  wantY: ArrayLike<number>,
  dy: Float32Array,
  outShape: number[],
  wantDx: ArrayLike<number>,
): Promise<Comparison[]> {
  const [tx, tdy] = [upload(x, shape, 'test'), upload(dy, outShape, 'test')];
  const { value, grads } = valueAndGradients(() => op(tx), [tx], tdy);
  const results = [await compare('y', value, wantY, LOOSE), await compare('dx', grads[0], wantDx, LOOSE)];
  tf.dispose([tx, tdy, value, grads]);
  return results;
}

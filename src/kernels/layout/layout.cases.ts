/** Moves of values: exact, except for sums of gradients (a rounding or two: 2e-7). */
import * as tf from '@tensorflow/tfjs';
import { read, upload } from '../program';
import { compare, sample, valueAndGradients, type Comparison, type KernelCase } from '../testing';
import { concatChannels, gatherRows, promptRows } from './layout';
import { concatReference, gatherReference, scatterReference, sliceReference } from './layout.reference';

const EXACT = { f32: 0, f16: 0 };
const SUMMED = { f32: 2e-7, f16: 2e-7 };

export const cases: KernelCase[] = [
  ...[
    [8, 4],
    [6, 4],
    [4, 6],
    [3, 5],
    [64, 32],
  ].map(([ca, cb]) => ({ name: `concat ${ca} + ${cb}`, run: () => concatCase(ca, cb) })),
  { name: 'gatherRows, some twice, some never', run: () => gatherCase(9, 5, [8, 0, 3, 3, 7]) },
  { name: 'gatherRows, a prompt of three chunks', run: () => gatherCase(2 * 3 * 77, 8, promptRows(2, 3)) },
  { name: 'gatherRows, a row out of range', run: gatherOutside },
];

async function concatCase(ca: number, cb: number) {
  const [a, b, dy] = [sample(6 * ca, 1), sample(6 * cb, 2), sample(6 * (ca + cb), 3)];
  const [ta, tb] = [upload(a, [2, 3, ca], 'test'), upload(b, [2, 3, cb], 'test')];
  const tdy = upload(dy, [2, 3, ca + cb], 'test');
  const { value, grads } = valueAndGradients(() => concatChannels(ta, tb), [ta, tb], tdy);
  const results = [
    await compare('y', value, concatReference(a, ca, b, cb), EXACT),
    await compare('da', grads[0], sliceReference(dy, ca + cb, 0, ca), EXACT),
    await compare('db', grads[1], sliceReference(dy, ca + cb, ca, cb), EXACT),
  ];
  tf.dispose([ta, tb, tdy, value, grads]);
  return results;
}

async function gatherCase(sourceRows: number, columns: number, rows: ArrayLike<number>) {
  const [x, dy] = [sample(sourceRows * columns, 1), sample(rows.length * columns, 2)];
  const [tx, tdy] = [upload(x, [sourceRows, columns], 'test'), upload(dy, [rows.length, columns], 'test')];
  const tr = upload(Int32Array.from(rows), [rows.length], 'test');
  const { value, grads } = valueAndGradients(() => gatherRows(tx, tr), [tx], tdy);
  const results = [
    await compare('y', value, gatherReference(x, columns, rows), EXACT),
    await compare('dx', grads[0], scatterReference(dy, columns, rows, sourceRows), SUMMED),
  ];
  tf.dispose([tx, tdy, tr, value, grads]);
  return results;
}

async function gatherOutside(): Promise<Comparison[]> {
  const [tx, tr] = [upload(sample(8, 1), [2, 4], 'test'), upload(Int32Array.from([-1, 1, 2]), [3], 'test')];
  const y = gatherRows(tx, tr);
  const got = await read(y);
  tf.dispose([tx, tr, y]);
  const wrong = got.reduce((n, v, i) => n + (Number.isNaN(v) === (i < 4 || i >= 8) ? 0 : 1), 0);
  return [{ what: 'values not NaN outside, or NaN inside', error: wrong, tolerance: 0 }];
}

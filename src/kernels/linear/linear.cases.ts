/** Cases of the linear layer: with and without bias, odd sizes, one row to many, SD 1.x shapes scaled down. */
import * as tf from '@tensorflow/tfjs';
import {
  compare,
  sample,
  valueAndGradients,
  type Comparison,
  type KernelCase,
  type Tolerance,
} from '../testing';
import { read, upload } from '../program';
import { linear } from './linear';
import { linearGradientReference, linearReference } from './linear.reference';
import { packHalf } from './pack_half';

export const TOLERANCE: Tolerance = { f32: 1e-5, f16: 2e-3 };

interface Shape {
  lead: number[];
  out: number;
  in: number;
  bias: boolean;
  add?: boolean;
}

const shapes: Shape[] = [
  { lead: [1], out: 1, in: 1, bias: true },
  { lead: [3], out: 5, in: 7, bias: false },
  { lead: [17], out: 33, in: 35, bias: true, add: true },
  { lead: [65], out: 66, in: 130, bias: true },
  { lead: [2, 77], out: 96, in: 64, bias: true },
  { lead: [2, 9, 8], out: 40, in: 80, bias: false, add: true },
  { lead: [1, 256], out: 320, in: 160, bias: true, add: true },
  { lead: [2], out: 1280, in: 320, bias: true, add: true },
  { lead: [130], out: 68, in: 1028, bias: false },
];

export const cases: KernelCase[] = [
  ...shapes.map((shape) => ({
    name: `linear [${shape.lead}, ${shape.in}] -> ${shape.out}${shape.bias ? ' + bias' : ''}${shape.add ? ' + add' : ''}`,
    run: () => runCase(shape),
  })),
];

async function runCase({ lead, out, in: inn, bias, add = false }: Shape): Promise<Comparison[]> {
  const m = lead.reduce((product, n) => product * n, 1);
  const xs = sample(m * inn, 1);
  const ws = sample(out * inn, 2, inn ** -0.5, true);
  const bs = sample(out, 3);
  const dys = sample(m * out, 4);
  const adds = add ? sample(m * out, 5) : new Float32Array(m * out);
  const made = [
    upload(xs, [...lead, inn], 'test'),
    upload(packHalf(ws, out, inn), [out, Math.ceil(inn / 2)], 'test'),
    upload(bs, [out], 'test'),
    upload(dys, [...lead, out], 'test'),
    upload(adds, [...lead, out], 'test'),
  ];
  const [x, data, b, dy, extra] = made;
  const { value, grads } = valueAndGradients(
    () => linear(x, { data, out, in: inn }, bias ? b : undefined, add ? { add: extra } : {}),
    add ? [x, extra] : [x],
    dy,
  );
  const want = linearReference(xs, ws, bias ? bs : undefined, m, out, inn).map((v, i) => v + adds[i]);
  const results = [
    await compare('y', value, want, TOLERANCE),
    await compare('dx', grads[0], linearGradientReference(dys, ws, m, out, inn), TOLERANCE),
  ];
  if (add) {
    results.push(await compare('dadd', grads[1], dys, { f32: 0, f16: 0 }));
    const unread = valueAndGradients(
      () => linear(x, { data, out, in: inn }, bias ? b : undefined, { add: extra, unread: true }),
      [x],
      dy,
    );
    results.push(
      await compare('dx of what is not read', unread.grads[0], await read(grads[0]), { f32: 0, f16: 0 }),
    );
    tf.dispose([unread.value, ...unread.grads]);
  }
  tf.dispose([...made, value, ...grads]);
  return results;
}

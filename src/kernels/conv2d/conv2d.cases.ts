/** Cases of the convolution: odd sizes and channels, both downsamplers of SD 1.x, doubling first, 1x1. */
import * as tf from '@tensorflow/tfjs';
import { compare, sample, valueAndGradients, type Comparison, type KernelCase } from '../testing';
import { read, upload } from '../program';
import { TOLERANCE } from '../linear/linear.cases';
import { linearGradientReference, linearReference } from '../linear/linear.reference';
import { packHalfConv } from '../linear/pack_half';
import { conv2d, type ConvOptions } from './conv2d';
import {
  convGradientReference,
  convReference,
  doubled,
  doubledGradient,
  outputSize,
} from './conv2d.reference';

interface Shape {
  name: string;
  batch: number;
  H: number;
  W: number;
  in: number;
  out: number;
  bias: boolean;
  options?: ConvOptions;
  add?: boolean;
}

const shapes: Shape[] = [
  { name: 'one pixel', batch: 1, H: 1, W: 1, in: 1, out: 1, bias: true },
  { name: 'odd', batch: 2, H: 5, W: 7, in: 3, out: 5, bias: true, add: true },
  { name: 'image in', batch: 1, H: 10, W: 12, in: 3, out: 32, bias: true },
  { name: 'latent in', batch: 2, H: 8, W: 8, in: 4, out: 40, bias: true },
  { name: 'latent out', batch: 1, H: 9, W: 9, in: 40, out: 4, bias: true },
  { name: 'moments out', batch: 1, H: 6, W: 6, in: 32, out: 8, bias: false },
  { name: 'image out', batch: 1, H: 6, W: 9, in: 20, out: 3, bias: true },
  { name: 'wide', batch: 1, H: 8, W: 8, in: 96, out: 72, bias: false, add: true },
  { name: 'even but not fourfold', batch: 1, H: 7, W: 5, in: 18, out: 34, bias: true },
  { name: 'UNet downsampler', batch: 2, H: 8, W: 12, in: 16, out: 20, bias: true, options: { stride: 2 } },
  { name: 'UNet downsampler, odd', batch: 1, H: 7, W: 9, in: 5, out: 6, bias: true, options: { stride: 2 } },
  {
    name: 'VAE downsampler',
    batch: 2,
    H: 8,
    W: 10,
    in: 12,
    out: 16,
    bias: true,
    options: { stride: 2, pad: [0, 1, 0, 1] },
  },
  {
    name: 'VAE downsampler, odd',
    batch: 1,
    H: 9,
    W: 7,
    in: 4,
    out: 7,
    bias: false,
    options: { stride: 2, pad: [0, 1, 0, 1] },
  },
  {
    name: 'upsampler',
    batch: 2,
    H: 4,
    W: 5,
    in: 24,
    out: 28,
    bias: true,
    options: { upsample: true },
    add: true,
  },
  { name: 'upsampler, odd', batch: 1, H: 3, W: 1, in: 5, out: 3, bias: true, options: { upsample: true } },
];

export const cases: KernelCase[] = [
  ...shapes.map((shape) => ({
    name: `conv ${shape.name}: ${shape.batch}x${shape.H}x${shape.W}x${shape.in} -> ${shape.out}${shape.add ? ' + add' : ''}`,
    run: () => runCase(shape),
  })),
  { name: 'conv 1x1', run: runPointwise },
];

async function runCase({
  batch,
  H,
  W,
  in: I,
  out: O,
  bias,
  options = {},
  add,
}: Shape): Promise<Comparison[]> {
  const { stride = 1, pad = [1, 1, 1, 1], upsample } = options;
  const grow = upsample ? 2 : 1;
  const shape = { batch, H: H * grow, W: W * grow, in: I, out: O, stride, pad };
  const [oh, ow] = outputSize(shape);
  const xs = sample(batch * H * W * I, 1);
  const ws = sample(O * I * 9, 2, (9 * I) ** -0.5, true);
  const bs = sample(O, 3);
  const dys = sample(batch * oh * ow * O, 4);
  const adds = add ? sample(batch * oh * ow * O, 5) : new Float32Array(batch * oh * ow * O);
  const made = [
    upload(xs, [batch, H, W, I], 'test'),
    upload(packHalfConv(ws, O, I, 3), [O, 9 * Math.ceil(I / 2)], 'test'),
    upload(bs, [O], 'test'),
    upload(dys, [batch, oh, ow, O], 'test'),
    upload(adds, [batch, oh, ow, O], 'test'),
  ];
  const [x, data, b, dy, extra] = made;
  const weight = { data, out: O, in: I, kernel: 3 } as const;
  const { value, grads } = valueAndGradients(
    () => conv2d(x, weight, bias ? b : undefined, add ? { ...options, add: extra } : options),
    add ? [x, extra] : [x],
    dy,
  );
  const source = upsample ? doubled(xs, batch, H, W, I) : xs;
  const dSource = convGradientReference(dys, ws, shape);
  const results = [
    await compare(
      'y',
      value,
      convReference(source, ws, bias ? bs : undefined, shape).map((v, i) => v + adds[i]),
      TOLERANCE,
    ),
    await compare('dx', grads[0], upsample ? doubledGradient(dSource, batch, H, W, I) : dSource, TOLERANCE),
  ];
  if (add) {
    results.push(await compare('dadd', grads[1], dys, { f32: 0, f16: 0 }));
    const unread = valueAndGradients(
      () => conv2d(x, weight, bias ? b : undefined, { ...options, add: extra, unread: true }),
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

async function runPointwise(): Promise<Comparison[]> {
  const [batch, H, W, I, O] = [2, 3, 5, 12, 9];
  const xs = sample(batch * H * W * I, 1);
  const ws = sample(O * I, 2, I ** -0.5, true);
  const dys = sample(batch * H * W * O, 4);
  const adds = sample(batch * H * W * O, 5);
  const made = [
    upload(xs, [batch, H, W, I], 'test'),
    upload(packHalfConv(ws, O, I, 1), [O, I / 2], 'test'),
    upload(dys, [batch, H, W, O], 'test'),
    upload(adds, [batch, H, W, O], 'test'),
  ];
  const [x, data, dy, add] = made;
  const weight = { data, out: O, in: I, kernel: 1 } as const;
  const { value, grads } = valueAndGradients(() => conv2d(x, weight, undefined, { add }), [x], dy);
  const rows = batch * H * W;
  const results = [
    await compare(
      'y',
      value,
      linearReference(xs, ws, undefined, rows, O, I).map((v, i) => v + adds[i]),
      TOLERANCE,
    ),
    await compare('dx', grads[0], linearGradientReference(dys, ws, rows, O, I), TOLERANCE),
  ];
  tf.dispose([...made, value, ...grads]);
  return results;
}

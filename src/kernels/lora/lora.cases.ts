/** Cases of the linear layer with LoRA: ranks 1 to 128, odd sizes, batches, dropout, merged LoRAs, overflow. */
import * as tf from '@tensorflow/tfjs';
import { gpu } from '../device';
import { compare, sample, valueAndGradients, type Comparison, type KernelCase } from '../testing';
import { read, upload } from '../program';
import { TOLERANCE } from '../linear/linear.cases';
import { packHalf } from '../linear/pack_half';
import { loraLinear, loraLinears, type Lora } from './lora';
import { mergeLoras } from './merge';
import { dropoutMask, loraGradientReference, loraReference, type LoraReferenceInput } from './lora.reference';

/** The branch is multiplied in f32 on every tier. */
const BRANCH = { f32: 1e-5, f16: 1e-5 };

interface Shape {
  lead: number[];
  out: number;
  in: number;
  rank: number;
  bias: boolean;
  rate?: number;
  add?: boolean;
}

const shapes: Shape[] = [
  { lead: [1], out: 3, in: 2, rank: 1, bias: false },
  { lead: [19], out: 37, in: 35, rank: 4, bias: true, add: true },
  { lead: [2, 77], out: 64, in: 96, rank: 8, bias: false },
  { lead: [3, 25], out: 80, in: 40, rank: 16, bias: true, add: true },
  { lead: [66], out: 30, in: 70, rank: 5, bias: true, rate: 0.3 },
  { lead: [2, 64], out: 64, in: 64, rank: 16, bias: false, rate: 0.5, add: true },
  { lead: [33], out: 160, in: 80, rank: 128, bias: false },
  { lead: [1, 1030], out: 40, in: 40, rank: 4, bias: true },
];

export const cases: KernelCase[] = [
  ...shapes.map((shape) => ({
    name: `lora [${shape.lead}, ${shape.in}] -> ${shape.out}, rank ${shape.rank}${shape.bias ? ' + bias' : ''}${shape.rate ? `, dropout ${shape.rate}` : ''}${shape.add ? ' + add' : ''}`,
    run: () => runCase(shape),
  })),
  { name: 'lora of three layers of one x, two with a bias, ranks 8 4 5', run: () => runSeveral([8, 4, 5]) },
  { name: 'lora of two layers of one x, ranks 16 8, dropout 0.4', run: () => runSeveral([16, 8], 0.4) },
  { name: 'merged LoRAs add up', run: runMerged },
  { name: 'an overflow in f16 is not hidden', run: runOverflow },
];

async function runCase(shape: Shape): Promise<Comparison[]> {
  const { lead, out, in: inn, rank, bias, rate = 0, add = false } = shape;
  const m = lead.reduce((product, n) => product * n, 1);
  const scale = 0.75;
  const seed = -123456;
  const stream = 7;
  const input: LoraReferenceInput = {
    x: sample(m * inn, 1),
    w: sample(out * inn, 2, inn ** -0.5, true),
    bias: bias ? sample(out, 3) : undefined,
    down: sample(rank * inn, 5, inn ** -0.5),
    up: sample(out * rank, 6, rank ** -0.5),
    mask: rate ? dropoutMask(m * rank, rate, seed, stream) : undefined,
    scale,
    m,
    out,
    in: inn,
    rank,
  };
  const dys = sample(m * out, 4);
  const adds = add ? sample(m * out, 7) : new Float32Array(m * out);
  const floats = (values: ArrayLike<number>, dims: number[]) =>
    upload(Float32Array.from(values), dims, 'test');
  const x = floats(input.x, [...lead, inn]);
  const data = upload(packHalf(Float32Array.from(input.w), out, inn), [out, Math.ceil(inn / 2)], 'test');
  const b = floats(input.bias ?? [0], [bias ? out : 1]);
  const down = floats(input.down, [rank, inn]);
  const up = floats(input.up, [out, rank]);
  const dy = floats(dys, [...lead, out]);
  const extra = floats(adds, [...lead, out]);
  const seeds = upload(Int32Array.of(seed), [1], 'test');
  const { flat, place } = gradientOf([{ rank, in: inn, out }]);
  const before = tf.memory().numTensors;
  const lora: Lora = { down, up, scale, dropout: { rate, seed: seeds, stream }, gradient: place(0) };
  const { value, grads } = valueAndGradients(
    () => loraLinear(x, { data, out, in: inn }, bias ? b : undefined, lora, add ? { add: extra } : {}),
    [x, down, up, ...(add ? [extra] : [])],
    dy,
  );
  const { dx, dDown, dUp } = loraGradientReference(input, dys);
  const results = [
    await compare(
      'y',
      value,
      loraReference(input).map((v, i) => v + adds[i]),
      TOLERANCE,
    ),
    await compare('dx', grads[0], dx, TOLERANCE),
    await compare('gradient', flat, [...dDown, ...dUp], BRANCH),
  ];
  if (add) {
    results.push(await compare('dadd', grads[3], dys, { f32: 0, f16: 0 }));
    const unread = valueAndGradients(
      () => loraLinear(x, { data, out, in: inn }, bias ? b : undefined, lora, { add: extra, unread: true }),
      [x, down, up],
      dy,
    );
    results.push(
      await compare('dx of what is not read', unread.grads[0], await read(grads[0]), { f32: 0, f16: 0 }),
      await compare(
        'twice the gradient',
        flat,
        [...dDown, ...dUp].map((v) => 2 * v),
        BRANCH,
      ),
    );
    tf.dispose([unread.value, ...unread.grads]);
  }
  tf.dispose([value, ...grads]);
  results.push({ what: 'tensors left over', error: Math.abs(tf.memory().numTensors - before), tolerance: 0 });
  tf.dispose([x, data, b, down, up, dy, extra, seeds, flat]);
  return results;
}

/** A flat gradient of zeros, `down` and `up` of one layer after those of another, and where each lies. */
function gradientOf(layers: readonly { rank: number; in: number; out: number }[]) {
  const ends = layers.map((_, i) =>
    layers.slice(0, i + 1).reduce((sum, { rank, in: inn, out }) => sum + rank * (inn + out), 0),
  );
  const flat = upload(new Float32Array(ends.at(-1) ?? 0), [ends.at(-1) ?? 0], 'test');
  const place = (i: number) => {
    const down = ends[i - 1] ?? 0;
    return { flat, down, up: down + layers[i].rank * layers[i].in };
  };
  return { flat, place };
}

async function runSeveral(ranks: readonly number[], rate = 0): Promise<Comparison[]> {
  const [m, out, inn, seed] = [38, 44, 36, 99];
  const xs = sample(m * inn, 1);
  const references = ranks.map((rank, j): LoraReferenceInput => ({
    x: xs,
    w: sample(out * inn, 10 + j, inn ** -0.5, true),
    bias: rate === 0 && j > 0 ? sample(out, 20 + j) : undefined,
    down: sample(rank * inn, 30 + j, inn ** -0.5),
    up: sample(out * rank, 40 + j, rank ** -0.5),
    mask: rate ? dropoutMask(m * rank, rate, seed, 5 + j) : undefined,
    scale: 0.5 + j,
    m,
    out,
    in: inn,
    rank,
  }));
  const dys = ranks.map((_, j) => sample(m * out, 50 + j));
  const made: tf.Tensor[] = [];
  const kept = (tensor: tf.Tensor) => {
    made.push(tensor);
    return tensor;
  };
  const floats = (values: ArrayLike<number>, dims: number[]) =>
    kept(upload(Float32Array.from(values), dims, 'test'));
  const x = floats(xs, [2, m / 2, inn]);
  const seeds = kept(upload(Int32Array.of(seed), [1], 'test'));
  const { flat, place } = gradientOf(references);
  kept(flat);
  const layers = references.map(({ w, bias, down, up, scale, rank }, j) => ({
    weight: {
      data: kept(upload(packHalf(Float32Array.from(w), out, inn), [out, inn / 2], 'test')),
      ...{ out, in: inn },
    },
    bias: bias && floats(bias, [out]),
    lora: {
      ...{ down: floats(down, [rank, inn]), up: floats(up, [out, rank]), scale, gradient: place(j) },
      ...(rate ? { dropout: { rate, seed: seeds, stream: 5 + j } } : {}),
    },
  }));
  const gradients = dys.map((dy) => floats(dy, [2, m / 2, out]));
  const one = kept(tf.scalar(1));
  const before = tf.memory().numTensors;
  let outputs: tf.Tensor[] = [];
  // Of what is returned, the sum of y . dy, the gradient of each y is its dy.
  const { value, grads } = valueAndGradients(
    () => {
      outputs = loraLinears(x, layers).map((y) => tf.keep(y));
      return outputs.map((y, j) => tf.sum(tf.mul(y, gradients[j]))).reduce((sum, one) => tf.add(sum, one));
    },
    [x, ...layers.flatMap(({ lora }) => [lora.down, lora.up])],
    one,
  );
  const wants = references.map((reference, j) => loraGradientReference(reference, dys[j]));
  const dx = new Float64Array(m * inn);
  for (const want of wants) want.dx.forEach((v, i) => (dx[i] += v));
  const results: Comparison[] = [];
  for (const [j, y] of outputs.entries())
    results.push(await compare(`y${j}`, y, loraReference(references[j]), TOLERANCE));
  results.push(
    await compare('dx', grads[0], dx, TOLERANCE),
    await compare(
      'gradients',
      flat,
      wants.flatMap(({ dDown, dUp }) => [...dDown, ...dUp]),
      BRANCH,
    ),
  );
  tf.dispose([value, ...grads, ...outputs]);
  results.push({ what: 'tensors left over', error: Math.abs(tf.memory().numTensors - before), tolerance: 0 });
  tf.dispose(made);
  return results;
}

async function runMerged(): Promise<Comparison[]> {
  const [m, out, inn] = [20, 36, 28];
  const ranks = [3, 4, 1];
  const scales = [0.5, -0.7, 2];
  const xs = sample(m * inn, 1);
  const ws = sample(out * inn, 2, inn ** -0.5, true);
  const downs = ranks.map((r, i) => sample(r * inn, 10 + i, inn ** -0.5));
  const ups = ranks.map((r, i) => sample(out * r, 20 + i));
  const want = new Float64Array(m * out);
  ranks.forEach((rank, i) => {
    const w = i === 0 ? ws : new Float32Array(ws.length);
    loraReference({ x: xs, w, down: downs[i], up: ups[i], scale: scales[i], m, out, in: inn, rank }).forEach(
      (v, at) => {
        want[at] += v;
      },
    );
  });
  const x = upload(xs, [m, inn], 'test');
  const data = upload(packHalf(ws, out, inn), [out, inn / 2], 'test');
  const loras = ranks.map((r, i) => ({
    down: upload(downs[i], [r, inn], 'test'),
    up: upload(ups[i], [out, r], 'test'),
    scale: scales[i],
  }));
  const merged = mergeLoras(loras);
  const y = tf.tidy(() => loraLinear(x, { data, out, in: inn }, undefined, merged));
  const results = [await compare('y', y, want, TOLERANCE)];
  tf.dispose([x, data, y, merged.down, merged.up, ...loras.flatMap(({ down, up }) => [down, up])]);
  return results;
}

/** Loss scaling finds its limit by what overflows: a gradient beyond f16 must come out infinite or NaN. */
async function runOverflow(): Promise<Comparison[]> {
  const x = upload(Float32Array.of(1, 2, 3, 4), [1, 4], 'test');
  const data = upload(packHalf(Float32Array.of(1, 1, 1, 1), 1, 4), [1, 2], 'test');
  const down = upload(new Float32Array(4), [1, 4], 'test');
  const up = upload(new Float32Array(1), [1, 1], 'test');
  const dy = upload(Float32Array.of(1e5), [1, 1], 'test');
  const { value, grads } = valueAndGradients(
    () => loraLinear(x, { data, out: 1, in: 4 }, undefined, { down, up, scale: 1 }),
    [x],
    dy,
  );
  const dx = await read(grads[0]);
  const honest = dx.every((v) => (gpu().f16 ? !Number.isFinite(v) : v === 1e5));
  tf.dispose([x, data, down, up, dy, value, ...grads]);
  return [{ what: 'dx of 1e5', error: honest ? 0 : 1, tolerance: 0 }];
}

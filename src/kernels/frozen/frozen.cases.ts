/**
 * Cases of quantized weights: the codes themselves, ties and blocks of zeros among them, and the layers on the adapter's own
 * tiles against float64 products with the values that the codes stand for. On staged tiles they run in gemm.cases.ts.
 */
import * as tf from '@tensorflow/tfjs';
import { compare, sample, valueAndGradients, type Comparison, type KernelCase } from '../testing';
import { conv2d } from '../conv2d/conv2d';
import { convGradientReference, convReference, doubled, doubledGradient } from '../conv2d/conv2d.reference';
import { TOLERANCE } from '../linear/linear.cases';
import { packHalf } from '../linear/pack_half';
import { linear } from '../linear/linear';
import { linearGradientReference, linearReference } from '../linear/linear.reference';
import { loraLinear } from '../lora/lora';
import { loraGradientReference, loraReference } from '../lora/lora.reference';
import { readInts, reserve, upload } from '../program';
import { BLOCK, weightShape, wordsAlong, type Quantized } from './frozen';
import { quantizeReference } from './frozen.reference';
import { codesIn, testWeight } from './frozen.testing';
import { quantize } from './quantize';

// Each program takes a CPU's compiler seconds: what is read and what it is multiplied into are texts apart.
export const cases: KernelCase[] = [
  ...(['int8', 'nf4'] as const).map((storage) => ({
    name: `${storage}: codes and magnitudes, in two stretches`,
    run: () => codes(storage),
  })),
  { name: 'nf4: linear [19, 192] -> 37 + bias', run: () => layer('nf4') },
  { name: 'int8: lora [9, 128] -> 36 + bias, rank 5', run: () => withLora('int8') },
  { name: 'int8: conv 5x4x64 -> 12, doubled first', run: () => convolution('int8') },
];

/** Five blocks: ties, extremes, zeros, and ordinary numbers. */
export function awkward(): Float32Array {
  const values = sample(5 * BLOCK, 7, 0.05, true);
  values.fill(0, BLOCK, 2 * BLOCK);
  // 127 w / absmax = k + 1/2 where absmax is 127/256: each of these is a tie.
  for (let i = 0; i < BLOCK; i++) values[2 * BLOCK + i] = ((i % 2 ? 1 : -1) * (2 * i + 1)) / 512;
  values[2 * BLOCK] = 127 / 256;
  // Subnormal halves beside the largest one.
  values[3 * BLOCK] = -65504;
  values[3 * BLOCK + 1] = 2 ** -24;
  return values;
}

async function codes(storage: Quantized): Promise<Comparison[]> {
  const values = awkward();
  const blocks = values.length / BLOCK;
  const want = quantizeReference(storage, values);
  const words = packHalf(values, 1, values.length);
  const data = reserve(weightShape(storage, 1, 1, values.length), 'int32', 'test');
  const cut = (2 * BLOCK) / 2;
  const parts = [words.subarray(0, cut), words.subarray(cut)].map((part) =>
    upload(part.slice(), [part.length], 'test'),
  );
  quantize(storage, parts[0], data, { firstBlock: 0, blocks: 2, allBlocks: blocks });
  quantize(storage, parts[1], data, { firstBlock: 2, blocks: blocks - 2, allBlocks: blocks });
  const got = await readInts(data);
  tf.dispose([data, ...parts]);
  const codeWords = blocks * wordsAlong(storage, BLOCK);
  const found = codesIn(storage, got, values.length);
  const wrong = want.codes.filter((each, i) => found[i] !== each).length;
  const magnitudes = packHalf(Float32Array.from([...want.magnitudes, 0]), 1, 2 * Math.ceil(blocks / 2));
  return [
    { what: 'codes that differ', error: wrong, tolerance: 0 },
    {
      what: 'words of magnitudes that differ',
      error: magnitudes.filter((word, i) => word !== got[codeWords + i]).length,
      tolerance: 0,
    },
  ];
}

async function layer(storage: Quantized): Promise<Comparison[]> {
  const [m, out, inn] = [19, 37, 192];
  const xs = sample(m * inn, 1);
  const bs = sample(out, 3);
  const dys = sample(m * out, 4);
  const { data, values } = testWeight(storage, sample(out * inn, 2, inn ** -0.5, true), [out, inn]);
  const made = [upload(xs, [m, inn], 'test'), upload(bs, [out], 'test'), upload(dys, [m, out], 'test')];
  const [x, b, dy] = made;
  const { value, grads } = valueAndGradients(() => linear(x, { data, out, in: inn, storage }, b), [x], dy);
  const results = [
    await compare('y', value, linearReference(xs, values, bs, m, out, inn), TOLERANCE),
    await compare('dx', grads[0], linearGradientReference(dys, values, m, out, inn), TOLERANCE),
  ];
  tf.dispose([...made, data, value, ...grads]);
  return results;
}

async function withLora(storage: Quantized): Promise<Comparison[]> {
  const [m, out, inn, rank, scale] = [9, 36, 128, 5, 0.75];
  const { data, values } = testWeight(storage, sample(out * inn, 2, inn ** -0.5, true), [out, inn]);
  const input = {
    ...{ x: sample(m * inn, 1), w: values, bias: sample(out, 3), mask: undefined, scale },
    ...{ down: sample(rank * inn, 5, inn ** -0.5), up: sample(out * rank, 6, rank ** -0.5) },
    ...{ m, out, in: inn, rank },
  };
  const dys = sample(m * out, 4);
  const made = [
    upload(input.x, [m, inn], 'test'),
    upload(input.bias, [out], 'test'),
    upload(input.down, [rank, inn], 'test'),
    upload(input.up, [out, rank], 'test'),
    upload(dys, [m, out], 'test'),
  ];
  const [x, b, down, up, dy] = made;
  const weight = { data, out, in: inn, storage };
  const { value, grads } = valueAndGradients(() => loraLinear(x, weight, b, { down, up, scale }), [x], dy);
  const results = [
    await compare('y', value, loraReference(input), TOLERANCE),
    await compare('dx', grads[0], loraGradientReference(input, dys).dx, TOLERANCE),
  ];
  tf.dispose([...made, data, value, ...grads]);
  return results;
}

async function convolution(storage: Quantized): Promise<Comparison[]> {
  const [H, W, I, O] = [5, 4, 64, 12];
  const shape = {
    ...{ batch: 1, H: 2 * H, W: 2 * W, in: I, out: O, stride: 1 },
    pad: [1, 1, 1, 1],
  } as const;
  const xs = sample(H * W * I, 1);
  const dys = sample(4 * H * W * O, 4);
  const { data, values } = testWeight(storage, sample(O * I * 9, 2, (9 * I) ** -0.5, true), [O, I], 9);
  const made = [upload(xs, [1, H, W, I], 'test'), upload(dys, [1, 2 * H, 2 * W, O], 'test')];
  const [x, dy] = made;
  const weight = { data, out: O, in: I, kernel: 3, storage } as const;
  const { value, grads } = valueAndGradients(() => conv2d(x, weight, undefined, { upsample: true }), [x], dy);
  const dSource = convGradientReference(dys, values, shape);
  const y = convReference(doubled(xs, 1, H, W, I), values, undefined, shape);
  const results = [
    await compare('y', value, y, TOLERANCE),
    await compare('dx', grads[0], doubledGradient(dSource, 1, H, W, I), TOLERANCE),
  ];
  tf.dispose([...made, data, value, ...grads]);
  return results;
}

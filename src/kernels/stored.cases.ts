/**
 * Operations whose activations are stored as halves, each against itself in f32: from the same numbers, all of them halves,
 * the result is the same but for one rounding to a half (2^-11 relative), and the gradients are the same to the bit, as
 * nothing else of the forward pass was rounded. Where it is made of several, they are as close as that rounding.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { attention } from './attention/attention';
import { withPlan } from './attention/attention.cases';
import { conv2d } from './conv2d/conv2d';
import { addParts } from './gemm/gemm';
import { GPU_TILES, setTile } from './gemm/tile';
import { gradientsOf } from './kernel';
import { concatChannels, reshaped } from './layout/layout';
import { floatsToHalves, halfToFloat } from './linear/half_bits';
import { linear } from './linear/linear';
import { packHalf, packHalfConv } from './linear/pack_half';
import { loraLinear, loraLinears } from './lora/lora';
import { groupNorm, residualGroupNorm, setWholeUnits } from './norm/group_norm';
import { layerNorm, residualLayerNorm, setRowLanes } from './norm/layer_norm';
import { geglu } from './pointwise/pointwise';
import { allocateActivation, isHalves, read, storingHalves, upload, uploadHalves } from './program';
import { relativeError, sample, type Comparison, type KernelCase } from './testing';

/** Of one rounding to a half: at most 2^-11 of each number. */
const ROUNDED = 3e-4;

interface Operation {
  name: string;
  /** Shapes of its activations. */
  inputs: number[][];
  /** `other` makes what it needs besides, and disposes it; `flat` is where a LoRA's gradients go. */
  run(inputs: Tensor[], other: Others): Tensor;
  /** Of the gradients: none unless given; and of y, where it is more than of one rounding. */
  tolerance?: number;
  /** What it gives is f32 all the same. */
  single?: boolean;
  /** Its shaders are long, and like others': enough that one compiler takes them. */
  nodeOnly?: boolean;
  within?: <T>(work: () => T) => T;
}

interface Others {
  floats(shape: number[], seed: number, scale?: number): Tensor;
  weight(out: number, inn: number, seed: number): { data: Tensor; out: number; in: number };
  kernel(out: number, inn: number, seed: number): { data: Tensor; out: number; in: number; kernel: 3 };
  flat: Tensor;
}

/** Runs `work` with one of the kernels' choices made for it. */
const during =
  <V>(choose: (value: V | undefined) => void, value: V) =>
  <T>(work: () => T): T => {
    choose(value);
    try {
      return work();
    } finally {
      choose(undefined);
    }
  };

const inTile = (index: number) => during(setTile, GPU_TILES[index]);
const inGroups = (units: number) => during(setWholeUnits, units);
const inLanes = (lanes: 1 | 64) => during(setRowLanes, lanes);

const norms = (silu: boolean, shifted: boolean) => ({
  inputs: [[2, 6, 5, 64]],
  run: ([x]: Tensor[], { floats }: Others) =>
    groupNorm(x, floats([64], 2), floats([64], 3), {
      ...{ groups: 8, eps: 1e-5, silu },
      ...(shifted ? { shift: floats([2, 64], 4) } : {}),
    }),
});

const residualGroups = (channels: number, groups: number) => ({
  inputs: [[1, 5, 6, channels]],
  run: ([x]: Tensor[], { floats, weight }: Others) => {
    const [gamma, beta] = [floats([channels], 2), floats([channels], 3)];
    const { normed, residual } = residualGroupNorm(x, gamma, beta, { groups, eps: 1e-5, silu: true });
    return linear(normed, weight(channels, channels, 4), undefined, { add: residual });
  },
});

const rows = {
  inputs: [[2, 33, 80]],
  run: ([x]: Tensor[], { floats, weight }: Others) => {
    const { normed, residual } = residualLayerNorm(x, floats([80], 2), floats([80], 3), 1e-5);
    return linear(normed, weight(80, 80, 4), undefined, { add: residual });
  },
};

const product = {
  inputs: [
    [2, 35, 64],
    [2, 35, 36],
  ],
  run: ([x, add]: Tensor[], { floats, weight }: Others) =>
    linear(x, weight(36, 64, 2), floats([36], 3), { add }),
};

const lora = {
  inputs: [
    [2, 35, 64],
    [2, 35, 36],
  ],
  run: ([x, add]: Tensor[], { floats, weight, flat }: Others) =>
    loraLinear(
      x,
      weight(36, 64, 2),
      undefined,
      {
        down: floats([5, 64], 3, 0.1),
        up: floats([36, 5], 4),
        scale: 0.5,
        gradient: { flat, down: 0, up: 320 },
      },
      { add },
    ),
};

const attend = (size: number) => ({
  inputs: [
    [1, 70, 2 * size],
    [1, 37, 2 * size],
    [1, 37, 2 * size],
  ],
  single: true,
  run: ([q, k, v]: Tensor[]) => attention(q, k, v, { heads: 2 }),
});

const OPERATIONS: Operation[] = [
  { name: 'product, residual', ...product },
  { name: 'product, residual, in a GPU’s tile', ...product, nodeOnly: true, within: inTile(6) },
  {
    name: 'product whose k is split',
    inputs: [[1, 18, 1100]],
    run: ([x], { weight }) => linear(x, weight(20, 1100, 2)),
    within: inTile(8),
  },
  {
    name: 'product of a vector a picture, which stays f32',
    inputs: [[2, 9, 16]],
    run: ([x], { weight, floats }) =>
      groupNorm(x, floats([16], 2), floats([16], 3), {
        ...{ groups: 4, eps: 1e-5 },
        shift: linear(floats([2, 24], 4), weight(16, 24, 5)),
      }),
  },
  {
    name: 'convolution, residual',
    inputs: [
      [1, 6, 5, 24],
      [1, 6, 5, 20],
    ],
    run: ([x, add], { kernel }) => conv2d(x, kernel(20, 24, 2), undefined, { add }),
  },
  {
    name: 'convolution of stride 2',
    inputs: [[1, 6, 5, 24]],
    run: ([x], { kernel }) => conv2d(x, kernel(20, 24, 2), undefined, { stride: 2 }),
    within: inTile(6),
  },
  {
    name: 'convolution, doubling',
    inputs: [[1, 3, 4, 24]],
    run: ([x], { kernel, floats }) => conv2d(x, kernel(12, 24, 2), floats([12], 3), { upsample: true }),
  },
  { name: 'LoRA', ...lora },
  { name: 'LoRA in a GPU’s tile', ...lora, nodeOnly: true, within: inTile(6) },
  {
    name: 'LoRA of three layers, attention',
    nodeOnly: true,
    inputs: [[1, 40, 32]],
    tolerance: 5e-3,
    single: true,
    run: ([x], { floats, weight, flat }) => {
      const layers = [0, 1, 2].map((j) => ({
        weight: weight(32, 32, 2 + j),
        lora: {
          ...{ down: floats([4, 32], 5 + j, 0.1), up: floats([32, 4], 8 + j), scale: 1 },
          gradient: { flat, down: 256 * j, up: 256 * j + 128 },
        },
      }));
      const [q, k, v] = loraLinears(x, layers);
      return attention(q, k, v, { heads: 2 });
    },
  },
  { name: 'attention', ...attend(40) },
  { name: 'attention in tiles', ...attend(40), within: (work) => withPlan('tiles', work) },
  { name: 'attention in rows', ...attend(8), within: (work) => withPlan('rows', work) },
  { name: 'attention, heads of no whole vectors', ...attend(6), nodeOnly: true },
  { name: 'layer norm, residual', ...rows },
  { name: 'layer norm, lanes a row', ...rows, within: inLanes(64) },
  {
    name: 'layer norm, a lane a row',
    inputs: [[70, 3, 12]],
    run: ([x], { floats }) => layerNorm(x, floats([12], 2), floats([12], 3), 1e-5),
    within: inLanes(1),
  },
  { name: 'group norm in chunks', ...norms(true, true), within: inGroups(0) },
  { name: 'group norm, whole groups', ...norms(true, true), within: inGroups(1e6) },
  { name: 'group norm, whole groups, plain', ...norms(false, false), within: inGroups(1e6) },
  { name: 'group norm, residual', ...residualGroups(32, 8), within: inGroups(0) },
  { name: 'group norm, whole groups, residual', ...residualGroups(32, 8), within: inGroups(1e6) },
  // Stored as halves, these go in chunks: their sums are added in another order.
  { name: 'group norm, groups of ten', ...residualGroups(40, 4), tolerance: 1e-6, within: inGroups(1e6) },
  { name: 'GEGLU', inputs: [[2, 9, 48]], run: ([x]) => geglu(x) },
  {
    name: 'channels joined',
    inputs: [
      [2, 3, 3, 12],
      [2, 3, 3, 8],
    ],
    run: ([a, b]) => concatChannels(a, b),
  },
  { name: 'another shape', inputs: [[2, 3, 4, 8]], run: ([x]) => reshaped(x, [2, 12, 8]) },
];

const casesOf = (operations: readonly Operation[]): KernelCase[] => [
  ...operations.map((operation) => ({ name: operation.name, run: () => runOperation(operation) })),
  { name: 'what is too large for a half is infinite', run: runInfinity },
];

export const cases = casesOf(OPERATIONS);
/** Of the browsers, whose compilers are slow, fewer. */
export const browserCases = casesOf(OPERATIONS.filter(({ nodeOnly }) => !nodeOnly));

async function runOperation({ inputs, run, tolerance, single, within = (work) => work() }: Operation) {
  const values = inputs.map((shape, i) => halved(sample(sizeOf(shape), 11 + i)));
  const singles = inputs.map((shape, i) => upload(values[i], shape, 'test'));
  const halves = inputs.map((shape, i) => uploadHalves(values[i], shape, 'test'));
  const made: Tensor[] = [...singles, ...halves];
  const kept = (tensor: Tensor) => {
    made.push(tensor);
    return tensor;
  };
  const flat = () => kept(upload(new Float32Array(800), [800], 'test'));
  const others = (to: Tensor): Others => ({
    floats: (shape, seed, scale) => kept(upload(sample(sizeOf(shape), seed, scale), shape, 'test')),
    weight: (out, inn, seed) => ({
      data: kept(
        upload(
          packHalf(sample(out * inn, seed, inn ** -0.5, true), out, inn),
          [out, Math.ceil(inn / 2)],
          'test',
        ),
      ),
      ...{ out, in: inn },
    }),
    kernel: (out, inn, seed) => ({
      data: kept(
        upload(
          packHalfConv(sample(9 * out * inn, seed, (9 * inn) ** -0.5, true), out, inn, 3),
          [out, (9 * inn) / 2],
          'test',
        ),
      ),
      ...{ out, in: inn, kernel: 3 },
    }),
    flat: to,
  });
  // What the operation is given besides lies outside the tape.
  const once = (xs: Tensor[], to: Tensor, walk: typeof gradientsOf, dy: Tensor | undefined) =>
    within(() => {
      const given = others(to);
      const shape = dy?.shape ?? tf.tidy(() => run(xs, given).shape);
      const seed = dy ?? kept(upload(sample(sizeOf(shape), 31), shape, 'test'));
      return tf.tidy(() => ({ ...walk(() => run(xs, given), xs, seed), seed }));
    });
  const engine: typeof gradientsOf = (y, xs, dy) => tf.engine().gradients(y, xs, dy);
  const [singleFlat, halfFlat] = [flat(), flat()];
  const want = once(singles, singleFlat, engine, undefined);
  const got = storingHalves(() => once(halves, halfFlat, gradientsOf, want.seed));
  const results: Comparison[] = [
    {
      what: 'y is stored as halves',
      error: isHalves(got.value) === !single ? 0 : 1,
      tolerance: 0,
    },
    {
      what: 'y',
      error: relativeError(await read(got.value), await read(want.value)),
      tolerance: Math.max(ROUNDED, tolerance ?? 0),
    },
  ];
  for (const [i, grad] of got.grads.entries())
    results.push({
      what: `gradient of input ${i}`,
      error: await apart(grad, want.grads[i], tolerance),
      tolerance: tolerance ?? 0,
    });
  results.push({
    what: 'gradient of the LoRA',
    error: await apart(halfFlat, singleFlat, tolerance),
    tolerance: tolerance ?? 0,
  });
  tf.dispose([made, want.value, ...want.grads, got.value, ...got.grads]);
  return results;
}

/** How many numbers differ; where a tolerance is given, the relative error. */
async function apart(got: Tensor, want: Tensor, tolerance: number | undefined): Promise<number> {
  const [a, b] = [await read(got), await read(want)];
  if (tolerance !== undefined) return relativeError(a, b);
  return a.length === b.length ? a.reduce((sum, v, i) => sum + (v === b[i] ? 0 : 1), 0) : Infinity;
}

/**
 * Loss scaling looks for what was too large for a half: it must not come out finite, and what is not too large must. (SwiftShader
 * makes no number of a negative infinity.)
 */
async function runInfinity(): Promise<Comparison[]> {
  const values = Float32Array.of(...BEYOND, ...BEYOND.map((v) => -v), NaN, 65519, -65519, 65504, 2 ** -24, 1);
  const shape = [1, 3, 4];
  const parts = upload(values, [1, ...shape], 'test');
  const sum = tf.engine().makeTensorFromTensorInfo(storingHalves(() => allocateActivation(shape)));
  addParts(parts, sum, 1, values.length);
  const got = await read(sum);
  tf.dispose([parts, sum]);
  const want = [Infinity, Infinity, Infinity, -Infinity, -Infinity, -Infinity, NaN, 65504, -65504, 65504, 2 ** -24, 1]; // prettier-ignore
  return want.map((v, i) => ({
    what: `${values[i]} as a half, ${got[i]}`,
    error: (Number.isFinite(v) ? got[i] === v : !Number.isFinite(got[i])) ? 0 : 1,
    tolerance: 0,
  }));
}

/** What no half can hold, from the first that rounds to infinity on. */
const BEYOND = [65520, 120000, 3e38];

const sizeOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

const halved = (values: Float32Array) => Float32Array.from(floatsToHalves(values), halfToFloat);

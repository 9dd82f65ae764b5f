/**
 * Group and layer normalisation against float64, at odd sizes and at Stable Diffusion's shapes, scaled down.
 * Tolerance 2e-6 everywhere on every tier: statistics and outputs are f32 on all of them, some ten roundings of 6e-8
 * a value. Where the mean is 1000 deviations, x - mean itself keeps only ten bits fewer: 1e-4.
 */
import * as tf from '@tensorflow/tfjs';
import { upload } from '../program';
import {
  compare,
  sample,
  valueAndGradients,
  type Comparison,
  type KernelCase,
  type Tolerance,
} from '../testing';
import { add, scale } from '../pointwise/pointwise';
import { groupNorm, residualGroupNorm, setWholeUnits, setWorkgroupTarget } from './group_norm';
import { layerNorm, residualLayerNorm, setRowLanes } from './layer_norm';
import {
  groupNormGradientReference,
  groupNormReference,
  pixelSumsReference,
  layerNormGradientReference,
  layerNormReference,
} from './norm.reference';

interface GroupShape {
  shape: number[];
  groups: number;
  silu?: boolean;
  shift?: boolean;
  /** x goes around too, halved, and is added to y. */
  residual?: boolean;
  /** Added to every x, in deviations. */
  mean?: number;
  tolerance?: number;
}

const GROUP_SHAPES: GroupShape[] = [
  { shape: [1, 8, 8, 320], groups: 32, silu: true, shift: true },
  { shape: [2, 7, 5, 64], groups: 32, silu: true, shift: true },
  { shape: [2, 7, 5, 96], groups: 32, silu: true, residual: true },
  { shape: [1, 40, 41, 32], groups: 32 },
  { shape: [2, 23, 19, 32], groups: 4, silu: true, shift: true },
  { shape: [3, 1, 32], groups: 8, shift: true },
  { shape: [2, 13, 30], groups: 6, silu: true, shift: true },
  { shape: [1, 9, 3], groups: 3, residual: true },
  { shape: [2, 25, 320], groups: 2, residual: true },
  { shape: [1, 700, 20], groups: 1, silu: true, residual: true },
  { shape: [1, 1, 36], groups: 2, silu: true },
  { shape: [1, 64, 64, 16], groups: 4, mean: 1000, tolerance: 1e-4 },
  { shape: [1, 16, 16, 64], groups: 32, mean: 1000, silu: true, shift: true, tolerance: 1e-4 },
];

const LAYER_SHAPES: { shape: number[]; residual?: boolean; mean?: number; tolerance?: number }[] = [
  { shape: [2, 65, 8] },
  { shape: [1, 77, 768] },
  { shape: [5, 320] },
  { shape: [2, 3, 30] },
  { shape: [4, 1] },
  { shape: [3, 257], residual: true },
  { shape: [2, 33, 64], residual: true },
  { shape: [7, 64], mean: 1000, tolerance: 1e-4 },
];

export const cases: KernelCase[] = [
  ...[0, Infinity].flatMap((units) =>
    GROUP_SHAPES.map((shape) => ({
      name: `groupNorm ${JSON.stringify(shape)}, ${units ? 'a workgroup a group' : 'in chunks'}`,
      run: () => withSetting(setWholeUnits, units, () => groupNormCase(shape)),
    })),
  ),
  ...[1, 1024].map((workgroups) => ({
    name: `groupNorm aiming at ${workgroups} workgroups`,
    run: () =>
      withSetting(setWholeUnits, 0, () =>
        withSetting(setWorkgroupTarget, workgroups, () =>
          groupNormCase({ shape: [2, 40, 41, 32], groups: 8, silu: true, shift: true }),
        ),
      ),
  })),
  ...([1, 64] as const).flatMap((lanes) =>
    LAYER_SHAPES.map((shape) => ({
      name: `layerNorm ${JSON.stringify(shape)}, ${lanes} lanes a row`,
      run: () => withSetting(setRowLanes, lanes, () => layerNormCase(shape)),
    })),
  ),
];

async function withSetting<T>(
  set: (value: T | undefined) => void,
  value: T,
  run: () => Promise<Comparison[]>,
) {
  set(value);
  try {
    return await run();
  } finally {
    set(undefined);
  }
}

async function groupNormCase({
  shape,
  groups,
  silu = false,
  shift = false,
  residual = false,
  mean = 0,
  tolerance = 2e-6,
}: GroupShape) {
  const batch = shape[0];
  const channels = shape[shape.length - 1];
  const size = shape.reduce((product, n) => product * n, 1);
  const eps = 1e-5;
  const x = sample(size, 1).map((v) => v + mean);
  const gamma = sample(channels, 2).map((v) => v + 1);
  const beta = sample(channels, 3);
  const added = shift ? sample(batch * channels, 4) : new Float32Array(batch * channels);
  const dy = sample(size, 5);
  const problem = {
    batch,
    rows: size / batch / channels,
    channels,
    groups,
    eps,
    silu,
    x,
    gamma,
    beta,
    shift: added,
  };
  const [tx, tg, tb, ts, tdy] = [
    upload(x, shape, 'test'),
    upload(gamma, [channels], 'test'),
    upload(beta, [channels], 'test'),
    upload(added, [batch, channels], 'test'),
    upload(dy, shape, 'test'),
  ];
  const { value, grads } = valueAndGradients(
    () =>
      residual
        ? halfAround(residualGroupNorm(tx, tg, tb, { groups, eps, silu }))
        : groupNorm(tx, tg, tb, { groups, eps, silu, shift: shift ? ts : undefined }),
    shift ? [tx, ts] : [tx],
    tdy,
  );
  const within: Tolerance = { f32: tolerance, f16: tolerance };
  const dx = groupNormGradientReference(problem, dy);
  const results: Comparison[] = [
    await compare('y', value, plusHalf(groupNormReference(problem), x, residual), within),
    await compare('dx', grads[0], plusHalf(dx, dy, residual), within),
  ];
  if (shift) {
    // Of a group the sums cancel: what is left carries the roundings of all.
    const sums = 10 * tolerance;
    results.push(
      await compare('dshift', grads[1], pixelSumsReference(problem, dx), { f32: sums, f16: sums }),
    );
  }
  tf.dispose([tx, tg, tb, ts, tdy, value, grads]);
  return results;
}

/** x / 2 beside the norm, so that the two gradients differ. */
const halfAround = ({ normed, residual }: { normed: tf.Tensor; residual: tf.Tensor }) =>
  add(scale(residual, 0.5), normed);

const plusHalf = (values: Float64Array, more: ArrayLike<number>, residual: boolean) =>
  residual ? values.map((v, i) => v + 0.5 * more[i]) : values;

async function layerNormCase({
  shape,
  residual = false,
  mean = 0,
  tolerance = 2e-6,
}: {
  shape: number[];
  residual?: boolean;
  mean?: number;
  tolerance?: number;
}) {
  const channels = shape[shape.length - 1];
  const size = shape.reduce((product, n) => product * n, 1);
  const eps = 1e-5;
  const x = sample(size, 1).map((v) => v + mean);
  const gamma = sample(channels, 2).map((v) => v + 1);
  const beta = sample(channels, 3);
  const dy = sample(size, 5);
  const [tx, tg, tb, tdy] = [
    upload(x, shape, 'test'),
    upload(gamma, [channels], 'test'),
    upload(beta, [channels], 'test'),
    upload(dy, shape, 'test'),
  ];
  const { value, grads } = valueAndGradients(
    () => (residual ? halfAround(residualLayerNorm(tx, tg, tb, eps)) : layerNorm(tx, tg, tb, eps)),
    [tx],
    tdy,
  );
  const within: Tolerance = { f32: tolerance, f16: tolerance };
  const results: Comparison[] = [
    await compare('y', value, plusHalf(layerNormReference(x, gamma, beta, eps), x, residual), within),
    await compare(
      'dx',
      grads[0],
      plusHalf(layerNormGradientReference(x, gamma, eps, dy), dy, residual),
      within,
    ),
  ];
  tf.dispose([tx, tg, tb, tdy, value, grads]);
  return results;
}

/** Attention against its float64 reference: every shader shape and tile, whichever the adapter would choose itself. */
import * as tf from '@tensorflow/tfjs';
import { gpu } from '../device';
import { read } from '../program';
import {
  compare,
  sample,
  valueAndGradients,
  type Comparison,
  type KernelCase,
  type Tolerance,
} from '../testing';
import { attention, overrideParts, overridePlan } from './attention';
import { attentionGradientReference, attentionReference, type Problem } from './attention.reference';
import { planFor, type Pass, type Plan } from './plan';

/** Reasons in the header of `attention.ts`. */
const TOLERANCE: Tolerance = { f32: 1e-5, f16: 3e-3 };

/** `own`: as the adapter chooses. `tiles`: as a GPU would. `small`: as a GPU of as little workgroup memory as WebGPU allows. `rows`: always. */
type Shape = 'own' | 'tiles' | 'small' | 'rows';

interface Setting {
  batch?: number;
  n: number;
  m?: number;
  size: number;
  heads?: number;
  causal?: boolean;
  scale?: number;
  /** Deviation of q and k: the scores grow with its square. */
  spread?: number;
  /** Deviation of the output's gradient, as after loss scaling. */
  lossScale?: number;
  tolerance?: Tolerance;
  precision?: 'half' | 'single';
  /** Into which the queries are cut for the gradient of the keys. */
  parts?: number;
}

function caseOf(shape: Shape, setting: Setting): KernelCase {
  const {
    batch = 1,
    n,
    m = n,
    size,
    heads = 1,
    causal = false,
    spread = 1,
    lossScale = 1,
    precision,
  } = setting;
  const scale = setting.scale ?? 1 / Math.sqrt(size);
  const options = [
    causal ? ' causal' : '',
    spread !== 1 ? ` spread ${spread}` : '',
    lossScale !== 1 ? ` gradient x${lossScale}` : '',
    precision ? ` ${precision}` : '',
    setting.parts ? ` in ${setting.parts} parts` : '',
  ];
  return {
    name: `attention ${shape}: ${batch}x${n} on ${m}, ${heads} heads of ${size}${options.join('')}`,
    run: async () => {
      const channels = heads * size;
      const problem: Problem = { batch, n, m, channels, heads, causal, scale };
      const q = sample(batch * n * channels, 1, spread);
      const k = sample(batch * m * channels, 2, spread);
      const v = sample(batch * m * channels, 3);
      const dout = sample(batch * n * channels, 4, lossScale);
      const want = attentionReference(q, k, v, problem);
      const { dq, dk, dv } = attentionGradientReference(q, k, v, dout, problem);
      const inputs = [
        tf.tensor3d(q, [batch, n, channels]),
        tf.tensor3d(k, [batch, m, channels]),
        tf.tensor3d(v, [batch, m, channels]),
      ];
      const dy = tf.tensor3d(dout, [batch, n, channels]);
      const tolerance = setting.tolerance ?? TOLERANCE;
      overrideParts(setting.parts);
      const got = withPlan(
        shape,
        () =>
          valueAndGradients(
            () =>
              attention(...(inputs as [tf.Tensor, tf.Tensor, tf.Tensor]), {
                heads,
                causal,
                scale: setting.scale,
                precision,
              }),
            inputs,
            dy,
          ),
        precision === 'single' ? false : undefined,
      );
      const comparisons = [
        await compare('o', got.value, want.o, tolerance),
        await compare('dq', got.grads[0], dq, tolerance),
        await compare('dk', got.grads[1], dk, tolerance),
        await compare('dv', got.grads[2], dv, tolerance),
      ];
      tf.dispose([inputs, dy, got.value, got.grads]);
      return comparisons;
    },
  };
}

export function withPlan<T>(shape: Shape, work: () => T, f16 = gpu().f16): T {
  const { software } = gpu();
  const choose = (pass: Pass, size: number): Plan | undefined => {
    if (shape === 'own') return undefined;
    if (shape === 'rows') return { kind: 'rows', threads: 32, rowsEach: 1, columns: 2 };
    // Heads of up to 16 get no tiles of their own; those of 32 must be right for them all the same.
    return planFor(
      { f16, software, workgroupBytes: shape === 'small' ? 16384 : 32768, invocations: 256 },
      pass,
      Math.max(size, 20),
    );
  };
  overridePlan(choose);
  try {
    return work();
  } finally {
    overridePlan(undefined);
    overrideParts(undefined);
  }
}

/** An infinite operand must not come out finite: loss scaling relies on it. */
function infinityCase(shape: Shape): KernelCase {
  return {
    name: `attention ${shape}: infinity propagates`,
    run: async () => {
      const n = 33;
      const channels = shape === 'rows' ? 8 : 40;
      const make = (seed: number) => tf.tensor3d(sample(n * channels, seed), [1, n, channels]);
      const inputs = [make(1), make(2), make(3)] as const;
      const gradient = sample(n * channels, 4);
      gradient[5 * channels + 7] = Infinity;
      const dy = tf.tensor3d(gradient, [1, n, channels]);
      const got = withPlan(shape, () =>
        valueAndGradients(() => attention(...inputs, { heads: 1 }), [...inputs], dy),
      );
      const comparisons: Comparison[] = [];
      for (const [i, name] of ['dq', 'dk', 'dv'].entries()) {
        const values = await read(got.grads[i]);
        const finite = values.every((x) => Number.isFinite(x));
        comparisons.push({ what: `${name} is finite`, error: finite ? 1 : 0, tolerance: 0 });
      }
      tf.dispose([[...inputs], dy, got.value, got.grads]);
      return comparisons;
    },
  };
}

/** No gradient reaches query and key, not even a rounding error, where there is one key: its softmax is 1. */
function oneKeyCase(shape: Shape): KernelCase {
  return {
    name: `attention ${shape}: one key`,
    run: async () => {
      const [heads, size] = [2, shape === 'rows' ? 8 : 40];
      const make = (rows: number, seed: number) =>
        tf.tensor3d(sample(2 * rows * heads * size, seed), [2, rows, heads * size]);
      const inputs = [make(9, 1), make(1, 2), make(1, 3)] as const;
      const dy = make(9, 4);
      const got = withPlan(shape, () =>
        valueAndGradients(() => attention(...inputs, { heads }), [...inputs], dy),
      );
      const [dq, dk, dv] = await Promise.all(got.grads.map((gradient) => read(gradient)));
      const total = tf.sum(dy, 1);
      const wanted = await read(total);
      const comparisons: Comparison[] = [
        { what: 'dq is zero', error: Math.max(...dq.map(Math.abs)), tolerance: 0 },
        { what: 'dk is zero', error: Math.max(...dk.map(Math.abs)), tolerance: 0 },
        {
          what: 'dv',
          error: Math.max(...dv.map((x, i) => Math.abs(x - wanted[i]))),
          tolerance: gpu().f16 ? 3e-2 : 1e-5,
        },
      ];
      tf.dispose([[...inputs], dy, total, got.value, got.grads]);
      return comparisons;
    },
  };
}

/** Twice the same bits: there are no atomics, and a resumed run must equal the uninterrupted one. */
function repeatCase(shape: Shape): KernelCase {
  return {
    name: `attention ${shape}: repeats to the bit`,
    run: async () => {
      const channels = shape === 'rows' ? 16 : 80;
      const make = (seed: number) => tf.tensor3d(sample(130 * channels, seed), [1, 130, channels]);
      const inputs = [make(1), make(2), make(3)] as const;
      const dy = make(4);
      const once = () =>
        withPlan(shape, () => valueAndGradients(() => attention(...inputs, { heads: 2 }), [...inputs], dy));
      const [first, second] = [once(), once()];
      const comparisons: Comparison[] = [];
      for (const [i, tensor] of [first.value, ...first.grads].entries()) {
        const a = await read(tensor);
        const b = await read([second.value, ...second.grads][i]);
        comparisons.push({
          what: `output ${i}`,
          error: a.reduce((sum, x, j) => sum + (x === b[j] ? 0 : 1), 0),
          tolerance: 0,
        });
      }
      tf.dispose([[...inputs], dy, first.value, first.grads, second.value, second.grads]);
      return comparisons;
    },
  };
}

export const cases: KernelCase[] = [
  // As the adapter chooses: the shapes of SD 1.5 scaled down, and odd ones.
  caseOf('own', { n: 130, size: 40, heads: 8 }),
  caseOf('own', { batch: 2, n: 64, m: 77, size: 80, heads: 2 }),
  caseOf('own', { n: 70, size: 7, heads: 3 }),
  // Tiles: the classes of head size, rows and columns that fill no tile, several tiles, both memory layouts.
  ...[4, 5, 8, 27, 40, 64].map((size) => caseOf('tiles', { batch: 2, n: 77, m: 33, size, heads: 2 })),
  caseOf('tiles', { n: 130, m: 227, size: 40, heads: 8 }),
  caseOf('tiles', { n: 130, m: 130, size: 80, heads: 2 }),
  caseOf('tiles', { n: 70, m: 77, size: 117, heads: 2 }),
  caseOf('tiles', { n: 77, m: 130, size: 160, heads: 2 }),
  caseOf('tiles', { n: 35, m: 70, size: 512 }),
  caseOf('tiles', { n: 77, size: 64, heads: 2, causal: true }),
  caseOf('tiles', { batch: 2, n: 77, size: 8, heads: 8, causal: true }),
  caseOf('tiles', { n: 130, m: 33, size: 40, causal: true }),
  caseOf('tiles', { n: 1, size: 40, heads: 8 }),
  caseOf('tiles', { n: 1, m: 227, size: 5 }),
  caseOf('tiles', { batch: 2, n: 300, m: 33, size: 40, heads: 2, parts: 3 }),
  caseOf('tiles', { n: 130, size: 40, heads: 2, causal: true, parts: 3 }),
  caseOf('small', { n: 77, m: 130, size: 80, heads: 2 }),
  // Rows: vec4 and scalar.
  ...[4, 5, 8].map((size) => caseOf('rows', { batch: 2, n: 77, m: 33, size, heads: 2 })),
  caseOf('rows', { n: 77, size: 8, heads: 2, causal: true }),
  caseOf('rows', { n: 33, m: 130, size: 5, causal: true }),
  caseOf('rows', { n: 1, size: 8, heads: 8 }),
  // Stability: scores of several hundred, where a softmax without its maximum overflows; then gradients as loss
  // scaling makes them. Scores of size s are off by s times the rounding (2^-24, 2^-11), and P with them.
  ...(['tiles', 'rows'] as const).flatMap((shape) => [
    caseOf(shape, {
      n: 77,
      size: shape === 'rows' ? 8 : 40,
      heads: 2,
      spread: 7,
      tolerance: { f32: 2e-5, f16: 0.05 },
    }),
    caseOf(shape, { n: 77, size: shape === 'rows' ? 8 : 40, heads: 2, lossScale: 4096 }),
    caseOf(shape, { n: 77, size: shape === 'rows' ? 8 : 40, scale: 0.5 }),
    infinityCase(shape),
    oneKeyCase(shape),
    repeatCase(shape),
  ]),
  // As SD 2.x asks for: nothing of it in halves, on any tier.
  caseOf('tiles', {
    n: 77,
    size: 40,
    heads: 2,
    spread: 7,
    precision: 'single',
    tolerance: { f32: 2e-5, f16: 2e-5 },
  }),
];

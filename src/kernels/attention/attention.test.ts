import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { finiteDifferences, relativeError, sample } from '../testing';
import { onEveryTier } from '../on_every_tier';
import { attention, AttentionShapeError } from './attention';
import { attentionGradientReference, attentionReference, type Problem } from './attention.reference';
import { cases } from './attention.cases';
import { partsOf, planFor, workgroupBytes, type Pass } from './plan';

onEveryTier(cases);

describe('the reference', () => {
  const problems: Problem[] = [
    { batch: 2, n: 5, m: 7, channels: 12, heads: 2, causal: false, scale: 0.4 },
    { batch: 1, n: 6, m: 6, channels: 5, heads: 1, causal: true, scale: 0.45 },
  ];
  test.each(problems)('has the gradient of its finite differences: $n on $m, causal $causal', (problem) => {
    const { batch, n, m, channels } = problem;
    const x = [n, m, m].map((rows, i) => Float64Array.from(sample(batch * rows * channels, i)));
    const [q, k, v] = x as [Float64Array, Float64Array, Float64Array];
    const dout = sample(q.length, 9);
    const { dq, dk, dv } = attentionGradientReference(q, k, v, dout, problem);
    [dq, dk, dv].forEach((gradient, which) => {
      const loss = (moved: Float64Array) => {
        const [a, b, c] = x.map((kept, i) => (i === which ? moved : kept)) as [
          Float64Array,
          Float64Array,
          Float64Array,
        ];
        return attentionReference(a, b, c, problem).o.reduce((sum, o, i) => sum + o * dout[i], 0);
      };
      const at = Array.from(gradient.keys());
      expect(relativeError(finiteDifferences(loss, x[which] as Float64Array, at), gradient)).toBeLessThan(
        1e-8,
      );
    });
  });

  test('is softmax of the scores: one key gives its value, equal keys their mean', () => {
    const one: Problem = { batch: 1, n: 1, m: 1, channels: 2, heads: 1, causal: false, scale: 1 };
    expect(Array.from(attentionReference([1, 2], [3, 4], [5, 6], one).o)).toEqual([5, 6]);
    const two = { ...one, m: 2 };
    expect(Array.from(attentionReference([1, 2], [0, 0, 0, 0], [5, 6, 7, 10], two).o)).toEqual([6, 8]);
    expect(attentionReference([1, 2], [0, 0, 0, 0], [5, 6, 7, 10], two).lse[0]).toBeCloseTo(Math.log(2), 14);
  });
});

test('plans fit the adapter for every head size', () => {
  const misfits: unknown[] = [];
  for (const f16 of [true, false]) {
    for (const software of [true, false]) {
      for (const [bytes, invocations] of [
        [16384, 128],
        [16384, 256],
        [32768, 256],
        [65536, 1024],
      ] as const) {
        for (let size = 1; size <= 512; size++) {
          for (const pass of ['forward', 'queries', 'keys'] as Pass[]) {
            const plan = planFor({ f16, software, workgroupBytes: bytes, invocations }, pass, size);
            // Rows of many channels spill registers on a GPU: only heads too small for tiles get them.
            const fits =
              plan.kind === 'rows'
                ? size <= 16
                : size > 16 &&
                  workgroupBytes(plan, pass, f16) <= bytes &&
                  plan.tx * plan.ty <= invocations &&
                  plan.ty >= 4 &&
                  4 * plan.tx * plan.chunks * plan.perChunk >= size;
            if (!fits) misfits.push({ f16, software, bytes, invocations, pass, size, plan });
          }
        }
      }
    }
  }
  expect(misfits).toEqual([]);
  const desktop = { f16: true, software: false, workgroupBytes: 32768, invocations: 256 };
  expect(() => planFor(desktop, 'forward', 513)).toThrow(RangeError);
});

test('parts are whole blocks of columns, at least two, and cover them all', () => {
  const plan = {
    kind: 'tiles',
    tx: 10,
    ty: 8,
    rowsEach: 4,
    chunks: 1,
    perChunk: 1,
    wide: 'none',
    rolled: false,
  } as const;
  expect(partsOf(plan, 4096, 10)).toEqual({ parts: 10, span: 440 });
  expect(partsOf(plan, 300, 3)).toEqual({ parts: 3, span: 120 });
  expect(partsOf(plan, 77, 10)).toEqual({ parts: 1, span: 80 });
  for (let columns = 1; columns < 700; columns += 13) {
    for (const wanted of [1, 2, 5, 100]) {
      const { parts, span } = partsOf(plan, columns, wanted);
      expect(parts).toBeLessThanOrEqual(wanted);
      expect((parts - 1) * span).toBeLessThan(columns);
      expect(parts * span).toBeGreaterThanOrEqual(columns);
    }
  }
  const rows = { kind: 'rows', threads: 32, rowsEach: 1, columns: 4 } as const;
  expect(partsOf(rows, 4096, 10)).toEqual({ parts: 1, span: 4096 });
});

test('shapes that do not fit are refused by name', async () => {
  await tf.setBackend('cpu');
  const [a, b, c] = [tf.zeros([1, 3, 8]), tf.zeros([1, 4, 8]), tf.zeros([1, 4, 6])];
  expect(() => attention(a, b, c, { heads: 2 })).toThrow(AttentionShapeError);
  expect(() => attention(a, c, c, { heads: 2 })).toThrow(/Batch and channels/);
  expect(() => attention(a, b, b, { heads: 3 })).toThrow(/heads must divide/);
  expect(() => attention(tf.zeros([3, 8]), b, b, { heads: 2 })).toThrow(/\[B, N, C\]/);
});

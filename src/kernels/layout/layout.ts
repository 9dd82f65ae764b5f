/**
 * Operations that only move values: joining channels, choosing rows. Exact, f32.
 *
 *   concatChannels      y = [a | b] along the last extent                dx: the two slices of dy
 *   gatherRows          y[s] = x[rows[s]]                                dx[r]: the sum of dy[s] where rows[s] = r
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { defineKernel, sameAs } from '../kernel';
import { elementwise, requireSameShape, ShapeError, type Elementwise } from '../pointwise/elementwise';

/** a [..., Ca], b [..., Cb] -> [..., Ca + Cb]. */
export function concatChannels(a: Tensor, b: Tensor): Tensor {
  requireSameShape('concatChannels (all but the last extent)', a.shape.slice(0, -1), b.shape.slice(0, -1));
  return concatKernel({ a, b }, { ca: lastOf(a), cb: lastOf(b) })[0];
}

/** The same values in another shape, on the same buffer. */
export function reshaped(x: Tensor, shape: readonly number[]): Tensor {
  return reshapedKernel({ x }, { shape, from: x.shape })[0];
}

/**
 * x [R, C], rows [S] int32 -> [S, C]. Every row number must be in 0 ... R-1: they are on the GPU, so nothing can
 * throw; a wrong one yields NaN. The gradient costs R S C steps, so this is for token lists, not for images.
 */
export function gatherRows(x: Tensor, rows: Tensor): Tensor {
  if (x.rank !== 2 || rows.rank !== 1 || rows.dtype !== 'int32') {
    throw new ShapeError(
      `gatherRows: x must be [R, C] and rows int32 [S], not [${x.shape}] and ${rows.dtype} [${rows.shape}].`,
    );
  }
  return gatherKernel({ x, rows }, { sourceRows: x.shape[0] })[0];
}

/**
 * Row numbers for `gatherRows` that turn a long prompt's chunks into one token list, as kohya does: the first chunk's
 * BOS, 75 tokens of every chunk, the last chunk's EOS. For x [batch chunks 77, C], the chunks of a caption in a row.
 */
export function promptRows(batch: number, chunks: number, chunkLength = 77): Int32Array {
  const rows: number[] = [];
  for (let b = 0; b < batch; b++) {
    const start = b * chunks * chunkLength;
    rows.push(start);
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (let token = 1; token < chunkLength - 1; token++) rows.push(start + chunk * chunkLength + token);
    }
    rows.push(start + chunks * chunkLength - 1);
  }
  return Int32Array.from(rows);
}

// ---------------------------------------------------------------------------------------------------------------

const CONCAT: Elementwise = {
  name: 'concatChannels',
  inputs: ['a', 'b'],
  value: `
    let row = i / (p.ca + p.cb);
    let c = i % (p.ca + p.cb);
    if (c < p.ca) { return read_a(row * p.ca + c); }
    return read_b(row * p.cb + c - p.ca);`,
  activation: true,
  params: { ca: 'u32', cb: 'u32' },
};

const SLICE: Elementwise = {
  name: 'sliceChannels',
  inputs: ['x'],
  value: 'x[i / p.columns * p.stride + p.start + i % p.columns]',
  params: { columns: 'u32', stride: 'u32', start: 'u32' },
};

const concatKernel = defineKernel<{ ca: number; cb: number }>({
  name: 'lora:concatChannels',
  forward: ({ a, b }, { ca, cb }) => {
    const shape = [...a.shape.slice(0, -1), ca + cb];
    // Both extents must be multiples of four for the vector form.
    const unit = ca % 4 === 0 ? cb : ca;
    return elementwise(CONCAT, [a, b], shape, (width) => ({ ca: ca / width, cb: cb / width }), unit);
  },
  gradient: {
    backward: ([dy], _, { ca, cb }) => ({
      a: () => sliceChannels(dy, 0, ca),
      b: () => sliceChannels(dy, ca, cb),
    }),
  },
});

/** `columns` channels of x [..., C] from `start` on. */
function sliceChannels(x: Tensor, start: number, columns: number): Tensor {
  const stride = lastOf(x);
  const unit = [start, columns, stride].find((n) => n % 4) ?? 4;
  const params = (width: number) => ({
    columns: columns / width,
    stride: stride / width,
    start: start / width,
  });
  return owned(elementwise(SLICE, [x], [...x.shape.slice(0, -1), columns], params, unit));
}

const GATHER: Elementwise = {
  name: 'gatherRows',
  inputs: ['x', 'rows: i32'],
  value: `
    let row = u32(rows[i / p.columns]);
    if (row >= p.sourceRows) { return T(bitcast<f32>(p.nan)); }
    return x[row * p.columns + i % p.columns];`,
  params: { columns: 'u32', sourceRows: 'u32', nan: 'u32' },
};

const GATHER_GRADIENT: Elementwise = {
  name: 'gatherRowsGradient',
  inputs: ['dy', 'rows: i32'],
  value: `
    let row = i32(i / p.columns);
    let c = i % p.columns;
    var sum = T(0.0);
    for (var s = 0u; s < p.selected; s++) {
      if (rows[s] == row) { sum += dy[s * p.columns + c]; }
    }
    return sum;`,
  params: { columns: 'u32', selected: 'u32' },
};

const gatherKernel = defineKernel<{ sourceRows: number }>({
  name: 'lora:gatherRows',
  forward: ({ x, rows }, { sourceRows }) => {
    const columns = lastOf(x);
    const params = (width: number) => ({ columns: columns / width, sourceRows, nan: 0x7fc00000 });
    return elementwise(GATHER, [x, rows], [rows.shape[0], columns], params, columns);
  },
  gradient: {
    saveInputs: ['rows'],
    backward: ([dy], [rows], { sourceRows }) => ({
      x: () => {
        const [selected, columns] = dy.shape as [number, number];
        const params = (width: number) => ({ columns: columns / width, selected });
        return owned(elementwise(GATHER_GRADIENT, [dy, rows], [sourceRows, columns], params, columns));
      },
    }),
  },
});

const reshapedKernel = defineKernel<{ shape: readonly number[]; from: readonly number[] }>({
  name: 'lora:reshaped',
  forward: ({ x }, { shape }) => ({ ...sameAs(x), shape: [...shape] }),
  gradient: { backward: ([dy], _, { from }) => ({ x: () => tf.reshape(dy, [...from]) }) },
});

function lastOf(x: TensorInfo): number {
  return x.shape[x.shape.length - 1];
}

function owned(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

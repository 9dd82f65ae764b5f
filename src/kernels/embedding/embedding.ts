/**
 * Numbers that become vectors: token ids (a table look-up) and timesteps (sinusoids, Vaswani et al. 2017, in the
 * order diffusers uses with flip_sin_to_cos and no frequency shift). No gradients: both are inputs of frozen layers.
 *
 *   embed               y[b, n] = table[ids[b, n]]
 *   timestepEmbedding   y[b] = [cos(t w_0), ..., cos(t w_h-1), sin(t w_0), ..., sin(t w_h-1)],  w_i = 10000^(-i / h)
 *
 * Tolerance: the look-up is exact; sinusoids are within 3e-7. f32 sin and cos of arguments up to 999 would not be
 * (WGSL promises 2^-11, and only within pi): frequencies are kept in turns, in two parts of which the first times t
 * is exact, so that whole turns are dropped without error; what is left goes through a polynomial of our own.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { elementwise, ShapeError, type Elementwise } from '../pointwise/elementwise';

/**
 * ids [B, N] int32, table int32 [V, ceil(C / 2)] of packed halves -> [B, N, C]. Ids must be below V: they are on the
 * GPU, so nothing can throw; a wrong one yields NaN.
 */
export function embed(ids: Tensor, table: Tensor, channels: number): Tensor {
  const [vocabulary, words] = table.shape as [number, number];
  if (ids.dtype !== 'int32' || table.dtype !== 'int32' || words !== Math.ceil(channels / 2)) {
    throw new ShapeError(
      `embed: ids must be int32 and the table int32 [V, ${Math.ceil(channels / 2)}] for ${channels} channels, ` +
        `not ${ids.dtype} and ${table.dtype} [${table.shape}].`,
    );
  }
  const params = (width: number) => ({ columns: channels / width, words, vocabulary, nan: 0x7fc00000 });
  return owned(elementwise(EMBED, [ids, table], [...ids.shape, channels], params, channels));
}

/**
 * t [B] f32, whole numbers of 0 ... 1023; `frequencies` as `timestepFrequencies(dim)` gives them, uploaded as [dim] by
 * the model that uses them -> [B, dim].
 */
export function timestepEmbedding(t: Tensor, frequencies: Tensor): Tensor {
  const dim = frequencies.size;
  return owned(elementwise(TIMESTEP, [t, frequencies], [t.size, dim], () => ({ half: dim / 2 }), 1));
}

/** The frequencies of a [B, dim] timestep embedding in turns, each as a part of 13 bits and the rest: [dim]. */
export function timestepFrequencies(dim: number, maxPeriod = 10000): Float32Array {
  if (dim % 2)
    throw new ShapeError(`timestepFrequencies: ${dim} is odd; cosines and sines come in equal numbers.`);
  const half = dim / 2;
  const parts = new Float32Array(dim);
  for (let i = 0; i < half; i++) {
    const turns = maxPeriod ** (-i / half) / (2 * Math.PI);
    const unit = 2 ** (Math.floor(Math.log2(turns)) - 12);
    const coarse = Math.round(turns / unit) * unit;
    parts[2 * i] = coarse;
    parts[2 * i + 1] = turns - coarse;
  }
  return parts;
}

// ---------------------------------------------------------------------------------------------------------------

const EMBED: Elementwise = {
  name: 'embed',
  inputs: ['ids: i32', 'table: u32'],
  value: (width) => `
    let id = u32(ids[i / p.columns]);
    if (id >= p.vocabulary) { return T(bitcast<f32>(p.nan)); }
    let c = i % p.columns;
    ${
      width === 4
        ? `let at = id * p.words + 2u * c;
    return vec4<f32>(unpack2x16float(table[at]), unpack2x16float(table[at + 1u]));`
        : `let pair = unpack2x16float(table[id * p.words + c / 2u]);
    if (c % 2u == 0u) { return pair.x; }
    return pair.y;`
    }`,
  params: { columns: 'u32', words: 'u32', vocabulary: 'u32', nan: 'u32' },
};

/** r is what remains of t w in turns; q quarter turns are taken out of it, and the rest is within pi / 4. */
const TIMESTEP: Elementwise = {
  name: 'timestepEmbedding',
  inputs: ['t', 'frequencies'],
  value: `
    let column = i % (2u * p.half);
    let k = column % p.half;
    let time = t[i / (2u * p.half)];
    let turns = time * frequencies[2u * k];
    let r = (turns - round(turns)) + time * frequencies[2u * k + 1u];
    let q = round(4.0 * r);
    let a = 6.28318531 * (r - 0.25 * q);
    let u = a * a;
    let sine = a * (1.0 + u * (-0.166666667 + u * (0.00833333333 + u * (-0.000198412698 + u * 2.75573192e-6))));
    let cosine = 1.0 + u * (-0.5 + u * (0.0416666667 + u * (-0.00138888889 + u * 2.48015873e-5)));
    // sin(x) = cos(x - a quarter): a sine is a cosine three quarters on.
    let turn = (i32(q) + select(0, 3, column >= p.half)) & 3;
    let value = select(cosine, sine, (turn & 1) == 1);
    return select(value, -value, turn == 1 || turn == 2);`,
  params: { half: 'u32' },
};

function owned(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

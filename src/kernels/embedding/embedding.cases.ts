/** Look-ups are exact; sinusoids within 3e-7 of float64, absolute: three or four f32 roundings near one. */
import * as tf from '@tensorflow/tfjs';
import { read, upload } from '../program';
import { compare, type Comparison, type KernelCase } from '../testing';
import { embed, timestepEmbedding, timestepFrequencies } from './embedding';
import { embedReference, timestepReference } from './embedding.reference';

export const cases: KernelCase[] = [
  ...[8, 6, 5, 1].map((channels) => ({
    name: `embed, ${channels} channels`,
    run: () => embedCase(channels),
  })),
  { name: 'embed, ids out of range', run: embedOutside },
  ...[320, 2, 30].map((dim) => ({ name: `timestepEmbedding, dim ${dim}`, run: () => timestepCase(dim) })),
];

async function embedCase(channels: number): Promise<Comparison[]> {
  const words = Math.ceil(channels / 2);
  const ids = Int32Array.from([0, 10, 3, 3, 7, 1]);
  const [ti, tt] = [upload(ids, [2, 3], 'test'), upload(tableOf(11 * words), [11, words], 'test')];
  const y = embed(ti, tt, channels);
  const results = [
    await compare('y', y, embedReference(ids, tableOf(11 * words), channels), { f32: 0, f16: 0 }),
  ];
  results.push({ what: 'rank of y other than 3', error: Math.abs(y.rank - 3), tolerance: 0 });
  tf.dispose([ti, tt, y]);
  return results;
}

async function embedOutside(): Promise<Comparison[]> {
  const [ti, tt] = [
    upload(Int32Array.from([-1, 11, 4]), [1, 3], 'test'),
    upload(tableOf(44), [11, 4], 'test'),
  ];
  const y = embed(ti, tt, 8);
  const got = await read(y);
  tf.dispose([ti, tt, y]);
  const wrong = got.reduce((n, v, i) => n + (Number.isNaN(v) === i < 16 ? 0 : 1), 0);
  return [{ what: 'values not NaN outside, or NaN inside', error: wrong, tolerance: 0 }];
}

async function timestepCase(dim: number): Promise<Comparison[]> {
  const t = Float32Array.from([0, 1, 17, 500, 871, 999]);
  const [tt, tf_] = [upload(t, [t.length], 'test'), upload(timestepFrequencies(dim), [dim], 'test')];
  const y = timestepEmbedding(tt, tf_);
  const got = await read(y);
  tf.dispose([tt, tf_, y]);
  const want = timestepReference(t, dim);
  const error = want.reduce((worst, v, i) => Math.max(worst, Math.abs(v - got[i])), 0);
  return [
    { what: 'worst absolute error', error: got.length === want.length ? error : Infinity, tolerance: 3e-7 },
  ];
}

/** Finite halves of all magnitudes, subnormals excepted (an adapter may flush them). */
function tableOf(words: number): Int32Array {
  const half = (k: number) => ((k * 40503) & 0x8000) | ((((k * 7) % 29) + 1) << 10) | ((k * 977) & 1023);
  return Int32Array.from({ length: words }, (_, i) => half(2 * i) | (half(2 * i + 1) << 16));
}

/**
 * Cases of LoRA's thin products: one to three modules of different ranks, dropout, sizes that fill no tile, k in parts, and
 * gradients added to what is there already, beside what is not theirs. In tiles of a GPU, where modules go together, and in
 * the adapter's own.
 */
import * as tf from '@tensorflow/tfjs';
import { linearGradientReference, linearReference } from '../linear/linear.reference';
import { dropoutMask } from '../lora/lora.reference';
import { upload } from '../program';
import { compare, sample, type Comparison, type KernelCase, type Tolerance } from '../testing';
import { thinDown, thinGradients, thinUp, type ThinCall } from './thin';
import { GPU_TILES, tileName, type Tile } from './tile';

const FLOATS: Tolerance = { f32: 1e-5, f16: 1e-5 };

interface Shape {
  ranks: readonly number[];
  rows: number;
  in: number;
  out: number;
  rate?: number;
  tile?: Tile;
  /** The last module's gradients lie in a tensor of their own. */
  apart?: boolean;
}

const [small, narrow, flat, dot] = GPU_TILES.slice(-4);

const named = (shapes: readonly Shape[]): KernelCase[] =>
  shapes.map((shape) => ({
    name: `thin [${shape.rows}, ${shape.in}] -> ${shape.out}, ranks ${shape.ranks.join(' ')}${shape.rate ? `, dropout ${shape.rate}` : ''}${shape.apart ? ', apart' : ''}${shape.tile ? `, ${tileName(shape.tile)}` : ''}`,
    run: () => runCase(shape),
  }));

// Mostly in the tile that a CPU's compiler is quickest with.
export const cases = named([
  { ranks: [8], rows: 70, in: 64, out: 96 },
  { ranks: [5, 3, 8], rows: 33, in: 34, out: 70, rate: 0.4 },
  { ranks: [8, 4, 12], rows: 70, in: 64, out: 96, rate: 0.3, tile: small },
  { ranks: [5, 3, 8], rows: 77, in: 35, out: 70, rate: 0.4, tile: small },
  { ranks: [8, 8], rows: 1100, in: 64, out: 1100, tile: small },
  { ranks: [128, 20], rows: 45, in: 72, out: 40, tile: small, apart: true },
  { ranks: [6], rows: 300, in: 2060, out: 2060, tile: narrow },
]);

/** In Node on one tier, and where compiling is quick. */
export const slicedCases = named([
  { ranks: [8, 8, 8], rows: 2100, in: 64, out: 64, tile: dot },
  { ranks: [16, 8, 8], rows: 130, in: 36, out: 68, tile: flat, apart: true },
]);

async function runCase({ ranks, rows, in: inn, out, rate = 0, tile, apart }: Shape): Promise<Comparison[]> {
  const all = ranks.reduce((sum, rank) => sum + rank, 0);
  const seed = 4711;
  const made: tf.Tensor[] = [];
  const floats = (values: ArrayLike<number>, dims: number[]) => {
    const tensor = upload(Float32Array.from(values), dims, 'test');
    made.push(tensor);
    return tensor;
  };
  const xs = sample(rows * inn, 1);
  const hs = sample(rows * all, 2);
  const dhs = sample(rows * all, 3);
  const layers = ranks.map((rank, j) => ({
    ...{ rank, scale: 0.5 + j, stream: 3 * j + 1 },
    at: ranks.slice(0, j).reduce((sum, before) => sum + before, 0),
    down: sample(rank * inn, 10 + j, inn ** -0.5),
    up: sample(out * rank, 20 + j, out ** -0.5),
    dy: sample(rows * out, 30 + j),
    mask: rate ? dropoutMask(rows * rank, rate, seed, 3 * j + 1) : new Float64Array(rows * rank).fill(1),
  }));
  /** A layer's columns of what all share. */
  const columns = (values: ArrayLike<number>, { rank, at }: { rank: number; at: number }) =>
    Float64Array.from(
      { length: rows * rank },
      (_, i) => values[Math.floor(i / rank) * all + at + (i % rank)],
    );
  const joined = (of: (layer: (typeof layers)[number]) => Float64Array) => {
    const whole = new Float64Array(rows * all);
    for (const layer of layers) {
      of(layer).forEach((v, i) => {
        whole[Math.floor(i / layer.rank) * all + layer.at + (i % layer.rank)] = v;
      });
    }
    return whole;
  };

  // Gradients in reverse order, with gaps between them.
  const length = (all + 7) * (inn + out) + 100;
  const [before, other] = [sample(length, 5), sample(length, 6)];
  const wants = [Float64Array.from(before), Float64Array.from(other)];
  const flats = [floats(before, [length]), floats(other, [length])];
  let next = 3;
  const places = [...layers].reverse().map(({ rank }) => {
    const place = { down: next + rank * out + 1, up: next };
    next += rank * (inn + out) + 5;
    return place;
  });
  const placed = layers.map((layer, j) => {
    const own = apart && j === layers.length - 1 ? 1 : 0;
    const place = places[layers.length - 1 - j];
    const [h, dh] = [columns(hs, layer), columns(dhs, layer)];
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < layer.rank; r++) {
        for (let k = 0; k < inn; k++)
          wants[own][place.down + r * inn + k] += dh[i * layer.rank + r] * xs[i * inn + k];
        for (let o = 0; o < out; o++)
          wants[own][place.up + o * layer.rank + r] +=
            layer.scale * layer.dy[i * out + o] * h[i * layer.rank + r];
      }
    }
    return { flat: flats[own], ...place };
  });

  const seeds = upload(Int32Array.of(seed), [1], 'test');
  made.push(seeds);
  const call: ThinCall = {
    modules: layers.map(({ rank, scale, stream, down, up }) => ({
      ...{ rank, scale, stream, down: floats(down, [rank, inn]), up: floats(up, [out, rank]) },
    })),
    ...{ rows, in: inn, out, dropout: rate ? { rate, seed: seeds } : undefined, ...(tile ? { tile } : {}) },
  };
  const [x, h, dh] = [floats(xs, [rows, inn]), floats(hs, [rows, all]), floats(dhs, [rows, all])];
  const dys = layers.map(({ dy }) => floats(dy, [rows, out]));
  const [gotH, gotDh] = [thinDown(call, x), thinUp(call, dys)];
  thinGradients(call, { x, dh, dys, h }, placed);
  const results = [
    await compare(
      'h',
      gotH,
      joined(({ rank, down, mask }) =>
        linearReference(xs, down, undefined, rows, rank, inn).map((v, i) => v * mask[i]),
      ),
      FLOATS,
    ),
    await compare(
      'dh',
      gotDh,
      joined(({ rank, up, dy, mask, scale }) =>
        linearGradientReference(dy, up, rows, out, rank).map((v, i) => v * scale * mask[i]),
      ),
      FLOATS,
    ),
    await compare('gradients', flats[0], wants[0], FLOATS),
    await compare('gradients of the last', flats[1], wants[1], apart ? FLOATS : { f32: 0, f16: 0 }),
  ];
  for (const { dataId } of [gotH, gotDh]) tf.backend().disposeData(dataId);
  tf.dispose(made);
  return results;
}

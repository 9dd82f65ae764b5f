/**
 * Measuring the matrix product: one shape, one tile, GFLOP/s. What a bench tool or a tuner calls; nothing here runs
 * in training.
 */
import * as tf from '@tensorflow/tfjs';
import { gpu } from '../device';
import { weightShape, wordsAlong, type Storage } from '../frozen/frozen';
import { flush, reserve, upload } from '../program';
import { gemm, type Gemm } from './gemm';
import { thinDown, thinGradients } from './thin';
import { fits, GPU_TILES, SOFTWARE_TILES, type Tile } from './tile';

export interface BenchOptions {
  M: number;
  N: number;
  /** Of one tap for the convolutions, whose M must be a square image's pixels. */
  K: number;
  kind: 'linear' | 'linearGradient' | 'lora' | 'conv' | 'convGradient' | 'down' | 'gradients';
  tile?: Tile;
  /** Of the frozen weight, where there is one: its inputs are whole blocks if it is quantized. Halves if left out. */
  storage?: Storage;
  /** LoRA rank, for `lora`; of `down` it is N, of `gradients` M, whose N are both the layer's dimensions, of N / 2 each. */
  rank?: number;
  /** Keeps running at least so long. */
  minMs?: number;
}

/** Tiles that the open adapter can run, for a tuner to try. */
export function candidateTiles(): Tile[] {
  return [...(gpu().software ? SOFTWARE_TILES : []), ...GPU_TILES].filter((tile) => fits(tile));
}

/** The first run compiles and is not counted. Zeros as data: what is timed does not depend on values. */
export async function benchGemm(
  options: BenchOptions,
): Promise<{ gflops: number; msEach: number; firstMs: number }> {
  const { M, N, K, kind, rank = 8, minMs = 300, storage = 'half' } = options;
  const owned: tf.Tensor[] = [];
  const floats = (...shape: number[]) => {
    const tensor = upload(new Float32Array(shape.reduce((n, d) => n * d, 1)), shape, 'bench');
    owned.push(tensor);
    return tensor;
  };
  /** WebGPU's buffers begin as zeros. */
  const frozen = (out: number, taps: 1 | 9, inputs: number) => {
    const b = reserve(weightShape(storage, out, taps, inputs), 'int32', 'bench');
    owned.push(b);
    const tapWords = wordsAlong(storage, inputs);
    return { b, taps, tapWords, rowWords: taps * tapWords };
  };
  const side = Math.sqrt(M);
  const window = { H: side, W: side, oh: side, ow: side, stride: 1, padTop: 1, padLeft: 1 };
  const common = { M, N, K, shape: [M, N], tile: options.tile, half: true } as const;
  const packedNT = (taps: 1 | 9) => ({ ...frozen(N, taps, K), bKind: `${storage}NT` }) as const;
  const packedNN = (taps: 1 | 9) => ({ ...frozen(K, taps, N), bKind: `${storage}NN` }) as const;
  const product = (call: Omit<Gemm, keyof typeof common>) => () =>
    tf.backend().disposeData(gemm({ ...common, ...call }).dataId);
  const rows = () => ({ a: floats(M, K), aKind: 'rows' }) as const;
  const thin = (of: { rank: number; rows: number; in: number; out: number }) => ({
    modules: [
      { down: floats(of.rank, of.in), up: floats(of.out, of.rank), rank: of.rank, scale: 1, stream: 0 },
    ],
    ...{ rows: of.rows, in: of.in, out: of.out },
    ...(options.tile ? { tile: options.tile } : {}),
  });
  const works: Record<BenchOptions['kind'], () => () => void> = {
    linear: () => product({ ...rows(), ...packedNT(1), bias: floats(N) }),
    linearGradient: () => product({ ...rows(), ...packedNN(1) }),
    lora: () => {
      const lowRank = { kind: 'NT', h: floats(M, rank), factor: floats(N, rank), rank, scale: 1 } as const;
      return product({ ...rows(), ...packedNT(1), lowRank });
    },
    conv: () => product({ a: floats(M, K), aKind: 'conv', window, ...packedNT(9), bias: floats(N) }),
    convGradient: () => product({ a: floats(M, K), aKind: 'convT', window, ...packedNN(9) }),
    down: () => {
      const [call, x] = [thin({ rank: N, rows: M, in: K, out: 1 }), floats(M, K)];
      return () => tf.backend().disposeData(thinDown(call, x).dataId);
    },
    gradients: () => {
      const width = N / 2;
      const call = thin({ rank: M, rows: K, in: width, out: width });
      const [x, dy, dh, h] = [floats(K, width), floats(K, width), floats(K, M), floats(K, M)];
      const places = [{ flat: floats(M * N), down: 0, up: M * width }];
      return () => thinGradients(call, { x, dh, dys: [dy], h }, places);
    },
  };
  const work = works[kind]();
  const run = async (times: number) => {
    const started = performance.now();
    for (let i = 0; i < times; i++) work();
    flush();
    await gpu().device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  };
  const firstMs = await run(1);
  const once = await run(1);
  const times = Math.min(200, Math.max(3, Math.ceil(minMs / Math.max(once, 0.01))));
  const msEach = (await run(times)) / times;
  tf.dispose(owned);
  const taps = kind.startsWith('conv') ? 9 : 1;
  const flops = 2 * M * N * (K * taps + (kind === 'lora' ? rank : 0));
  return { gflops: flops / msEach / 1e6, msEach, firstMs };
}

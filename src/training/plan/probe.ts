/**
 * What this GPU is and how fast: adapter facts, tier, and the matrix product of our linear layers, measured for at most
 * three seconds. Opens the GPU for questions too (estimates), where no run has opened it.
 */
import * as tf from '@tensorflow/tfjs';
import { gpu, openDevice, openGpu } from '../../kernels/device';
import type { FrozenWeight } from '../../kernels/frozen/frozen';
import { linear } from '../../kernels/linear/linear';
import { settled, trim, upload } from '../../kernels/program';
import type { Probe } from '../../protocol/trainer';
import { tuneIfKnown, type TuningCache } from './tuning';

/** Devices that are gone, whoever opened them: asking one would give silence. */
const gone = new WeakSet<GPUDevice>();

/** Opens the best tier, unless a device is there already. A run opens its own, and closes it when it ends. */
export async function openForQuestions(tunings?: TuningCache): Promise<void> {
  const current = openGpu();
  if (current && !gone.has(current.device)) return;
  const { device } = await openDevice();
  await tuneIfKnown(tunings);
  void device.lost.then(() => gone.add(device));
}

/** Throws `GpuUnavailableError` where there is no GPU to ask. */
export async function probe(): Promise<Probe> {
  await openForQuestions();
  const { adapter, tier, software, device, errors } = gpu();
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const measured = await sustained(software ? SMALL : LARGE);
  if (errors.length) throw new Error(`The GPU reported: ${errors[0]}`);
  return {
    adapter: adapter.description || adapter.device || `${adapter.vendor} ${adapter.architecture}`.trim(),
    vendor: adapter.vendor,
    tier,
    software,
    limits: { maxBufferSize, maxStorageBufferBindingSize },
    ...measured,
  };
}

interface Product {
  rows: number;
  in: number;
  out: number;
}

/** The feed-forward layers of SD 1.5's three levels at 512 px, 6.7 GFLOP each; on a CPU, of 128 px. */
const LARGE: readonly Product[] = [
  { rows: 4096, in: 320, out: 2560 },
  { rows: 1024, in: 640, out: 5120 },
  { rows: 256, in: 1280, out: 10240 },
];
const SMALL = LARGE.map((product) => ({ ...product, rows: product.rows / 16 }));

/** All told; a batch that has begun is finished, and lasts a fifth of a second or one round of products. */
const LIMIT_MS = 2500;
const BATCH_MS = 200;

/** Batches without waiting in between, until the time is up; the mean of the later half, when clocks have settled. */
async function sustained(products: readonly Product[]): Promise<{ gflops: number; seconds: number }> {
  const started = performance.now();
  const layers = products.map((product) => ({ ...product, ...operands(product) }));
  const round = () =>
    tf.tidy(() => {
      for (const { x, weight } of layers) linear(x, weight);
    });
  const timed = async (rounds: number): Promise<number> => {
    const from = performance.now();
    for (let i = 0; i < rounds; i++) round();
    await settled();
    return (performance.now() - from) / rounds;
  };
  const batches: number[] = [];
  try {
    await timed(1); // Compiles.
    let ms = await timed(1);
    do {
      ms = await timed(Math.max(1, Math.min(200, Math.round(BATCH_MS / Math.max(ms, 0.1)))));
      batches.push(ms);
    } while (performance.now() - started + Math.max(ms, BATCH_MS) < LIMIT_MS);
  } finally {
    for (const { x, weight } of layers) tf.dispose([x, weight.data]);
    trim();
  }
  const settledBatches = batches.slice(Math.floor(batches.length / 2));
  const mean = settledBatches.reduce((sum, ms) => sum + ms, 0) / settledBatches.length;
  const flops = products.reduce((sum, product) => sum + 2 * product.rows * product.in * product.out, 0);
  return { gflops: flops / mean / 1e6, seconds: (performance.now() - started) / 1000 };
}

function operands({ rows, in: inputs, out }: Product): { x: tf.Tensor; weight: FrozenWeight } {
  const ones = new Float32Array(rows * inputs).fill(1);
  const words = new Int32Array((out * inputs) / 2).fill(HALVES);
  return {
    x: upload(ones, [rows, inputs], 'probe'),
    weight: { data: upload(words, [out, inputs / 2], 'probe'), out, in: inputs },
  };
}

/** Two halves of 0.01. */
const HALVES = 0x211f211f;

/** Matrix products of the training step: every tile that a GPU may get, in both arithmetics, beside the tile it gets. */
import { gpu } from '../../src/kernels/device';
import { benchGemm, candidateTiles, type BenchOptions } from '../../src/kernels/gemm/bench_gemm';
import { cutFor } from '../../src/kernels/gemm/cut';
import { setHalfMath, slicesOf, tileName, type HalfMath, type Tile } from '../../src/kernels/gemm/tile';
import type { CheckPlan } from './options';
import type { Parts } from './parts';
import { ARITHMETIC } from './steps';

export interface ProductTimes {
  name: string;
  kind: BenchOptions['kind'];
  M: number;
  N: number;
  K: number;
  arithmetic: (typeof ARITHMETIC)[HalfMath] | 'f32';
  /** What training uses on this adapter. */
  chosen: string;
  /** GFLOP/s by tile. */
  rates: Record<string, number>;
  /** Null where the chosen tile was not among those tried. */
  chosenOverBest: number | null;
}

type Product = [
  name: string,
  kind: BenchOptions['kind'],
  M: number,
  N: number,
  K: number,
  storage?: BenchOptions['storage'],
];

/** `into` gets one more as each is done: what is there counts, should the rest not come. */
export async function timeProducts(plan: CheckPlan, parts: Parts, into: ProductTimes[]): Promise<void> {
  const maths: readonly (HalfMath | undefined)[] = gpu().f16 ? plan.maths : [undefined];
  for (const product of productsOf(plan.size).slice(0, plan.products.shapes)) {
    for (const math of maths) {
      const [name] = product;
      const arithmetic = math ? ARITHMETIC[math] : 'f32';
      const times = await parts.run(`product ${name}, ${arithmetic}`, () => timeProduct(product, plan, math));
      if (!times) continue;
      into.push(times);
      const [best] = Object.entries(times.rates).sort(([, a], [, b]) => b - a);
      parts.say(
        `${name}, ${arithmetic}: ${times.chosen} ${times.rates[times.chosen]?.toFixed(0) ?? '-'}, ` +
          `best ${best[0]} ${best[1].toFixed(0)} GFLOP/s`,
      );
    }
  }
}

async function timeProduct(
  [name, kind, M, wideN, wideK, storage]: Product,
  plan: CheckPlan,
  math: HalfMath | undefined,
): Promise<ProductTimes> {
  const { channelDivisor, tiles, sliced } = plan.products;
  // Quantized weights are of whole blocks.
  const narrow = (n: number) => Math.max(storage ? 64 : 8, n / channelDivisor);
  // The long sum of a LoRA's gradients runs over pixels, not channels.
  const [N, K] = [narrow(wideN), kind === 'gradients' ? wideK : narrow(wideK)];
  setHalfMath(math);
  try {
    const rates: Record<string, number> = {};
    const fitting = candidateTiles().filter((tile) => suits(tile, M, N) && (sliced || slicesOf(tile) === 1));
    for (const tile of fitting.slice(-tiles)) {
      const { gflops } = await benchGemm({ M, N, K, kind, tile, storage, minMs: plan.timing.minMs });
      rates[tileName(tile)] = gflops;
    }
    const chosen = tileName(cutFor({ M, N, K, taps: kind.startsWith('conv') ? 9 : 1 }).tile);
    const rate = rates[chosen];
    const chosenOverBest = rate === undefined ? null : rate / Math.max(...Object.values(rates));
    return {
      name,
      kind,
      M,
      N,
      K,
      arithmetic: math ? ARITHMETIC[math] : 'f32',
      chosen,
      rates,
      chosenOverBest,
    };
  } finally {
    setHalfMath();
  }
}

/** A GPU's tiles only; the narrow ones are for narrow products. */
function suits({ kind, bm, bn }: Tile, M: number, N: number): boolean {
  return kind === 'shared' && bn <= 16 === N <= 16 && bm <= 16 === M <= 16;
}

/** SD 1.5's heavy ones for pictures of this size. */
function productsOf(size: number): Product[] {
  const [level0, level1, level2, level3] = [8, 16, 32, 64].map((factor) => (size / factor) ** 2);
  return [
    ['conv 320 to 320', 'conv', level0, 320, 320],
    ['projection 320 with LoRA', 'lora', level0, 320, 320],
    ['conv 320 to 320, input gradient', 'convGradient', level0, 320, 320],
    ['conv 640 to 640', 'conv', level1, 640, 640],
    ['conv 1920 to 640', 'conv', level1, 640, 1920],
    ['conv 1280 to 1280, level 2', 'conv', level2, 1280, 1280],
    ['conv 1280 to 1280, level 3', 'conv', level3, 1280, 1280],
    ['GEGLU 320 to 2560', 'linear', level0, 2560, 320],
    ['projection 640 with LoRA', 'lora', level1, 640, 640],
    ['projection 1280 with LoRA', 'lora', level2, 1280, 1280],
    ['projection 640 with LoRA, int8', 'lora', level1, 640, 640, 'int8'],
    ['projection 640 with LoRA, nf4', 'lora', level1, 640, 640, 'nf4'],
    ['conv 640 to 640, int8', 'conv', level1, 640, 640, 'int8'],
    ['LoRA down 320', 'down', level0, 8, 320],
    ['LoRA gradients 320', 'gradients', 8, 640, level0],
  ];
}

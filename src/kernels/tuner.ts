/**
 * Measures, in about a second, what WebGPU does not tell of a GPU: how many multiprocessors it has, by when the time of
 * more and more workgroups first doubles, and in which arithmetic matrix products are fastest.
 */
import { gpu } from './device';
import { benchGemm, type BenchOptions } from './gemm/bench_gemm';
import { setHalfMath } from './gemm/tile';
import { halvesHold } from './halves';
import { dispatch, program, settled, upload } from './program';
import { HALF_MATHS, MOST_MULTIPROCESSORS, type HalfMath, type Tuning } from './tuned';

/** Like SD 1.x's at 512 px: a convolution and a projection. */
const PRODUCTS: readonly BenchOptions[] = [
  { M: 1024, N: 640, K: 640, kind: 'conv', minMs: 60 },
  { M: 4096, N: 320, K: 1280, kind: 'linear', minMs: 60 },
];

/** Of the open device, which should do nothing else meanwhile. Changes nothing: `setTuning` does. */
export async function measureTuning(products = PRODUCTS): Promise<Tuning> {
  const multiprocessors = await countMultiprocessors();
  const { f16, halves } = gpu();
  const maths: (HalfMath | undefined)[] = f16
    ? HALF_MATHS.filter((math) => math !== 'multiply' || !halves || halvesHold(halves))
    : [undefined];
  const rates: [HalfMath | undefined, number][] = [];
  for (const math of maths) rates.push([math, await productRate(products, math)]);
  const [math, gflops] = fastest(rates);
  return {
    ...(multiprocessors === undefined ? {} : { multiprocessors }),
    ...(math === undefined ? {} : { math }),
    gflops: Math.max(1, Math.round(gflops)),
  };
}

/** Sums in halves must be worth their rounding. */
const WORTH = 1.03;

/** By rate; `multiply` only where it is faster than the others by more than a measurement errs. */
export function fastest(rates: readonly [HalfMath | undefined, number][]): [HalfMath | undefined, number] {
  const worth = ([math, rate]: [HalfMath | undefined, number]) => (math === 'multiply' ? rate / WORTH : rate);
  return rates.reduce((best, each) => (worth(each) > worth(best) ? each : best));
}

/** GFLOP/s of them, one after the other. */
async function productRate(products: readonly BenchOptions[], math: HalfMath | undefined): Promise<number> {
  setHalfMath(math);
  try {
    let inverse = 0;
    for (const product of products) inverse += 1 / (await benchGemm(product)).gflops;
    return products.length / inverse;
  } finally {
    setHalfMath();
  }
}

/** Two warps a scheduler with four chains each hide the latency of a multiply-add: a second group has nothing to fill. */
export function busyWork() {
  return program('busy-multiprocessor', () => ({
    inputs: {},
    outputs: { y: 'f32' },
    params: { turns: 'u32' },
    wgsl: `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) i: u32) {
  var v = vec4<f32>(f32(i));
  for (var turn = 0u; turn < p.turns; turn++) { v = fma(v, vec4<f32>(0.75), vec4<f32>(0.25)); }
  if (i == 0u) { y[group.x] = v.x + v.y + v.z + v.w; }
}`,
  }));
}

/** What one workgroup lasts: so long that a launch does not show. */
const GROUP_MS = 1;

async function countMultiprocessors(): Promise<number | undefined> {
  const y = upload(new Float32Array(MOST_MULTIPROCESSORS), [MOST_MULTIPROCESSORS], 'tuning');
  const timed = (turns: number) => async (groups: number) => {
    let least = Infinity;
    for (let i = 0; i < 3; i++) {
      const started = performance.now();
      for (let n = 0; n < 4; n++) dispatch(busyWork(), [y], { turns }, [groups, 1, 1]);
      await settled();
      least = Math.min(least, (performance.now() - started) / 4);
    }
    return least;
  };
  try {
    let turns = 1000;
    await timed(turns)(1); // Compiles.
    while (turns < 1e6 && (await timed(turns)(1)) < GROUP_MS) turns *= 2;
    return await firstDoubling(timed(turns), MOST_MULTIPROCESSORS);
  } finally {
    y.dispose();
  }
}

/**
 * The largest number of groups that takes no longer than one, by doubling and halving; `most` or fewer. Undefined where two
 * already take longer, or even `most` do not: then it is no stair.
 */
export async function firstDoubling(
  msOf: (groups: number) => Promise<number>,
  most: number,
): Promise<number | undefined> {
  const limit = 1.5 * (await msOf(1));
  const fits = async (groups: number) => (await msOf(groups)) < limit;
  let low = 1;
  let high = 2;
  while (high <= most && (await fits(high))) [low, high] = [high, 2 * high];
  if (low === 1 || high > most) return undefined;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

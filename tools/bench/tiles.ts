/** `--tune`: every tile of the matrix product that fits the adapter, at every heavy product, and which one it would get. */
import { benchGemm, candidateTiles } from '../../src/kernels/gemm/bench_gemm';
import { cutFor } from '../../src/kernels/gemm/cut';
import { tileName } from '../../src/kernels/gemm/tile';
import { shapesOf, type BenchPlan } from './options';
import { describeShape } from './shapes';

export interface TileResult {
  name: string;
  shape: string;
  direction: 'forward' | 'inputGradient';
  /** What training uses. */
  chosen: string;
  /** Best first. */
  candidates: { tile: string; gflops: number; compileMs: number }[];
  /** Rate of the chosen tile over the best one's. */
  chosenOverBest: number;
}

export async function tuneTiles(plan: BenchPlan, progress: (line: string) => void): Promise<TileResult[]> {
  const results: TileResult[] = [];
  for (const shape of shapesOf(plan)) {
    if (shape.kind !== 'linear' && shape.kind !== 'conv') continue;
    const M = shape.kind === 'conv' ? shape.side ** 2 : shape.rows;
    for (const direction of ['forward', 'inputGradient'] as const) {
      const gradient = direction === 'inputGradient';
      const [N, K] = gradient ? [shape.in, shape.out] : [shape.out, shape.in];
      const kind = gradient ? (`${shape.kind}Gradient` as const) : shape.kind;
      const candidates: TileResult['candidates'] = [];
      for (const tile of candidateTiles()) {
        const { gflops, firstMs } = await benchGemm({ M, N, K, kind, tile, minMs: plan.timing.minMs });
        candidates.push({ tile: tileName(tile), gflops, compileMs: firstMs });
      }
      candidates.sort((a, b) => b.gflops - a.gflops);
      const chosen = tileName(cutFor({ M, N, K, taps: shape.kind === 'conv' ? 9 : 1 }).tile);
      const rate = candidates.find(({ tile }) => tile === chosen)?.gflops ?? 0;
      const best = candidates[0];
      results.push({
        name: shape.name,
        shape: describeShape(shape),
        direction,
        chosen,
        candidates,
        chosenOverBest: rate / best.gflops,
      });
      progress(
        `${shape.name}, ${direction}: ${chosen} ${rate.toFixed(1)}, best ${best.tile} ${best.gflops.toFixed(1)} GFLOP/s`,
      );
    }
  }
  return results;
}

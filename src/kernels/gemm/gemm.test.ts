import { expect, test } from 'vitest';
import { closeDevice, openDevice } from '../device';
import { onEveryTier } from '../on_every_tier';
import { cases, slicedCases } from './gemm.cases';
import { cutFor } from './cut';
import { fits, GPU_TILES, setTile, sliceThreads, slicesOf, TileError, threadsOf } from './tile';
import { benchGemm } from './bench_gemm';

onEveryTier(cases);
onEveryTier(slicedCases, ['f32']);

test('an adapter gets tiles that it can run, and an override that it cannot is refused', async () => {
  const gpu = await openDevice({ tier: 'f32' });
  const card = { ...gpu, software: false };
  for (const [M, N] of [
    [1, 320],
    [8, 320],
    [64, 1280],
    [256, 1280],
    [1024, 640],
    [4096, 320],
    [4096, 8],
    [4096, 2560],
    [262144, 128],
  ]) {
    const extent = { M, N, K: 320, taps: 9 };
    const { tile, splits } = cutFor(extent, undefined, card);
    expect(fits(tile, card)).toBe(true);
    const groups = Math.ceil(M / tile.bm) * Math.ceil(N / tile.bn) * splits;
    expect(groups, `workgroups for ${M}x${N}`).toBeGreaterThanOrEqual(20);
    // Counted once: asked again, the answer is the same one.
    expect(cutFor(extent, undefined, card)).toBe(cutFor({ ...extent }, undefined, card));
  }
  for (const tile of GPU_TILES) {
    expect(threadsOf(tile) % 32).toBe(0);
    // Slices share each stretch of k evenly, and hand over by whole warps of a slice or of several.
    expect(tile.bk % (4 * slicesOf(tile))).toBe(0);
    expect(slicesOf(tile) === 1 || 32 % sliceThreads(tile) === 0 || sliceThreads(tile) % 32 === 0).toBe(true);
  }
  setTile({ kind: 'shared', bm: 256, bn: 256, bk: 32, tm: 4, tn: 4 });
  expect(() => cutFor({ M: 64, N: 64, K: 64, taps: 1 })).toThrow(TileError);
  setTile();
  const { gflops } = await benchGemm({ M: 64, N: 64, K: 64, kind: 'linear', minMs: 1 });
  expect(gflops).toBeGreaterThan(0);
  closeDevice();
});

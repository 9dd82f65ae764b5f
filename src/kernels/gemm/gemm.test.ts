import { expect, test } from 'vitest';
import { closeDevice, openDevice } from '../device';
import { onEveryTier } from '../on_every_tier';
import { cases } from './gemm.cases';
import { fits, GPU_TILES, setTile, splitsFor, TileError, tileFor, threadsOf } from './tile';
import { benchGemm } from './tune';

onEveryTier(cases);

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
    const tile = tileFor(M, N, true, card);
    expect(fits(tile, card)).toBe(true);
    const tiles = Math.ceil(M / tile.bm) * Math.ceil(N / tile.bn);
    expect(tiles * splitsFor(tile, tiles, 200, card), `workgroups for ${M}x${N}`).toBeGreaterThanOrEqual(40);
  }
  expect(GPU_TILES.every((tile) => threadsOf(tile) % 32 === 0)).toBe(true);
  setTile({ kind: 'shared', bm: 256, bn: 256, bk: 32, tm: 4, tn: 4 });
  expect(() => tileFor(64, 64, true)).toThrow(TileError);
  setTile();
  const { gflops } = await benchGemm({ M: 64, N: 64, K: 64, kind: 'linear', minMs: 1 });
  expect(gflops).toBeGreaterThan(0);
  closeDevice();
});

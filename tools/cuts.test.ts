/**
 * How the products of SD 1.5's step at 512 px are cut for GPUs of 20 to 132 multiprocessors: arithmetic over the list that
 * a walk through the step gives, judged by the cards' own model (`bench/card_model.ts`), not by the one that chose.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeDevice, openDevice, takenFor } from '../src/kernels/device';
import { cutFor, type Cut, type Extent } from '../src/kernels/gemm/cut';
import { gemmWgsl, type GemmText } from '../src/kernels/gemm/gemm.wgsl';
import { fits, GPU_TILES, tileName, type Tile } from '../src/kernels/gemm/tile';
import type { SimulatedDispatch } from '../src/kernels/program';
import { walkStep } from '../src/training/plan/memory';
import { costOn } from './bench/card_model';
import { CARDS, type Card } from './bench/cards';
import { stepRequest } from './bench/plan_step';

type Product = Extent & { count: number; bytes: number };
let products: Product[];

beforeAll(async () => {
  await openDevice({ tier: 'f16' });
  const heard: SimulatedDispatch[] = [];
  const { request, blocks } = stepRequest('sd15', { size: 512, batch: 1, rank: 8 });
  takenFor({ software: false }, () =>
    walkStep(request, { firstKeptBlock: blocks - 1, microBatch: 1 }, (one) => heard.push(one)),
  );
  const found = new Map<string, Product>();
  for (const { program, params, bytes } of heard) {
    if (!/^gemm-(rows-half|conv)/.test(program.name)) continue;
    const { M = 0, N = 0, K = 0 } = params;
    const taps = program.name.includes('3x3') ? 9 : 1;
    const key = [M, N, K, taps].join();
    const known = found.get(key);
    const size = bytes.slice(0, -1).reduce((sum, n) => sum + n, 0) + 4 * M * N;
    if (known) known.count++;
    else found.set(key, { M, N, K, taps, count: 1, bytes: size });
  }
  products = [...found.values()];
});
afterAll(closeDevice);

/** What a cut takes on a card: the product, and for a split the sum of its parts. */
function cost(card: Card, product: Product, { tile, splits }: Cut) {
  const { M, N, K, taps } = product;
  const one = costOn(card, {
    program: { name: `gemm-rows-halfNT-${tileName(tile)}-nv-f16wide`, wgsl: textOf(tile), inputs: {}, outputs: {} },
    params: { M, N },
    groups: [Math.ceil(M / tile.bm) * Math.ceil(N / tile.bn), 1, splits],
    flops: 2 * M * N * K * taps,
    bytes: [product.bytes],
  }); // prettier-ignore
  if (splits === 1) return one;
  const summed = { name: 'gemm-add-parts', wgsl: '@workgroup_size(64)', inputs: {}, outputs: {} };
  const sum = costOn(card, {
    program: summed,
    params: {},
    groups: [Math.ceil((M * N) / 64), 1, 1],
    flops: 0,
    bytes: [4 * splits * M * N, 4 * M * N],
  });
  return { ...one, us: one.us + sum.us };
}

/** LoRA's thin products of the step, cut for a card. */
function thinProducts({ multiprocessors }: Card): SimulatedDispatch[] {
  const heard: SimulatedDispatch[] = [];
  const { request, blocks } = stepRequest('sd15', { size: 512, batch: 1, rank: 8 });
  takenFor({ software: false, tuning: { multiprocessors } }, () =>
    walkStep(request, { firstKeptBlock: blocks - 1, microBatch: 1 }, (one) => heard.push(one)),
  );
  return heard.filter(({ program }) => program.name.startsWith('gemm-thin'));
}

const texts = new Map<Tile, string>();
function textOf(tile: Tile): string {
  const flags = { aVec: true, bVec: true, nVec: true, taps9: false, bias: false, rVec: true } as const;
  const rest = {
    a: 'rows',
    b: 'halfNT',
    lowRank: 'none',
    add: false,
  } as const;
  const text: GemmText = { ...flags, ...rest, half: 'wide', tile };
  const known = texts.get(tile) ?? gemmWgsl(text);
  texts.set(tile, known);
  return known;
}

describe.each(['Arc-B580', 'M3-Max', '3090', '4090', 'H100'] as const)('on %s', (name) => {
  const card = CARDS[name];
  const { multiprocessors } = card;
  const cut = (product: Product) =>
    takenFor({ software: false, tuning: { multiprocessors } }, () => cutFor(product));

  test('the multiprocessors are busy alike, with warps enough to hide latency', () => {
    let time = 0;
    let busy = 0;
    for (const product of products) {
      const { us, busiestShare, warps } = cost(card, product, cut(product));
      time += product.count * us;
      busy += product.count * us * busiestShare;
      if (product.M >= 1024) expect(warps, JSON.stringify(product)).toBeGreaterThanOrEqual(8);
    }
    expect(busy / time).toBeGreaterThanOrEqual(0.85);
  });

  test('no other cut of any tile would be much faster, and all of them together hardly', () => {
    let chosen = 0;
    let best = 0;
    for (const product of products) {
      const own = cost(card, product, cut(product)).us;
      const others = takenFor({ software: false }, () =>
        GPU_TILES.filter((tile) => fits(tile)).flatMap((tile) =>
          [1, 2, 3, 4, 6, 8, 12].map((splits) => cost(card, product, { tile, splits }).us),
        ),
      );
      const least = Math.min(...others);
      expect(own, JSON.stringify(product)).toBeLessThan(1.5 * least + 10);
      chosen += product.count * own;
      best += product.count * least;
    }
    expect(chosen / best).toBeLessThan(1.15);
  });

  test('LoRA modules of one x share their dispatches, which mostly fill the card', () => {
    const thin = thinProducts(card);
    // Of twelve modules in each of 16 transformers, queries, keys and values go together, and text's keys and values.
    const count = (kind: string) => thin.filter(({ program }) => program.name.includes(kind)).length;
    expect(count('-down')).toBe(2 * 16 * 9);
    expect(count('-up')).toBe(16 * 9);
    expect(count('-gradients')).toBe(16 * 9);
    let time = 0;
    let filled = 0;
    for (const one of thin) {
      const { us } = costOn(card, one);
      const workgroups = one.groups[0] * one.groups[1] * one.groups[2];
      time += us;
      filled += us * Math.min(1, workgroups / multiprocessors);
    }
    // A launch is all that the smallest take, on a large card above all.
    expect(filled / time).toBeGreaterThanOrEqual(multiprocessors > 100 ? 0.55 : 0.75);
  });
});

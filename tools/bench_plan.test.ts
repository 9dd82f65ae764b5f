/** Prediction of a step on a card that is not here: arithmetic by hand, and the whole in small. */
import { expect, it } from 'vitest';
import { gemmWgsl, type GemmText } from '../src/kernels/gemm/gemm.wgsl';
import { GPU_TILES, LOW_RANK_STEP, sharedBytes } from '../src/kernels/gemm/tile';
import { costOn, workgroupBytes } from './bench/card_model';
import { CARDS } from './bench/cards';
import { parseOptions } from './bench/options';
import { planStep } from './bench/plan_step';

const card = CARDS['4090'];
const at = (name: string, wgsl: string, groups: [number, number, number], flops: number, bytes: number[]) =>
  costOn(card, { program: { name, wgsl, inputs: {}, outputs: {} }, params: {}, groups, flops, bytes });

it('a product takes as long as the busiest multiprocessor', () => {
  const wgsl = '@compute @workgroup_size(256)';
  const [full, uneven, twice] = [128, 160, 256].map((groups) =>
    at('gemm-rows-halfNT-x-f32', wgsl, [groups, 1, 1], groups * 1e8, [1e6]),
  );
  expect([full, uneven, twice].map(({ busiestShare }) => busiestShare)).toEqual([1, 0.625, 1]);
  expect(full.bound).toBe('compute');
  // A second round for 32 workgroups takes as long as one for 128.
  expect(uneven.computeUs).toBeCloseTo(twice.computeUs, 6);
  expect(twice.computeUs).toBeGreaterThan(1.2 * full.computeUs);
  expect(twice.computeUs).toBeLessThan(2 * full.computeUs);
});

it('where little is computed, bytes or the launch count', () => {
  const large = at('add/f32', '@compute @workgroup_size(64)', [65535, 1, 1], 1e6, [1e9, 1e9]);
  expect(large).toMatchObject({ bound: 'memory', computeUs: 0 });
  expect(large.us).toBeCloseTo(2e9 / (1008 * 0.8) / 1e3 + card.launchUs, 3);
  expect(at('add/f32', '@compute @workgroup_size(64)', [1, 1, 1], 1, [64]).bound).toBe('launch');
  // Adding into a long tensor touches what is added.
  const into = at('gemm-add-parts-gradients1', '', [1, 1, 1], 1, [1e6, 1e9]);
  expect(into.us).toBeLessThan(at('add/f32', '', [1, 1, 1], 1, [1e9, 1e6]).us);
});

it.each(['none', 'multiply', 'wide', 'round'] as const)(
  'a tile takes the workgroup memory that is asked of the adapter: %s',
  (half) => {
    for (const tile of GPU_TILES) {
      const flags = { aVec: true, bVec: true, nVec: true, taps9: false, bias: true, rVec: true } as const;
      const rest = {
        a: 'rows',
        b: 'halfNT',
        lowRank: 'NT',
        add: false,
      } as const;
      const text: GemmText = { ...flags, ...rest, half, tile };
      expect(workgroupBytes(gemmWgsl(text))).toBeLessThanOrEqual(sharedBytes(tile));
      expect(sharedBytes(tile)).toBeLessThan(workgroupBytes(gemmWgsl(text)) * 2.2);
      // The branch stages its operands: no thread reads the rank's factors from memory in its inner loop.
      expect(gemmWgsl(text)).toMatch(/for \(var r0 = 0u; r0 < p\.R; r0 \+= (8|16|32|128)u\)/);
    }
    expect(LOW_RANK_STEP % 4).toBe(0);
  },
);

it('a card binds what this machine may not', async () => {
  const options = parseOptions(['--plan', '4090', '--batch', '4', '--size', '1024']);
  // GEGLU's inner activations, at the widest level: 128 x 128 x 2560 x 4 numbers.
  const plan = await planStep(options as NonNullable<typeof options>, '4090', () => undefined);
  expect(plan.peakGb).toBeGreaterThan(4);
});

it('says what a step would be, and that it is a prediction', async () => {
  const lines: string[] = [];
  const plan = async (...more: string[]) => {
    const options = parseOptions(['--plan', '4090', '--model', 'tiny', '--size', '128', ...more]);
    if (!options?.card) throw new Error('No card was read.');
    return planStep(options, options.card, (line) => lines.push(line));
  };
  const one = await plan();
  expect(lines[0]).toMatch(/^Predicted, not measured: .*on 4090, 128 px, batch 1, rank 8/);
  expect(one).toMatchObject({ predicted: true, card: '4090', rank: 8 });
  expect(one.kinds.reduce((sum, { dispatches }) => sum + dispatches, 0)).toBe(one.dispatches);
  expect(one.kinds.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['convolution', 'linear', 'attention', 'LoRA, thin products']),
  );
  // GPUs' tiles, not the CPU's that this adapter would get.
  expect(one.dispatches).toBeGreaterThan(1000);
  expect(one.ms).toBeGreaterThanOrEqual(one.launchMs);
  const kept = await plan('--recompute', 'none');
  expect(kept.dispatches).toBeLessThan(one.dispatches);
  expect((await plan('--rank', '128')).ms).toBeLessThan(1.35 * one.ms);
});

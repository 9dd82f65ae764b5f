/** The check for GPUs, a little of each part on Mesa's CPU driver: all of it is there and right, and what is wrong is said. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { fromBytes, type ByteSource } from '../src/formats/safetensors/byte_source';
import { closeDevice, gpu, openDevice } from '../src/kernels/device';
import { dispatch, program, upload } from '../src/kernels/program';
import { compare } from '../src/kernels/testing';
import { gpuCheck, verdict } from './gpu_check/check';
import { checkTier, type TierCorrectness } from './gpu_check/correctness';
import { GpuUsageError, parseOptions, planCheck } from './gpu_check/options';
import { Parts } from './gpu_check/parts';
import { firstRise } from './gpu_check/stair';
import type { Case } from './run_cases';

const golden = (file: string): ByteSource =>
  fromBytes(
    new Uint8Array(readFileSync(fileURLToPath(new URL(`../reference/golden/${file}`, import.meta.url)))),
  );

afterEach(closeDevice);

test('in small, every part gives numbers, and every case and golden is right', async () => {
  const lines: string[] = [];
  const report = await gpuCheck(
    { tiny: true, seconds: 900 },
    { golden, progress: (line) => lines.push(line) },
  );
  expect(report.failures).toEqual([]);
  expect(report.skipped).toEqual([]);
  expect(report).toMatchObject({ complete: true, passed: true });

  // A case of each of the fourteen lists, and three goldens, the best tier first.
  expect(report.correctness.map(({ tier }) => tier)).toEqual(['f16-subgroups', 'f16', 'f32']);
  for (const { tier, run, passed, wrong, nearest } of report.correctness) {
    expect(wrong, tier).toEqual([]);
    expect([run, passed], tier).toEqual([17, 17]);
    expect(nearest?.error).toBeGreaterThan(0);
    expect(nearest?.error).toBeLessThanOrEqual(nearest?.tolerance ?? 0);
  }

  const { adapter, halves, launches, roofline, stair, steps, products } = report;
  expect(adapter).toMatchObject({ software: true, subgroupMatrices: [], note: null });
  expect(adapter?.driver).toMatch(/llvmpipe: Mesa/);
  expect(adapter?.features).toContain('shader-f16');
  expect(adapter?.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27);
  expect(halves).toMatchObject({ productKept: true, sumKept: true, overflowIsInfinite: true });
  expect(launches?.count).toBeGreaterThan(0);
  expectPositive(launches?.dependentUs, launches?.independentUs, launches?.issueUs);
  expectPositive(roofline?.f32Gflops, roofline?.f16Gflops, roofline?.copyGbPerSecond);
  expect(stair?.points.map(([groups]) => groups)).toEqual(report.plan?.stair);
  expectPositive(...(stair?.points.map(([, ms]) => ms) ?? []));

  expect(steps.map(({ tier, arithmetic, recompute }) => [tier, arithmetic, recompute])).toEqual([
    ['f16-subgroups', 'chains of four halves', 'all'],
    ['f16-subgroups', 'chains of four halves', 'none'],
    ['f16-subgroups', 'f32 products', 'all'],
    ['f16-subgroups', 'f32 products', 'none'],
    ['f32', 'f32', 'all'],
  ]);
  expect(report.tuning).toBeNull();
  for (const step of steps) {
    expect(step.tuned).toBe(false);
    expectPositive(step.firstMs, step.medianMs, step.unwaitedMs, step.issueMs, step.gflop, step.peakBytes);
    expectPositive(...Object.values(step.splitMs), ...step.programs.map(({ ms }) => ms));
    const counted = step.programs.reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(step.dispatches);
    expect(step.programs.reduce((sum, { gflop }) => sum + gflop, 0)).toBeCloseTo(step.gflop, 6);
  }
  const [all, none] = steps;
  expect(all.dispatches).toBeGreaterThan(none.dispatches);
  expect(all.peakBytes).toBeLessThan(none.peakBytes);

  expect(products.map(({ arithmetic }) => arithmetic)).toEqual(
    Array.from({ length: products.length / 2 }, () => ['chains of four halves', 'f32 products']).flat(),
  );
  expect(products.length).toBeGreaterThanOrEqual(2);
  for (const { rates } of products) expectPositive(...Object.values(rates));
  expect(report.notes).toEqual(['This adapter runs on the CPU: no time here says anything about a GPU.']);
  // The report is for a file.
  expect(JSON.parse(JSON.stringify(report))).toMatchObject({ passed: true });
  expect(lines.some((line) => line.includes('f32: 17 of 17 cases and goldens right'))).toBe(true);
  // 40 s alone on two cores; a machine that shares them takes several times that.
}, 600_000);

describe('what is wrong is said', () => {
  test('a kernel that computes wrong, one that fails and one that compares nothing', async () => {
    const cases: Case[] = [
      { name: 'right: 2 x 3', run: () => doubled(3, 6) },
      { name: 'wrong: 2 x 3', run: () => doubled(3, 7) },
      { name: 'broken: no number', run: () => doubled(NaN, 6) },
      { name: 'thrown: no compiler', run: () => Promise.reject(new Error('no such builtin')) },
      { name: 'empty: nothing', run: () => Promise.resolve([]) },
    ];
    const parts = new Parts(900, () => {});
    const result = await checkTier('f32', cases, golden, false, parts);
    expect([result.run, result.passed]).toEqual([5 + 3, 1 + 3]);
    expect(result.wrong).toHaveLength(4);
    expect(result.wrong[0]).toMatch(/^wrong: 2 x 3: y: error 0\.1\d+ > 0\.001$/);
    expect(result.wrong[1]).toMatch(/^broken: no number: y: error Infinity/);
    expect(result.wrong[2]).toContain('no such builtin');
    expect(result.wrong[3]).toBe('empty: nothing: compared nothing');
    expect(result.nearest?.name).toBe('broken: no number: y');
    expect(parts.failures).toEqual([]);
  });

  test('a reference that differs, and an error that only the device tells of', async () => {
    const silent: Case = {
      name: 'silent: a buffer of no use',
      run: async () => {
        gpu().device.createBuffer({ size: 4, usage: 0 });
        return doubled(3, 6);
      },
    };
    const parts = new Parts(900, () => {});
    const other = (file: string) => (file === 'unet.safetensors' ? negated(golden(file)) : golden(file));
    const result = await checkTier('f32', [silent], other, false, parts);
    expect(result.wrong).toEqual([expect.stringMatching(/^golden: U-Net: prediction: error/)]);
    expect([result.run, result.passed]).toEqual([3, 2]);
    expect(parts.failures).toMatchObject([{ part: 'f32: silent: a buffer of no use' }]);
    expect(parts.failures[0].message).toMatch(/^The GPU reported: /);
  });

  test('one wrong case, one failed part or a tier without a case, and the check has not passed', () => {
    const right: TierCorrectness = { tier: 'f32', run: 2, passed: 2, wrong: [], nearest: null, seconds: 1 };
    const failure = { part: 'stair', message: 'no memory' };
    expect(verdict({ correctness: [right, { ...right, tier: 'f16' }], failures: [] })).toBe(true);
    expect(verdict({ correctness: [right, { ...right, passed: 1 }], failures: [] })).toBe(false);
    expect(verdict({ correctness: [right], failures: [failure] })).toBe(false);
    expect(verdict({ correctness: [right, { ...right, run: 0, passed: 0 }], failures: [] })).toBe(false);
    expect(verdict({ correctness: [], failures: [] })).toBe(false);
  });
});

test('without time everything is named, nothing is run, and nothing has passed', async () => {
  const report = await gpuCheck({ tiny: true, seconds: 1e-9 }, { golden });
  expect(report).toMatchObject({ complete: true, passed: false, steps: [], products: [], halves: null });
  expect(report.skipped).toContain('roofline');
  expect(report.skipped.filter((part) => part.includes('kernel cases from'))).toHaveLength(3);
  expect(report.skipped.filter((part) => part.startsWith('step of tiny'))).toHaveLength(5);
});

test('a part that fails keeps no other from running', async () => {
  await openDevice({ tier: 'f32' });
  const parts = new Parts(900, () => {});
  expect(await parts.run('first', () => Promise.reject(new Error('no memory')))).toBeNull();
  expect(await parts.run('second', () => 2)).toBe(2);
  expect(parts.failures).toEqual([{ part: 'first', message: 'no memory' }]);
});

test('the first rise of a stair is the number of multiprocessors, if it is a stair', () => {
  const points = (...ms: number[]) => ms.map((y, i) => [8 * (i + 1), y] as const);
  expect(firstRise(points(1, 1.02, 1.05, 1.96, 2))).toBe(24);
  expect(firstRise(points(1, 1, 1))).toBeNull();
  expect(firstRise(points(1, 2, 3, 4))).toBeNull();
  expect(firstRise([])).toBeNull();
});

test('options: a GPU gets all, a CPU every case and small measurements; mistakes are named', () => {
  const options = parseOptions([]);
  if (!options) throw new Error('No options were taken for a call for help.');
  expect(options).toEqual({ tiny: false, seconds: 280 });
  expect(planCheck(options, { software: false })).toMatchObject({
    everything: true,
    model: 'sd15',
    size: 512,
  });
  expect(planCheck(options, { software: true })).toMatchObject({
    everything: true,
    model: 'tiny',
    size: 128,
  });
  expect(parseOptions(['--tiny', '--seconds', '60'])).toEqual({ tiny: true, seconds: 60 });
  expect(planCheck({ tiny: true, seconds: 60 }, { software: false })).toMatchObject({ everything: false });
  expect(parseOptions(['-h'])).toBeUndefined();
  for (const args of [['--seconds', '0'], ['--seconds', 'many'], ['--seconds'], ['--fast'], ['tiny']])
    expect(() => parseOptions(args), args.join(' ')).toThrow(GpuUsageError);
});

/** A real kernel on the open device, compared with `want`. */
async function doubled(x: number, want: number) {
  const [input, output] = [upload(Float32Array.of(x), [1], 'test'), upload(new Float32Array(1), [1], 'test')];
  const shader = program('gpu-check-test-double', () => ({
    inputs: { x: 'f32' },
    outputs: { y: 'f32' },
    wgsl: '@compute @workgroup_size(1) fn main() { y[0] = 2.0 * x[0]; }',
  }));
  dispatch(shader, [input, output], {}, [1, 1, 1]);
  const comparison = await compare('y', output, [want], { f32: 1e-3, f16: 1e-3 });
  input.dispose();
  output.dispose();
  return [comparison];
}

/** The same file with the sign of the U-Net's input and output turned: they are of one size. */
function negated(source: ByteSource): ByteSource {
  return {
    byteLength: source.byteLength,
    async slice(start, end) {
      const bytes = await source.slice(start, end);
      if (bytes.byteLength !== OUTPUT_BYTES) return bytes;
      return new Float32Array(bytes).map((value) => -value).buffer;
    },
  };
}

/** [2, 16, 24, 4] numbers. */
const OUTPUT_BYTES = 2 * 16 * 24 * 4 * 4;

function expectPositive(...numbers: (number | null | undefined)[]): void {
  expect(numbers.length).toBeGreaterThan(0);
  for (const number of numbers) {
    expect(Number.isFinite(number)).toBe(true);
    expect(number).toBeGreaterThan(0);
  }
}

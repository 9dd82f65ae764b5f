/** The bench itself, in small on Mesa's CPU driver: every number is there and is one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BenchUsageError, parseOptions, planBench } from './bench/options';
import { bench } from './bench/report';
import { bytesOf, directionsOf, flopsOf, heavyShapes } from './bench/shapes';
import { median, quantile } from './bench/timing';

test('a quick bench on the f16 tier reports finite numbers and ratios', async () => {
  const options = parseOptions(['--quick', '--tier', 'f16', '--steps', '2', '--rank', '4']);
  if (!options) throw new Error('Options were taken for a call for help.');
  const lines: string[] = [];
  const report = await bench(options, (line) => lines.push(line));

  expect(report.tier).toBe('f16');
  expect(report.software).toBe(true);
  expect(report.adapter.description).toMatch(/llvmpipe/);
  expect(report.driver).toMatch(/llvmpipe: Mesa/);
  expect(report.bestTier).toMatch(/^f16/);
  expect(report.note).toBeNull();
  if (process.platform === 'linux') {
    expect(report.dawnToggles).toEqual(['vulkan_enable_f16_on_nvidia']);
    expect(lines[0]).toMatch(/^GPU llvmpipe.* tier f16 .*Dawn with vulkan_enable_f16_on_nvidia$/);
  }
  expect(report.shapes).toEqual({ size: 128, channelDivisor: 5, scaledDown: true });
  const { roofline, kernels, step } = report;
  if (!kernels || !step || roofline.f16Gflops === null) throw new Error('A part of the report is missing.');
  expect(roofline.gflops).toBe(Math.max(roofline.f32Gflops, roofline.f16Gflops));
  for (const rate of [roofline.f32Gflops, roofline.f16Gflops, roofline.copyGbPerSecond]) expectPositive(rate);

  expect(kernels.map(({ name }) => name.replace(/[ ,].*/, ''))).toEqual(
    ['conv', 'GEGLU', 'projection', 'self-attention', 'group'].flatMap((name) => [name, name]),
  );
  for (const kernel of kernels) {
    expect(kernel.stockFailure, kernel.name).toBeNull();
    if (!kernel.stock) throw new Error(`${kernel.name} has no stock time.`);
    for (const rate of [kernel.ours, kernel.stock]) {
      expectPositive(rate.ms, rate.gflops, rate.gbPerSecond, rate.firstMs);
      expect(rate.bestMs).toBeLessThanOrEqual(rate.ms);
      expectPositive(rate.bestMs, rate.issueMs);
    }
    expectPositive(kernel.ratio, kernel.shareOfRoofline, kernel.shareOfBandwidth, kernel.dispatches);
    expect(kernel.ratio).toBeCloseTo(kernel.stock.ms / kernel.ours.ms, 6);
    expect(kernel.programs.length).toBeGreaterThan(0);
  }

  expect(step.loraModules).toBe(192);
  expect(step.firstKeptBlock).toBe(step.blocks - 1);
  expect(step.secondsPerStep.all).toHaveLength(2);
  expectPositive(step.secondsPerStep.median, step.secondsPerStep.p95, step.secondsPerStepUnwaited);
  expectPositive(...Object.values(step.splitMs));
  expectPositive(...Object.values(step.jsMicrosecondsPerDispatch), ...Object.values(step.submits));
  expectPositive(step.flops.dispatched, step.tflopsPerSecond.dispatched, step.shareOfRoofline);
  expect(step.flops.fixedAccounting).toBeNull();
  // Recorded, a step is the same dispatches in fewer submits.
  expect(step.dispatches).toBeGreaterThan(1000);
  expect(step.submits.replayed).toBeLessThanOrEqual(step.submits.plain);
  const programs = step.programs.reduce((sum, { count }) => sum + count, 0);
  expect(step.dispatches).toBeGreaterThan(programs);
  expectPositive(...Object.values(step.memory.byLabel), step.memory.arenaBytes, step.memory.peakBytes);
  expectPositive(step.memory.predictedPeakBytes, step.memory.predictedWeightBytes);
  expectPositive(step.coldStart.firstStepMs, step.coldStart.weightsMs);
  // A mean square error of unit noise, that four more updates on the same batch lower.
  expect(step.loss.first).toBeGreaterThan(0.5);
  expect(step.loss.first).toBeLessThan(3);
  expect(step.loss.last).toBeLessThan(step.loss.first);
  expect(step.skippedSteps).toBe(0);
  expect(lines.length).toBeGreaterThan(10);
  // Some 12 s alone; a machine that shares its two cores takes several times that.
}, 300_000);

test('the heavy shapes at 512x512 px are the sizes of SD 1.5', () => {
  const shapes = heavyShapes(512, 1, 8);
  const flops = new Map(shapes.map((shape) => [shape.name, flopsOf(shape, 'forward')]));
  // 4096 x 320 x 2560 and 64 x 64 x 9 x 960 x 320 multiply-adds; 2 x 4096 x 4096 x 320 for the scores and the sum.
  expect(flops.get('GEGLU 320 to 2560, level 0')).toBe(6_710_886_400);
  expect(flops.get('conv 960 to 320, level 0')).toBe(22_649_241_600);
  expect(flops.get('self-attention, level 0')).toBe(21_474_836_480);
  for (const shape of shapes) {
    const [first, second] = directionsOf(shape);
    expect(flopsOf(shape, second)).toBeGreaterThanOrEqual(flopsOf(shape, first));
    expect(bytesOf(shape, second)).toBeGreaterThanOrEqual(bytesOf(shape, first));
  }
});

test('options: defaults follow the adapter, mistakes are named', () => {
  const options = parseOptions([]);
  if (!options) throw new Error('No options were taken for a call for help.');
  expect(planBench(options, { software: false })).toMatchObject({
    size: 512,
    model: 'sd15',
    channelDivisor: 1,
  });
  expect(planBench(options, { software: true })).toMatchObject({
    size: 128,
    model: 'tiny',
    channelDivisor: 1,
  });
  expect(parseOptions(['--help'])).toBeUndefined();
  expect(parseOptions(['--recompute', '7', '--size', '256'])).toMatchObject({ recompute: 7, size: 256 });
  for (const args of [
    ['--tier', 'f64'],
    ['--size', '100'],
    ['--size', 'big'],
    ['--rank', '0'],
    ['--steps', '1.5'],
    ['--recompute', 'some'],
    ['--kernels-only', '--step-only'],
    ['--fast'],
  ]) {
    expect(() => parseOptions(args), args.join(' ')).toThrow(BenchUsageError);
  }
});

test('quantiles lie between the least and the greatest value, in order', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5, 12);
  const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const at = quantile(values, q);
      expect(at).toBeGreaterThanOrEqual(Math.min(...values) - 1e-6);
      expect(at).toBeLessThanOrEqual(Math.max(...values) + 1e-6);
      expect(quantile(values, 0)).toBeLessThanOrEqual(at + 1e-6);
    }),
  );
});

function expectPositive(...numbers: (number | null)[]): void {
  for (const number of numbers) {
    expect(Number.isFinite(number)).toBe(true);
    expect(number).toBeGreaterThan(0);
  }
}

/** The whole bench on one adapter, as one value to print. */
import { loadavg } from 'node:os';
import { closeDevice, openDevice, type Tier } from '../../src/kernels/device';
import { dawnToggles, gpuNotes, halfMissing } from '../dawn';
import { benchKernels, type KernelResult } from './kernels';
import { runtime, type Runtime } from './machine';
import { planBench, type BenchOptions } from './options';
import { measureRoofline, type Roofline } from './roofline';
import { benchStep, type StepResult } from './step';
import { tuneTiles, type TileResult } from './tiles';

export interface BenchReport {
  date: string;
  adapter: { vendor: string; architecture: string; device: string; description: string };
  tier: Tier;
  /** The best that the adapter has; `tier` may have been asked lower. */
  bestTier: Tier;
  /** As Dawn says it: name and version. */
  driver: string;
  /** Switches that Dawn was started with, beside its defaults. */
  dawnToggles: readonly string[];
  /** What is missing for the best numbers, as a sentence. */
  note: string | null;
  /** The adapter runs on the CPU: nothing here says anything about a GPU. */
  software: boolean;
  runtime: Runtime;
  /** Processes that wanted a core in the minute before and after: where others do, the numbers are too low. */
  loadAverage: { before: number; after: number };
  options: BenchOptions;
  shapes: { size: number; channelDivisor: number; scaledDown: boolean };
  limits: Record<string, number>;
  roofline: Roofline;
  kernels: KernelResult[] | null;
  tiles: TileResult[] | null;
  step: StepResult | null;
  seconds: number;
}

/** Opens the device, measures, closes it. `progress` hears a line now and then. */
export async function bench(
  options: BenchOptions,
  progress: (line: string) => void = () => {},
): Promise<BenchReport> {
  const started = performance.now();
  const [loadBefore] = loadavg();
  const gpu = await openDevice({
    ...(options.tier ? { tier: options.tier } : {}),
    onLost: (reason) => progress(`The GPU device was lost: ${reason}`),
  });
  try {
    const plan = planBench(options, gpu);
    const { adapter, tier, best, software, device } = gpu;
    for (const line of gpuNotes(gpu)) progress(line);
    progress(`${plan.size} px`);
    const roofline = await measureRoofline(plan.copyBytes, plan.timing);
    progress(
      `roofline: f32 ${roofline.f32Gflops.toFixed(0)}, f16 ${roofline.f16Gflops?.toFixed(0) ?? 'none'} GFLOP/s; ` +
        `copy ${roofline.copyGbPerSecond.toFixed(1)} GB/s`,
    );
    const kernels = plan.stepOnly ? null : await benchKernels(plan, roofline, progress);
    const tiles = plan.tune ? await tuneTiles(plan, progress) : null;
    const step = plan.kernelsOnly ? null : await benchStep(plan, roofline, progress);
    return {
      date: new Date().toISOString(),
      adapter,
      tier,
      bestTier: best,
      driver: adapter.description,
      dawnToggles: dawnToggles(),
      note: halfMissing(gpu) ?? null,
      software,
      runtime: runtime(),
      loadAverage: { before: loadBefore, after: loadavg()[0] },
      options,
      shapes: {
        size: plan.size,
        channelDivisor: plan.channelDivisor,
        scaledDown: plan.size !== 512 || plan.channelDivisor !== 1,
      },
      limits: {
        maxStorageBufferBindingSize: device.limits.maxStorageBufferBindingSize,
        maxBufferSize: device.limits.maxBufferSize,
        maxComputeWorkgroupStorageSize: device.limits.maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup: device.limits.maxComputeInvocationsPerWorkgroup,
      },
      roofline,
      kernels,
      tiles,
      step,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    closeDevice();
  }
}

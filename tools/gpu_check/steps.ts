/** The whole training step, as `npm run bench` has it, by arithmetic and recomputation, with the time of each program. */
import type { Tier } from '../../src/kernels/device';
import { gpu } from '../../src/kernels/device';
import { halfMath, setHalfMath, type HalfMath } from '../../src/kernels/gemm/tile';
import { flush, trim } from '../../src/kernels/program';
import { flopsOf, type Recording } from '../../src/kernels/recording';
import { loraShapes } from '../../src/training/step/lora_file';
import { MODELS, randomUnet } from '../bench/models';
import { openRun } from '../bench/step_run';
import { idle, median, timeReplayed, type TimingPlan } from '../bench/timing';
import type { CheckPlan } from './options';

/** In words; `HalfMath` is how the code calls it. */
export const ARITHMETIC = {
  multiply: 'chains of four halves',
  wide: 'halves widened, f32 products',
  round: 'f32 products',
} as const satisfies Record<HalfMath, string>;

export type Recompute = 'all' | 'none';

export interface StepTime {
  tier: Tier;
  arithmetic: (typeof ARITHMETIC)[HalfMath] | 'f32';
  /** Cut and computed as this GPU was measured to be fastest with. */
  tuned: boolean;
  recompute: Recompute;
  /** With all shader compilation. */
  firstMs: number;
  /** Each step waited for, and issued one after another as in training. */
  medianMs: number;
  minMs: number;
  unwaitedMs: number;
  /** JavaScript's share of the latter. */
  issueMs: number;
  splitMs: Record<string, number>;
  dispatches: number;
  gflop: number;
  peakBytes: number;
  /** Each program's dispatches replayed by themselves, slowest first, and the sum of all. */
  programs: { name: string; count: number; gflop: number; ms: number }[];
  programsMs: number;
}

/** On the open device, by its tuning if it has one; `math` only where its tier has f16. */
export async function timeStep(plan: CheckPlan, recompute: Recompute, math?: HalfMath): Promise<StepTime> {
  setHalfMath(math);
  const config = MODELS[plan.model];
  trim();
  gpu().buffers.resetPeak();
  const base = randomUnet(config);
  const shapes = loraShapes(config, {
    train_unet: true,
    train_text_encoder: false,
    lora_rank: 8,
    lora_alpha: 8,
  });
  const run = openRun(
    base,
    shapes,
    { size: plan.size },
    {
      text: 'given',
      trainUnet: true,
      chunks: 1,
      clipSkip: 1,
      vPrediction: false,
      activations: 'half',
      firstKeptBlock: recompute === 'all' ? base.unet.blocks.length - 1 : 0,
      record: true,
    },
  );
  try {
    flush();
    await idle();
    const firstMs = await waited(run.step);
    const recording = run.engine.recordingOf(run.batch);
    if (!recording) throw new Error('The step was not recorded.');
    const times: number[] = [];
    for (let i = 0; i < plan.steps; i++) times.push(await waited(run.step));
    let issued = 0;
    const together = await waited(() => {
      const started = performance.now();
      for (let i = 0; i < plan.steps; i++) run.step();
      issued = performance.now() - started;
    });
    const { peakBytes } = gpu().buffers.ledger();
    const programs = await programTimes(recording, { ...plan.timing, minMs: plan.timing.minMs / 10 });
    return {
      tier: gpu().tier,
      arithmetic: gpu().f16 ? ARITHMETIC[halfMath()] : 'f32',
      tuned: gpu().tuning !== undefined,
      recompute,
      firstMs,
      medianMs: median(times),
      minMs: Math.min(...times),
      unwaitedMs: together / plan.steps,
      issueMs: issued / plan.steps,
      splitMs: await recording.replayTimed(),
      dispatches: recording.length,
      gflop: recording.flops / 1e9,
      peakBytes,
      programs,
      programsMs: programs.reduce((sum, { ms }) => sum + ms, 0),
    };
  } finally {
    setHalfMath();
    run.dispose();
    base.unet.weights.dispose();
    trim();
  }
}

async function programTimes(recording: Recording, timing: TimingPlan): Promise<StepTime['programs']> {
  const programs: StepTime['programs'] = [];
  for (const [name, list] of recording.byProgram()) {
    const { bestMs } = await timeReplayed(list, timing);
    programs.push({ name, count: list.length, gflop: flopsOf(list) / 1e9, ms: bestMs });
  }
  return programs.sort((a, b) => b.ms - a.ms);
}

async function waited(work: () => void): Promise<number> {
  const started = performance.now();
  work();
  flush();
  await idle();
  return performance.now() - started;
}

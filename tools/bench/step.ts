/**
 * A training step as the trainer takes it, recorded and replayed, and again the plain way: how long, on what, and what
 * JavaScript adds. Text states are given and latents made up, as after a run's caches are filled.
 */
import { gpu } from '../../src/kernels/device';
import { flush, listening, trim } from '../../src/kernels/program';
import { flopsOf } from '../../src/kernels/recording';
import { loraShapes } from '../../src/training/step/lora_file';
import { predictMemory } from '../../src/training/plan/memory';
import { readReport } from '../../src/training/step/optimizer';
import type { StepSettings } from '../../src/training/step/step';
import { MODELS, randomUnet } from './models';
import type { BenchPlan } from './options';
import type { Roofline } from './roofline';
import { countSubmits, openRun } from './step_run';
import { idle, median, quantile } from './timing';

export interface StepResult {
  model: 'sd15' | 'tiny';
  size: number;
  batch: number;
  rank: number;
  loraModules: number;
  loraParameters: number;
  blocks: number;
  /** Blocks from this one on keep their activations. */
  firstKeptBlock: number;
  steps: number;
  secondsPerStep: { median: number; p95: number; all: number[] };
  /** Issued without waiting in between, as in training. */
  secondsPerStepUnwaited: number;
  /** Segment by segment, each waited for; `backward` includes what is computed again. */
  splitMs: { prepare: number; forward: number; backward: number; optimizer: number };
  dispatches: number;
  submits: { replayed: number; plain: number };
  jsMicrosecondsPerDispatch: { replayed: number; plain: number };
  flops: {
    /** Of all dispatches, recomputation included. */
    dispatched: number;
    /** 1.80 TFLOP a step, 2.60 with recomputation of all blocks; only where that count applies. */
    fixedAccounting: number | null;
  };
  tflopsPerSecond: { dispatched: number; fixedAccounting: number | null };
  shareOfRoofline: number;
  memory: {
    peakBytes: number;
    /** `predictMemory`'s, for a whole run of this shape: the VAE's phase may be its highest. */
    predictedPeakBytes: number;
    predictedWeightBytes: number;
    arenaBytes: number;
    byLabel: Record<string, number>;
  };
  coldStart: { weightsMs: number; firstStepMs: number };
  /** By program: how often a step dispatches it, and its FLOP. */
  programs: { name: string; count: number; flops: number }[];
  loss: { first: number; last: number };
  skippedSteps: number;
}

export async function benchStep(
  plan: BenchPlan,
  roofline: Roofline,
  progress: (line: string) => void,
): Promise<StepResult> {
  const config = MODELS[plan.model];
  trim();
  gpu().buffers.resetPeak();
  const before = gpu().buffers.ledger().usedBytes;
  let started = performance.now();
  const base = randomUnet(config);
  flush();
  await idle();
  const weightsMs = performance.now() - started;
  progress(`weights: ${(weightsMs / 1000).toFixed(1)} s`);

  const blocks = base.unet.blocks.length;
  const firstKeptBlock =
    plan.recompute === 'all' ? blocks - 1 : plan.recompute === 'none' ? 0 : Math.min(plan.recompute, blocks);
  const shapes = loraShapes(config, {
    train_unet: true,
    train_text_encoder: false,
    lora_rank: plan.rank,
    lora_alpha: plan.rank,
  });
  const settings = {
    text: 'given',
    trainUnet: true,
    chunks: 1,
    clipSkip: 1,
    vPrediction: false,
    activations: plan.activations,
  } as const satisfies Partial<StepSettings>;
  const run = openRun(base, shapes, plan, { ...settings, firstKeptBlock, record: true });

  started = performance.now();
  run.step();
  await idle();
  const firstStepMs = performance.now() - started;
  const first = await run.loss();
  progress(`first step: ${(firstStepMs / 1000).toFixed(2)} s`);
  const recording = run.engine.recordingOf(run.batch);
  if (!recording) throw new Error('The step was not recorded.');

  let skipped = 0;
  const seconds: number[] = [];
  for (let i = 0; i < plan.steps; i++) {
    started = performance.now();
    run.step();
    await idle();
    seconds.push((performance.now() - started) / 1000);
    if ((await readReport(run.optimizer)).skipped) skipped++;
    progress(`step ${i + 1}/${plan.steps}: ${seconds[i].toFixed(3)} s`);
  }
  started = performance.now();
  // Steps of many seconds are a CPU's: once must do.
  const repeats = firstStepMs > 5000 ? 1 : 3;
  const unwaited = repeats === 1 ? 1 : Math.min(plan.steps, 10);
  for (let i = 0; i < unwaited; i++) run.step();
  await idle();
  const secondsPerStepUnwaited = (performance.now() - started) / 1000 / unwaited;

  const replayedUs: number[] = [];
  const splits: Record<string, number>[] = [];
  let updateDispatches = 0;
  let submitsReplayed = 0;
  for (let i = 0; i < repeats; i++) {
    started = performance.now();
    recording.replay();
    replayedUs.push((1000 * (performance.now() - started)) / recording.length);
    await idle();
    run.update();
    await idle();
    const split = await recording.replayTimed();
    started = performance.now();
    updateDispatches = 0;
    listening(
      () => updateDispatches++,
      () => run.update(),
    );
    flush();
    await idle();
    splits.push({ ...split, optimizer: performance.now() - started });
    submitsReplayed = await countSubmits(() => run.step());
    await idle();
  }
  const part = (name: string) => median(splits.map((split) => split[name] ?? 0));
  const last = await run.loss();
  const { peakBytes, byLabel } = gpu().buffers.ledger();
  const arenaBytes = run.engine.recorder.arenaBytes;
  const loraParameters = run.lora.modules.reduce((sum, m) => sum + m.rank * (m.in + m.out), 0);
  const flops = recording.flops;
  const programs = [...recording.byProgram()]
    .map(([name, list]) => ({ name, count: list.length, flops: flopsOf(list) }))
    .sort((a, b) => b.flops - a.flops);
  const dispatches = recording.length + updateDispatches;
  const recordedLength = recording.length;
  run.dispose();
  trim();

  progress('the plain way');
  const plain = openRun(base, shapes, plan, { ...settings, firstKeptBlock, record: false });
  const plainUs: number[] = [];
  let submitsPlain = 0;
  for (let i = 0; i < repeats; i++) {
    submitsPlain = await countSubmits(() => {
      started = performance.now();
      plain.micro();
      plainUs.push((1000 * (performance.now() - started)) / recordedLength);
      plain.update();
    });
    await idle();
  }
  plain.dispose();
  base.unet.weights.dispose();
  trim();

  const predicted = predictMemory(
    {
      config,
      lora: { shapes, dropout: 0 },
      optimizer: 'adamw',
      settings,
      buckets: [{ size: 1, width: plan.size, height: plan.size }],
      samples: undefined,
      keep: [],
    },
    firstKeptBlock,
  );
  if (gpu().errors.length) throw new Error(`The GPU reported: ${gpu().errors[0]}`);
  const step = median(seconds);
  const fixedAccounting = fixedFlops(plan, firstKeptBlock, blocks);
  return {
    model: plan.model,
    size: plan.size,
    batch: 1,
    rank: plan.rank,
    loraModules: shapes.length,
    loraParameters,
    blocks,
    firstKeptBlock,
    steps: plan.steps,
    secondsPerStep: { median: step, p95: quantile(seconds, 0.95), all: seconds },
    secondsPerStepUnwaited,
    splitMs: {
      prepare: part('step'),
      forward: part('forward'),
      backward: part('backward'),
      optimizer: part('optimizer'),
    },
    dispatches,
    submits: { replayed: submitsReplayed, plain: submitsPlain },
    // The first plain step fills the arena.
    jsMicrosecondsPerDispatch: {
      replayed: median(replayedUs),
      plain: median(plainUs.slice(plainUs.length > 1 ? 1 : 0)),
    },
    flops: { dispatched: flops, fixedAccounting },
    tflopsPerSecond: {
      dispatched: flops / step / 1e12,
      fixedAccounting: fixedAccounting && fixedAccounting / step / 1e12,
    },
    shareOfRoofline: (fixedAccounting ?? flops) / step / 1e9 / roofline.gflops,
    memory: {
      peakBytes: peakBytes - before,
      predictedPeakBytes: predicted.peakBytes,
      predictedWeightBytes: predicted.weightBytes,
      arenaBytes,
      byLabel,
    },
    coldStart: { weightsMs, firstStepMs },
    programs,
    loss: { first, last },
    skippedSteps: skipped,
  };
}

/** Forward 0.803, input gradients 0.677, attention's backward pass 0.315 TFLOP at 512x512; one more forward if recomputed. */
function fixedFlops(plan: BenchPlan, firstKeptBlock: number, blocks: number): number | null {
  if (plan.model !== 'sd15' || plan.size !== 512) return null;
  if (firstKeptBlock === 0) return 1.8e12;
  return firstKeptBlock === blocks - 1 ? 2.6e12 : null;
}

/**
 * The whole check on one adapter, in the order of worth: is it right, on every tier; then what the adapter is; then how long
 * a step and its products take. The report is filled as it goes, so that it can be written at any time.
 */
import { cases as kernelCases } from '../../src/kernels/all.cases';
import { largeTileCases } from '../../src/kernels/gemm/gemm.cases';
import { slicedCases as slicedThinCases } from '../../src/kernels/gemm/thin.cases';
import { closeDevice, gpu, openDevice, setTuning } from '../../src/kernels/device';
import type { HalfMath } from '../../src/kernels/gemm/tile';
import type { Tuning } from '../../src/kernels/tuned';
import { measureTuning } from '../../src/kernels/tuner';
import type { GoldenFiles } from '../../src/training/golden_numbers.testing';
import { runtime, type Runtime } from '../bench/machine';
import { measureRoofline, type Roofline } from '../bench/roofline';
import type { Case } from '../run_cases';
import { adapterFacts, type AdapterFacts } from './adapter';
import { checkTier, type TierCorrectness } from './correctness';
import { halvesHold, probeHalves, type Halves } from '../../src/kernels/halves';
import { measureLaunches, type Launches } from './launches';
import { planCheck, type CheckOptions, type CheckPlan } from './options';
import { Parts, type Failure } from './parts';
import { timeProducts, type ProductTimes } from './products';
import { measureStair, type Stair } from './stair';
import { ARITHMETIC, timeStep, type Recompute, type StepTime } from './steps';

/** What is null or missing was skipped, failed, or had not come yet: `skipped` and `failures` name it. */
export interface GpuReport {
  date: string;
  options: CheckOptions;
  runtime: Runtime;
  adapter: AdapterFacts | null;
  plan: CheckPlan | null;
  /** By tier. */
  correctness: TierCorrectness[];
  /** Everything that was run is right, on every tier, and nothing failed. What was skipped says nothing. */
  passed: boolean;
  /** What to know before these numbers are believed. */
  notes: string[];
  halves: Halves | null;
  launches: Launches | null;
  roofline: Roofline | null;
  stair: Stair | null;
  /** What a first run would measure and go by; null on a CPU. */
  tuning: Tuning | null;
  steps: StepTime[];
  products: ProductTimes[];
  skipped: readonly string[];
  failures: readonly Failure[];
  /** The check ran to its end. */
  complete: boolean;
  seconds: number;
}

export interface CheckSetup {
  golden: GoldenFiles;
  /** The kernels', if left out. */
  cases?: readonly Case[];
  progress?: (line: string) => void;
  /** Gets the report as soon as there is one; it is filled from then on. */
  begun?: (report: GpuReport) => void;
}

export async function gpuCheck(options: CheckOptions, setup: CheckSetup): Promise<GpuReport> {
  const parts = new Parts(options.seconds, setup.progress ?? (() => {}));
  const report: GpuReport = {
    date: new Date().toISOString(),
    options,
    runtime: runtime(),
    adapter: null,
    plan: null,
    correctness: [],
    passed: false,
    notes: [],
    halves: null,
    launches: null,
    roofline: null,
    stair: null,
    tuning: null,
    steps: [],
    products: [],
    skipped: parts.skipped,
    failures: parts.failures,
    complete: false,
    seconds: 0,
  };
  setup.begun?.(report);
  try {
    await fill(report, setup, parts);
    report.complete = true;
  } finally {
    closeDevice();
    report.seconds = parts.seconds;
  }
  return report;
}

async function fill(
  report: GpuReport,
  { golden, cases = kernelCases }: CheckSetup,
  parts: Parts,
): Promise<void> {
  const facts = (report.adapter = await adapterFacts((line) => parts.say(line)));
  const plan = (report.plan = planCheck(report.options, gpu()));
  const best = gpu().tier;
  const chosen = plan.everything ? [...cases, ...largeTiles] : oneOfEach(cases);
  for (const tier of [...facts.tiers].reverse())
    report.correctness.push(await checkTier(tier, chosen, golden, plan.everything, parts));

  await openDevice({ tier: best });
  const { timing } = plan;
  if (gpu().f16) report.halves = await parts.run('halves', () => probeHalves(gpu().device));
  report.launches = await parts.run('launches', () => measureLaunches(plan.launches, timing));
  if (report.launches) parts.say(`launches: ${JSON.stringify(report.launches)}`);
  report.roofline = await parts.run('roofline', () => measureRoofline(plan.copyBytes, timing));
  if (report.roofline) parts.say(`roofline: ${JSON.stringify(report.roofline)}`);
  report.stair = await parts.run('stair', () => measureStair(plan.stair, plan.stairTurns, timing));
  if (report.stair) parts.say(`multiprocessors: ${report.stair.multiprocessors ?? 'no stair'}`);
  const maths: readonly (HalfMath | undefined)[] = gpu().f16 ? plan.maths : [undefined];
  for (const math of maths)
    for (const recompute of ['all', 'none'] as const) await addStep(report, plan, parts, recompute, math);
  if (!gpu().software) {
    report.tuning = await parts.run('tuning', () => measureTuning());
    if (report.tuning) {
      parts.say(`tuning: ${JSON.stringify(report.tuning)}`);
      setTuning(report.tuning);
      for (const recompute of ['all', 'none'] as const)
        await addStep(report, plan, parts, recompute, undefined);
      setTuning(undefined);
    }
  }
  await timeProducts(plan, parts, report.products);
  if (best !== 'f32') {
    await openDevice({ tier: 'f32' });
    await addStep(report, plan, parts, 'all', undefined);
  }
  report.passed = verdict(report);
  report.notes.push(...notesOf(report));
  for (const note of report.notes) parts.say(`note: ${note}`);
}

/** Whether what was run is right: something on every tier, and all of it. */
export function verdict({ correctness, failures }: Pick<GpuReport, 'correctness' | 'failures'>): boolean {
  const right = correctness.every(({ run, passed }) => run > 0 && passed === run);
  return correctness.length > 0 && right && failures.length === 0;
}

async function addStep(
  report: GpuReport,
  plan: CheckPlan,
  parts: Parts,
  recompute: Recompute,
  math: HalfMath | undefined,
): Promise<void> {
  const how = math ? ARITHMETIC[math] : gpu().tuning ? 'tuned' : 'f32';
  const name = `step of ${plan.model}, tier ${gpu().tier}, ${how}, recomputed: ${recompute}`;
  const step = await parts.run(name, () => timeStep(plan, recompute, math));
  if (!step) return;
  report.steps.push(step);
  parts.say(`${name}: ${step.medianMs.toFixed(1)} ms, ${step.dispatches} dispatches`);
}

function notesOf({ adapter, halves, correctness, skipped }: GpuReport): string[] {
  const notes: string[] = [];
  if (adapter?.software) notes.push('This adapter runs on the CPU: no time here says anything about a GPU.');
  if (adapter?.note) notes.push(adapter.note);
  if (halves && !halvesHold(halves))
    notes.push(
      'Half precision flushes subnormal numbers here, or hides an overflow (halves): products are summed in f32.',
    );
  if (correctness.some(({ wrong }) => wrong.length > 0))
    notes.push(
      'Results are wrong on a tier (correctness.wrong): its times are of something else than training.',
    );
  if (skipped.length > 0) notes.push(`${skipped.length} parts were left out for lack of time (skipped).`);
  return notes;
}

/** Their names say the kernel, as all others do. */
const largeTiles = [
  ...largeTileCases.map((one) => ({ ...one, name: `gemm: ${one.name}` })),
  ...slicedThinCases.map((one) => ({ ...one, name: `thin: ${one.name}` })),
];

/** The first case of each kernel. */
function oneOfEach(cases: readonly Case[]): Case[] {
  const kernels = new Map<string, Case>();
  for (const one of cases) {
    const kernel = one.name.replace(/:.*/s, '');
    if (!kernels.has(kernel)) kernels.set(kernel, one);
  }
  return [...kernels.values()];
}

/** What is reported of steps: means over those that counted, rates in use, and when a run is given up. */
import { describe, expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import type { StepReport, TrainEvent } from '../../protocol/trainer';
import type { Batch } from '../data/batches';
import { LOSS_SCALE_DEFAULTS, lossScaling, NonFiniteLossError } from '../step/loss_scale';
import type { OptimizerReport } from '../step/optimizer';
import { Progress, type Followed, type ProgressSettings } from './progress';
import { Remaining } from '../plan/remaining';

const fresh = (): Followed => ({ steps: 100, averageLoss: 0, averageCount: 0, updates: 0 });
const settings = (more: Partial<ProgressSettings> = {}): ProgressSettings => ({
  now: () => 0,
  rule: lossScaling(false),
  accumulation: 1,
  extreme: false,
  rates: (update) => ({ learningRate: update }),
  gpuBytes: () => 1000,
  remaining: new Remaining({ ...defaultConfig(), sample_prompts: [], save_steps: 0 }, 100, 10),
  ...more,
});
const BATCH: Batch = { bucket: [64, 64], images: [0] };

interface Step {
  loss: number;
  skipped?: boolean;
  lossScale?: number;
  batches?: number;
}

/** Reports these steps, from the run's count on. */
async function reports(
  run: Followed,
  given: ProgressSettings,
  steps: readonly Step[],
): Promise<TrainEvent[]> {
  const progress = new Progress(run, given);
  const events: TrainEvent[] = [];
  let updates = run.updates;
  const take = async (from: AsyncGenerator<TrainEvent>) => {
    for await (const event of from) events.push(event);
  };
  for (const [step, { loss, skipped = false, lossScale = 1, batches = 1 }] of steps.entries()) {
    if (!skipped) updates++;
    const numbers: OptimizerReport = { gradientNorm: 1, lossScale, skipped, updates };
    const at = { step, epoch: 0, batches: Array.from({ length: batches }, () => BATCH) };
    await take(progress.add(at, Promise.resolve(Float32Array.of(loss)), Promise.resolve(numbers)));
  }
  await take(progress.drain());
  return events;
}

const steps = (events: readonly TrainEvent[]) =>
  events.filter((event): event is StepReport => event.kind === 'step');

/** Reports `skips` skipped steps in a row, the scale as the GPU halves it. */
async function skipSteps(skips: number, f16: boolean): Promise<number> {
  let lossScale = f16 ? LOSS_SCALE_DEFAULTS.initialScale : 1;
  const given = Array.from({ length: skips }, () => {
    lossScale = Math.max(1, lossScale / 2);
    return { loss: 1, skipped: true, lossScale };
  });
  const events = await reports(fresh(), settings({ rule: lossScaling(f16) }), given);
  return steps(events).filter(({ skipped }) => skipped).length;
}

test('the time that is left has in it what samples and checkpoints took, and a step does not', async () => {
  let at = 0;
  const config = {
    ...defaultConfig(),
    ...{ sample_prompts: ['a'], sample_every_n_steps: 2, sample_every_n_epochs: 0, save_steps: 0 },
  };
  const progress = new Progress(
    { ...fresh(), steps: 4 },
    settings({ now: () => at, remaining: new Remaining(config, 4, 4) }),
  );
  async function* drawn(): AsyncGenerator<TrainEvent> {
    at += 30_000;
    yield { kind: 'phase', phase: 'sample' };
  }
  const events: TrainEvent[] = [];
  const take = async (from: AsyncGenerator<TrainEvent>) => {
    for await (const event of from) events.push(event);
  };
  await take(progress.during('sample', drawn()));
  progress.resume();
  for (const step of [0, 1]) {
    at += 2000;
    const numbers = { gradientNorm: 1, lossScale: 1, skipped: false, updates: step + 1 };
    await take(
      progress.add(
        { step, epoch: 0, batches: [BATCH] },
        Promise.resolve(Float32Array.of(1)),
        Promise.resolve(numbers),
      ),
    );
    await take(progress.drain());
  }
  expect(events[0]).toEqual({ kind: 'phase', phase: 'sample' });
  // Samples after the second step and after the fourth.
  expect(steps(events).map(({ stepSeconds, etaSeconds }) => [stepSeconds, etaSeconds])).toEqual([
    [2, 3 * 2 + 2 * 30],
    [2, 2 * 2 + 2 * 30],
  ]);
});

describe('giving up', () => {
  test('halves: sixteen halvings and four steps at scale 1 go on, the fifth ends the run', async () => {
    expect(await skipSteps(20, true)).toBe(20);
    await expect(skipSteps(21, true)).rejects.toThrow(NonFiniteLossError);
  });

  test('f32: the fifth skipped step in a row ends the run', async () => {
    expect(await skipSteps(4, false)).toBe(4);
    await expect(skipSteps(5, false)).rejects.toThrow(NonFiniteLossError);
  });
});

describe('the average', () => {
  const nan = (count: number) =>
    Array.from({ length: count }, () => ({ loss: NaN, skipped: true, lossScale: 1024 }));

  test('does not move by losses that are no numbers, however many', async () => {
    const given = settings({ rule: lossScaling(true) });
    const all = steps(await reports(fresh(), given, [{ loss: 1.17 }, { loss: 1.17 }, ...nan(15)]));
    for (const { averageLoss } of all) expect(averageLoss).toBeCloseTo(1.17, 6);
  });

  test('is no number before there is one, and the plain mean of few', async () => {
    const all = steps(await reports(fresh(), settings(), [...nan(2), { loss: 0.5 }, { loss: 0.7 }]));
    expect(all.map(({ averageLoss }) => Number(averageLoss.toFixed(2)))).toEqual([NaN, NaN, 0.5, 0.6]);
  });

  test('of a resumed run goes on where it was: the count is part of what is kept', async () => {
    const given = [{ loss: 0.5 }, ...nan(3), { loss: 0.7 }, { loss: 0.2 }];
    const whole = steps(await reports(fresh(), settings(), given));
    const run = fresh();
    const first = steps(await reports(run, settings(), given.slice(0, 5)));
    expect(run.averageCount).toBe(2);
    const second = steps(await reports(run, settings(), given.slice(5)));
    expect([...first, ...second].map(({ averageLoss }) => averageLoss)).toEqual(
      whole.map(({ averageLoss }) => averageLoss),
    );
  });
});

test('an epoch’s last update of fewer batches is shown at their own mean', async () => {
  // As the engine sums: each batch's loss is divided by the batches of a full update.
  const given = [
    { loss: 0.6, batches: 8 },
    { loss: 0.6 / 8, batches: 1 },
    { loss: (0.3 + 0.5) / 8, batches: 2 },
  ];
  const all = steps(await reports(fresh(), settings({ accumulation: 8 }), given));
  [0.6, 0.6, 0.4].forEach((loss, i) => expect(all[i]?.loss).toBeCloseTo(loss, 6));
});

test('the rate is that of the update: a step that was left out does not use one up', async () => {
  const given = [{ loss: 1 }, { loss: NaN, skipped: true }, { loss: NaN, skipped: true }, { loss: 1 }];
  const all = steps(await reports(fresh(), settings(), given));
  expect(all.map(({ learningRate }) => learningRate)).toEqual([0, 1, 1, 1]);
  const resumed = steps(await reports({ ...fresh(), updates: 7 }, settings(), given));
  expect(resumed.map(({ learningRate }) => learningRate)).toEqual([7, 8, 8, 8]);
});

test('a run whose loss runs away says so, once, after the step that showed it', async () => {
  const given = Array.from({ length: 40 }, (_, i) => ({ loss: i < 1 ? 0.013 : 1 + (i % 5) / 10 }));
  const events = await reports(fresh(), settings(), given);
  const told = events.filter(({ kind }) => kind === 'diverged');
  expect(told).toEqual([
    { kind: 'diverged', step: 14, since: 2, from: expect.closeTo(0.013, 6), to: expect.any(Number) },
  ]);
  expect(events[events.indexOf(told[0]) - 1]).toMatchObject({ kind: 'step', step: 14 });
});

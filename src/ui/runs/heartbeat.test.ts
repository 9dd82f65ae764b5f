/** A worker and a GPU that fall silent, by a clock of its own; and what looks like silence and is none. */
import { beforeEach, expect, test } from 'vitest';
import { Heartbeat, patience, TICK_MS, type Pulse } from './heartbeat';

let now: number;
let pulse: Pulse;
let answers: boolean;
let told: string[];
let waiting: (() => void)[];
let beat: Heartbeat;

beforeEach(() => {
  now = 1e12;
  pulse = { doing: 'steps', stepSeconds: 1, software: false };
  answers = true;
  told = [];
  waiting = [];
  beat = new Heartbeat({
    ask: () => (answers ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve))),
    pulse: () => pulse,
    silent: (what) => told.push(what),
    back: () => told.push('back'),
  });
});

/** Lets so many seconds pass, with a tick when each is due; `steps` comes after every tick. */
async function pass(seconds: number, { every = TICK_MS, steps = false } = {}): Promise<void> {
  const until = now + 1000 * seconds;
  while (now < until) {
    now += every;
    beat.tick(now);
    await Promise.resolve();
    await Promise.resolve();
    if (steps) beat.heard();
  }
}

test('a worker that answers, and tells of steps, is never silent', async () => {
  await pass(3600, { steps: true });
  expect(told).toEqual([]);
});

test('a worker that does not answer is silent after 30 seconds, said once; asked once', async () => {
  await pass(20, { steps: true });
  answers = false;
  await pass(30);
  expect(told).toEqual([]);
  await pass(300);
  expect(told).toEqual(['worker']);
  expect(waiting).toHaveLength(1);
});

test('it answers late: all is well again, and it may fall silent again', async () => {
  answers = false;
  await pass(60);
  answers = true;
  for (const answer of waiting) answer();
  await Promise.resolve();
  await Promise.resolve();
  expect(told).toEqual(['worker', 'back']);
  await pass(20);
  answers = false;
  await pass(60);
  expect(told).toEqual(['worker', 'back', 'worker']);
});

test('a GPU that finishes no step is silent after ten of them, at least a minute; a step brings it back', async () => {
  pulse = { ...pulse, stepSeconds: 30 };
  await pass(290);
  expect(told).toEqual([]);
  await pass(30);
  expect(told).toEqual(['gpu']);
  // That the worker answers is no news of the GPU.
  await pass(30);
  expect(told).toEqual(['gpu']);
  beat.heard();
  expect(told).toEqual(['gpu', 'back']);
  expect(patience({ ...pulse, stepSeconds: 0.1 }).gpu).toBe(60_000);
});

test('loading, compiling and drawing may take a quarter of an hour', async () => {
  pulse = { ...pulse, doing: 'long' };
  await pass(890);
  expect(told).toEqual([]);
  await pass(30);
  expect(told).toEqual(['gpu']);
});

test('a pause may last for ever, as long as the worker answers', async () => {
  pulse = { ...pulse, doing: 'pause' };
  await pass(12 * 3600);
  expect(told).toEqual([]);
  answers = false;
  await pass(60);
  expect(told).toEqual(['worker']);
});

test('a night of sleep is no silence, nor is a hidden tab, whose clock ticks once a minute', async () => {
  now += 8 * 3600_000;
  beat.tick(now);
  now += 8 * 3600_000;
  beat.tick(now);
  await pass(3600, { every: 60_000, steps: true });
  // Steps of a minute, between which a hidden tab's ticks fall.
  expect(told).toEqual([]);
  answers = false;
  await pass(300, { every: 60_000 });
  expect(told).toEqual(['worker']);
});

test('a clock that is set back counts for nothing', async () => {
  await pass(20);
  now -= 3600_000;
  await pass(20);
  expect(told).toEqual([]);
});

test('on the CPU all of it is four times as long, and as long as ten steps', () => {
  const software = { ...pulse, software: true };
  expect(patience(software)).toEqual({ worker: 120_000, gpu: 240_000 });
  expect(patience({ ...software, stepSeconds: 60 })).toEqual({ worker: 600_000, gpu: 600_000 });
  expect(patience({ ...software, doing: 'long' })).toEqual({ worker: 1_200_000, gpu: 3_600_000 });
});

/** What is asked of a run happens between two steps, once, and leaves no trace in what it learns. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import type { TrainEvent } from '../../protocol/trainer';
import { Asks } from './asks';
import { bytesOf, collect, of, QUICK, shortRun } from '../run.testing';
import { train } from './train';

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

test('asks are taken once, a save first; attention waits only while paused with nothing to do', async () => {
  const asks = new Asks();
  asks.ask('sample');
  asks.ask('save');
  asks.ask('sample');
  expect([asks.take(), asks.take(), asks.take()]).toEqual(['save', 'sample', undefined]);
  await asks.attention();
  asks.ask('pause');
  let woken = false;
  const waiting = asks.attention().then(() => (woken = true));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(woken).toBe(false);
  asks.ask('sample');
  await waiting;
  expect([asks.paused, asks.take()]).toEqual([true, 'sample']);
  asks.ask('stop');
  expect(asks.paused).toBe(false);
  await asks.attention();
  expect(asks.signal.aborted).toBe(true);
});

test('a run that was paused, saved and sampled on the way gives the bytes of one that was not', async () => {
  const settings = {
    ...QUICK,
    sample_prompts: ['a red square'],
    // Farther than the run is long: before the first step, after the last, and when asked for.
    sample_every_n_steps: 1000,
    sample_steps: 1,
  };
  const whole = await collect(shortRun(settings));
  const asks = new Asks();
  const events: TrainEvent[] = [];
  for await (const event of train(shortRun(settings, { signal: asks.signal, asks }))) {
    events.push(event);
    if (event.kind === 'step' && event.step === 2) asks.ask('pause');
    if (event.kind === 'paused') {
      // What is asked for while paused happens without a step; then the run says again that it is paused.
      const times = of(events, 'paused').length;
      asks.ask(times === 1 ? 'sample' : times === 2 ? 'save' : 'resume');
      await asks.attention();
    }
  }
  const paused = of(events, 'paused').map(({ step }) => step);
  expect(paused).toHaveLength(3);
  expect(new Set(paused).size).toBe(1);
  const at = paused[0];
  expect(at).toBeGreaterThanOrEqual(2);
  expect(at).toBeLessThan(6);
  expect(of(events, 'resumed')).toEqual([{ kind: 'resumed', step: at }]);
  expect(of(events, 'sample').map(({ step }) => step)).toEqual([0, at, 6]);
  expect(of(events, 'saved').map(({ step, final }) => [step, final])).toEqual([
    [at, false],
    [6, true],
  ]);
  // Everything up to the step at which it paused was reported before it said so.
  const before = events.slice(
    0,
    events.findIndex(({ kind }) => kind === 'paused'),
  );
  expect(of(before, 'step').map(({ step }) => step)).toEqual(Array.from({ length: at }, (_, i) => i + 1));
  const numbers = (all: TrainEvent[]) =>
    of(all, 'step').map(({ loss, gradientNorm }) => [loss, gradientNorm]);
  expect(numbers(events)).toEqual(numbers(whole));
  const final = (all: TrainEvent[]) => of(all, 'saved').slice(-1)[0]?.lora;
  expect(await bytesOf(final(events))).toEqual(await bytesOf(final(whole)));
  // And the state saved while paused resumes to the same file.
  const state = await bytesOf(of(events, 'saved')[0]?.state);
  const source = {
    byteLength: state.length,
    slice: (a: number, b: number) => Promise.resolve(state.slice(a, b).buffer),
  };
  const resumed = await collect(shortRun(settings, { state: source }));
  expect(await bytesOf(final(resumed))).toEqual(await bytesOf(final(whole)));
});

test('a stop while paused saves and ends; what is due and asked for at once is done once', async () => {
  const asks = new Asks();
  const events: TrainEvent[] = [];
  for await (const event of train(shortRun({ save_steps: 2 }, { signal: asks.signal, asks }))) {
    events.push(event);
    if (event.kind === 'step' && event.step === 1) {
      asks.ask('save');
      asks.ask('pause');
    }
    if (event.kind === 'paused') asks.ask('stop');
  }
  const saved = of(events, 'saved').map(({ step, final }) => [step, final]);
  expect(saved.filter(([, final]) => !final).map(([step]) => step)).toEqual([
    ...new Set(saved.filter(([, final]) => !final).map(([step]) => step)),
  ]);
  expect(saved.slice(-1)[0]?.[1]).toBe(true);
  expect(of(events, 'done')[0]?.step).toBeLessThan(6);
});

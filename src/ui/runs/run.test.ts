/**
 * The run as the page lives with it, over a fake IndexedDB and a trainer that answers as a script says: what is written
 * when, what is taken up again after a reload, a lost GPU, a loss that is no number, a full disk.
 */
import '../../storage/fake_indexeddb.testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { defaultConfig, parseConfig } from '../../formats/config/config';
import type { Ask, SavedFile, StepReport, TrainEvent, TrainJob } from '../../protocol/trainer';
import { StorageFullError } from '../../storage/error';
import { putImage, type Picture } from '../../storage/pictures';
import { putProject, type Project } from '../../storage/projects';
import * as runs from '../../storage/runs';
import type * as OpenBase from '../engine/open_base';
import { language } from '../language.svelte';
import { translatedSentences } from '../translated_sentences.svelte';
import { sentenceOfFailure } from './failures';
import { logText } from './log_text';
import { unfinishedRun } from './unfinished';

type Emit = (event: TrainEvent) => Promise<void>;
type Script = (job: TrainJob, emit: Emit) => Promise<void>;

const fake = vi.hoisted(() => ({
  scripts: [] as ((job: never, emit: never) => Promise<void>)[],
  asks: [] as string[],
  discarded: 0,
  jobs: [] as unknown[],
  captionersEnded: 0,
  /** Whether the worker answers when it is asked if it is there. */
  alive: true,
}));

vi.mock('comlink', () => ({ proxy: (callback: unknown) => callback }));
vi.mock('../engine/captioner_worker', () => ({
  endCaptionerWorker: () => void fake.captionersEnded++,
}));
vi.mock('../engine/png', () => ({ pngOf: () => Promise.resolve(new Blob(['png'])) }));
vi.mock('../engine/open_base', async (original) => ({
  ...(await original<typeof OpenBase>()),
  openBase: () => Promise.resolve([new Blob(['base'])]),
}));
vi.mock('../engine/trainer_worker', () => ({
  discardTrainerWorker: () => void fake.discarded++,
  askTrainer: () => (fake.alive ? Promise.resolve(true) : new Promise(() => undefined)),
  withTrainer: (work: (trainer: unknown) => Promise<unknown>) =>
    work({
      train: (job: never, emit: never) => {
        fake.jobs.push(job);
        const script = fake.scripts.shift();
        return script ? script(job, emit) : Promise.resolve();
      },
      ask: (what: Ask) => Promise.resolve(void fake.asks.push(what)),
    }),
}));

const { TrainingRun } = await import('./run.svelte');
const { card } = await import('../engine/card.svelte');

let project: Project;
let pictures: Picture[];

beforeEach(async () => {
  Object.assign(fake, { scripts: [], asks: [], discarded: 0, jobs: [], captionersEnded: 0, alive: true });
  vi.stubGlobal('document', {
    title: 'LoRA Studio',
    visibilityState: 'visible',
    addEventListener() {},
    removeEventListener() {},
  });
  vi.stubGlobal('addEventListener', () => undefined);
  vi.stubGlobal('removeEventListener', () => undefined);
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('merges')));
  vi.stubGlobal('navigator', {
    languages: ['en'],
    storage: { persist: () => Promise.resolve(true), persisted: () => Promise.resolve(true), estimate: () => Promise.resolve({ usage: 1, quota: 1e12 }) },
  }); // prettier-ignore
  URL.createObjectURL = () => 'blob:x';
  URL.revokeObjectURL = () => undefined;
  project = {
    id: crypto.randomUUID(),
    name: 'p',
    createdAt: 0,
    changedAt: 0,
    purpose: 'style',
    trigger: 'inkwash',
    settings: {},
    base: { name: 'tiny', byteLength: 4, kind: 'Stable Diffusion 1.x', where: { in: 'demo' } },
  };
  await putProject(project);
  pictures = ['a red square', ''].map((caption, order) => ({
    id: crypto.randomUUID(),
    project: project.id,
    order,
    name: `${order}.png`,
    width: 64,
    height: 64,
    byteLength: 4,
    type: 'image/png',
    digest: '',
    look: '',
    caption,
    repeats: 2,
    focus: [0.5, 0.25],
  }));
  for (const { id } of pictures) await putImage(id, new Blob(['file']), new Blob(['small']));
});
afterEach(() => void vi.restoreAllMocks());

const config = {
  ...defaultConfig(),
  save_steps: 2,
  learning_rate: 1e-4,
  sample_prompts: ['x'],
  output_name: 'ink',
};
const file = (text: string): SavedFile => ({
  name: `${text}.safetensors`,
  blob: new Blob([text]),
});
const saved = (step: number, final = false): TrainEvent => ({
  kind: 'saved', step, epoch: 1, final, lora: file(`lora${step}`), state: file(`state${step}`),
}); // prettier-ignore
const step = (at: number, loss = 0.1 + at / 100): StepReport => ({
  kind: 'step', step: at, steps: 4, epoch: at > 2 ? 2 : 1, loss, averageLoss: loss, learningRate: 1e-4, gradientNorm: 1,
  lossScale: 1, skipped: false, stepSeconds: 1, gpuBytes: 3e9, etaSeconds: 4 - at,
}); // prettier-ignore
const plan: Extract<TrainEvent, { kind: 'plan' }> = {
  kind: 'plan',
  plan: {
    steps: 4, epochs: 2, stepsPerEpoch: 2, images: 2, loraModules: 192, loraParameters: 1, recomputedBlocks: 0, blocks: 26,
    microBatch: 1, largestBatch: 1, weightBytes: 1, predictedPeakBytes: 2, tier: 'f32', adapter: 'x',
  },
}; // prettier-ignore

/** Emits all, as a worker does: each is taken before the next comes. */
const says =
  (...events: TrainEvent[]): Script =>
  async (_, emit) => {
    for (const event of events) await emit(event);
  };
const fails =
  (name: string, ...events: TrainEvent[]): Script =>
  async (job, emit) => {
    await says(...events)(job, emit);
    throw Object.assign(new Error(`${name} happened`), { name });
  };

async function trained(...scripts: Script[]) {
  fake.scripts = scripts;
  const run = new TrainingRun();
  await run.start(project, pictures, config);
  await vi.waitFor(() => expect(run.active).toBe(false), { timeout: 5000 });
  const id = run.record?.id ?? '';
  await vi.waitFor(async () => expect((await runs.getRun(id))?.state).not.toBe('running'));
  return { run, id };
}

const whole = [
  plan,
  { kind: 'phase', phase: 'train' } as const,
  step(1),
  step(2),
  saved(2),
  step(3),
  step(4),
  saved(4, true),
];

test('a whole run: pictures as they are, everything written through, finished', async () => {
  const sample: TrainEvent = {
    kind: 'sample',
    step: 0,
    index: 0,
    prompt: 'x',
    seed: 42,
    width: 1,
    height: 1,
    rgba: new Uint8ClampedArray(4),
  };
  const { run, id } = await trained(says(sample, ...whole));
  expect(run.now).toEqual({ state: 'finished' });
  const [job] = fake.jobs as TrainJob[];
  // Every caption starts with the trigger; a picture without words stands for it.
  expect(job?.images.map(({ name, caption, repeats, focus }) => [name, caption, repeats, focus])).toEqual([
    ['0.png', 'inkwash, a red square', 2, [0.5, 0.25]],
    ['1.png', 'inkwash', 2, [0.5, 0.25]],
  ]);
  expect(job?.state).toBeUndefined();
  expect(await runs.getRun(id)).toMatchObject({
    state: 'finished',
    step: 4,
    steps: 4,
    name: 'ink',
    plan: { tier: 'f32' },
  });
  expect((await runs.getPoints(id)).map((point) => [point.step, point.epoch])).toEqual([[1, 1], [2, 1], [3, 2], [4, 2]]); // prettier-ignore
  expect((await runs.listCheckpoints(id)).map((each) => [each.step, each.final])).toEqual([[2, false], [4, true]]); // prettier-ignore
  expect((await runs.listSamples(id)).map(({ prompt, seed }) => [prompt, seed])).toEqual([['x', 42]]);
  const log = (await runs.getLog(id)).map(({ text }) => text);
  expect(log[0]).toBe('Run ink started');
  expect(log).toContainEqual('Epoch 1 of 2 done');
  expect(log.at(-1)).toMatch(/^Finished in /);
  expect(logText(run.log).split('\n')).toHaveLength(log.length + 1);
  expect(await unfinishedRun(project.id)).toBeUndefined();
});

test('only the last checkpoints that the settings brought are kept, and the end of the run', async () => {
  fake.scripts = [says(plan, saved(1), saved(2), saved(3), saved(4), saved(6), saved(8), saved(9, true))];
  const run = new TrainingRun();
  await run.start(project, pictures, { ...config, save_steps: 0, save_every_n_epochs: 1, keep_last_n: 2 });
  await vi.waitFor(() => expect(run.active).toBe(false), { timeout: 5000 });
  const kept = await runs.listCheckpoints(run.record?.id ?? '');
  expect(kept.map(({ step }) => step)).toEqual([1, 3, 6, 8, 9]);
  expect(run.checkpoints.map(({ step }) => step)).toEqual([1, 3, 6, 8, 9]);
});

test('the captioner is gone before the trainer is asked for anything', async () => {
  let ended = 0;
  await trained(() => Promise.resolve(void (ended = fake.captionersEnded)));
  expect(ended).toBe(1);
});

test('after a reload the run is offered, and goes on from its newest state with its own pictures', async () => {
  // The tab dies after step 3: nothing more comes, and nobody says why.
  fake.scripts = [
    (job, emit) => says(...whole.slice(0, 6))(job, emit).then(() => new Promise(() => undefined)),
  ];
  const before = new TrainingRun();
  await before.start(project, pictures, config);
  await vi.waitFor(() => expect(before.step).toBe(3));
  await vi.waitFor(async () => expect(await runs.getPoints(before.record?.id ?? '')).toHaveLength(3));
  const left = await unfinishedRun(project.id);
  expect(left).toMatchObject({ run: { id: before.record?.id }, newest: { step: 2 } });

  fake.scripts = [says(plan, step(3), step(4), saved(4, true))];
  const after = new TrainingRun();
  const id = left?.run.id ?? '';
  await after.resumeRun(id);
  await vi.waitFor(() => expect(after.now.state).toBe('finished'));
  const job = fake.jobs.at(-1) as TrainJob;
  expect(await job.state?.text()).toBe('state2');
  expect(job.images.map(({ caption }) => caption)).toEqual(['inkwash, a red square', 'inkwash']);
  expect(job.config).toBe((fake.jobs[0] as TrainJob).config);
  expect(after.points.map((point) => point.step)).toEqual([1, 2, 3, 4]);
  await vi.waitFor(async () =>
    expect((await runs.getPoints(id)).map((point) => point.step)).toEqual([1, 2, 3, 4]),
  );
});

test('a loss that is no number pauses with the last good state, and goes on at half the rate', async () => {
  const { run, id } = await trained(fails('NonFiniteLossError', plan, step(1), step(2), step(3), saved(3)));
  expect(run.now).toEqual({ state: 'unstable', step: 3 });
  expect((await runs.getRun(id))?.state).toBe('paused');
  fake.scripts = [says(step(4), saved(4, true))];
  await run.halveAndGoOn();
  await vi.waitFor(() => expect(run.now.state).toBe('finished'));
  const job = fake.jobs.at(-1) as TrainJob;
  expect(await job.state?.text()).toBe('state3');
  expect(job.config).toMatch(/learning_rate: 0?\.?0*5e-0?5|learning_rate: 0\.00005/);
});

test('a run that diverges pauses, keeps nothing that is spoiled, and goes on from before at a lower rate', async () => {
  const diverges: Script = async (job, emit) => {
    await says(plan, step(1), saved(1), step(2), saved(2), step(3, 1))(job, emit);
    await says({ kind: 'diverged', step: 3, since: 2, from: 0.01, to: 1 }, { kind: 'paused', step: 3 })(
      job,
      emit,
    );
    // It waits, until its worker is ended.
    await new Promise(() => undefined);
  };
  fake.scripts = [diverges, says(step(2), step(3), step(4), saved(4, true))];
  const run = new TrainingRun();
  await run.start(project, pictures, config);
  await vi.waitFor(() => expect(run.now.state).toBe('paused'));
  expect(fake.asks).toEqual(['pause']);
  expect(run.record?.diverged).toEqual({ since: 2, from: 0.01, to: 1 });
  let shownFirst: number | undefined;
  const again = vi.spyOn(run, 'tryAgain').mockImplementationOnce(() => {
    shownFirst = run.step;
    again.mockRestore();
    return run.tryAgain();
  });
  await run.lowerAndGoOn();
  await vi.waitFor(() => expect(run.now.state).toBe('finished'));
  // Not the spoiled steps, while the model is still loading.
  expect(shownFirst).toBe(1);
  const job = fake.jobs.at(-1) as TrainJob;
  expect(await job.state?.text()).toBe('state1');
  expect(parseConfig(job.config).learning_rate).toBe(1e-5);
  expect(run.record?.diverged).toBeUndefined();
  const id = run.record?.id ?? '';
  expect((await runs.listCheckpoints(id)).map((each) => each.step)).toEqual([1, 4]);
});

test('a run that diverges goes on where the person wants no pause, and says so all the same', async () => {
  fake.scripts = [
    says(plan, step(1), { kind: 'diverged', step: 1, since: 1, to: 1 }, step(2), saved(2, true)),
  ];
  const run = new TrainingRun();
  run.pauseDiverged = false;
  await run.start(project, pictures, config);
  await vi.waitFor(() => expect(run.active).toBe(false));
  expect(fake.asks).toEqual([]);
  expect(run.record?.diverged).toEqual({ since: 1, to: 1 });
  expect(run.log.some(({ text }) => text.includes('learning rate is too high'))).toBe(true);
});

test('a lost GPU: once by itself in a new worker; lost again without progress, it waits', async () => {
  vi.stubGlobal('localStorage', storage());
  const { run } = await trained(
    fails('DeviceLostError', plan, step(1), step(2), saved(2), step(3)),
    fails('DeviceLostError', plan),
  );
  expect(fake.discarded).toBe(2);
  expect(await (fake.jobs[1] as TrainJob).state?.text()).toBe('state2');
  expect(run.now).toMatchObject({ state: 'waiting' });
  expect(run.now.state === 'waiting' && run.now.until - Date.now()).toBeGreaterThan(100_000);
  expect(run.notices).toMatchObject([{ kind: 'recovered', step: 2 }]);
  fake.scripts = [says(step(3), step(4), saved(4, true))];
  await run.tryAgain();
  await vi.waitFor(() => expect(run.now.state).toBe('finished'));
});

test('a try before the browser has opened the GPU again keeps the countdown, and gives no advice about drivers', async () => {
  vi.stubGlobal('localStorage', storage());
  const locked: Script = () =>
    Promise.reject(Object.assign(new Error('no adapter'), { name: 'GpuUnavailableError' }));
  const { run } = await trained(
    fails('DeviceLostError', plan, step(1), step(2), saved(2)),
    fails('DeviceLostError', plan),
  );
  const first = run.now.state === 'waiting' ? run.now.until : 0;
  fake.scripts = [locked];
  await run.tryAgain();
  await vi.waitFor(() => expect(run.active).toBe(false));
  expect(run.now).toMatchObject({ state: 'waiting' });
  expect(Math.abs((run.now.state === 'waiting' ? run.now.until : 0) - first)).toBeLessThan(1000);
  expect(run.record?.state).toBe('paused');
  fake.scripts = [says(step(3), step(4), saved(4, true))];
  await run.tryAgain();
  await vi.waitFor(() => expect(run.now.state).toBe('finished'));
});

test('a GPU that is lost after a stop was asked for ends the run with what it has saved', async () => {
  vi.stubGlobal('localStorage', storage());
  fake.scripts = [
    async (job, emit) => {
      await says(plan, step(1), step(2), saved(2), step(3))(job, emit);
      await vi.waitFor(() => expect(fake.asks).toContain('stop'));
      throw Object.assign(new Error('gone'), { name: 'DeviceLostError' });
    },
  ];
  const run = new TrainingRun();
  await run.start(project, pictures, config);
  await vi.waitFor(() => expect(run.safe?.step).toBe(2));
  run.stop();
  await vi.waitFor(() => expect(run.now.state).toBe('stopped'));
  expect(fake.jobs).toHaveLength(1);
  expect(await runs.getRun(run.record?.id ?? '')).toMatchObject({ state: 'stopped', step: 2 });
});

describe('a worker that falls silent', () => {
  /** Tells up to step 3, of which 2 is saved, and then nothing; `late` is told when the returned function is called. */
  async function silent(): Promise<{ run: InstanceType<typeof TrainingRun>; tell: Emit }> {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    let tell: Emit = () => Promise.resolve();
    fake.scripts = [
      async (job, emit) => {
        tell = emit;
        await says(plan, { kind: 'phase', phase: 'train' }, step(1), step(2), saved(2), step(3))(job, emit);
        await new Promise(() => undefined);
      },
    ];
    const run = new TrainingRun();
    await run.start(project, pictures, config);
    await vi.waitFor(() => expect([run.step, run.safe?.step]).toEqual([3, 2]));
    fake.alive = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(run.now).toMatchObject({ state: 'silent', what: 'worker' });
    expect(run.active).toBe(true);
    return { run, tell };
  }
  afterEach(() => void vi.useRealTimers());

  test('is said, and goes on from its last state in a new one; what the old one says late counts for nothing', async () => {
    const { run, tell } = await silent();
    vi.useRealTimers();
    fake.alive = true;
    fake.scripts = [says(plan, step(3), step(4), saved(4, true))];
    await run.goOnFromSaved();
    await tell(step(3, 99));
    await vi.waitFor(() => expect(run.now.state).toBe('finished'));
    expect(fake.discarded).toBe(1);
    expect(await (fake.jobs[1] as TrainJob).state?.text()).toBe('state2');
    expect(run.points.map((point) => point.loss < 1)).toEqual([true, true, true, true]);
  });

  test('is forgotten when it tells of a step after all', async () => {
    const { run, tell } = await silent();
    await tell(step(4));
    expect(run.now).toEqual({ state: 'training' });
    expect(run.step).toBe(4);
  });

  test('is ended by Stop, with what it has saved', async () => {
    const { run } = await silent();
    vi.useRealTimers();
    run.stop();
    await vi.waitFor(() => expect(run.now.state).toBe('stopped'));
    expect(fake.discarded).toBe(1);
    expect(fake.asks).not.toContain('stop');
    expect(await runs.getRun(run.record?.id ?? '')).toMatchObject({ state: 'stopped', step: 2 });
  });
});

test('a run that another version began, with a setting this one does not know, is refused by its name', async () => {
  const { run, id } = await trained(fails('NonFiniteLossError', plan, step(1), step(2), saved(2)));
  const stored = await runs.getRun(id);
  if (!stored) throw new Error('The run is not stored.');
  await runs.putRun({ ...stored, config: `${stored.config}\nlora_flavour: mint\n` });
  const later = new TrainingRun();
  await later.resumeRun(run.record?.id ?? '');
  await vi.waitFor(() => expect(later.active).toBe(false));
  expect(later.now).toMatchObject({ state: 'failed', why: 'resume' });
  expect(later.now.state === 'failed' && later.now.sentence).toMatch(
    /does not know or allow \(lora_flavour\)/,
  );
  expect(fake.jobs).toHaveLength(1);
  expect((await runs.listCheckpoints(id)).map((each) => each.step)).toEqual([2]);
});

test('a base model that is moved while it is read is named, with what to do', async () => {
  const { run } = await trained(fails('NotFoundError'));
  expect(run.now).toMatchObject({ state: 'failed', why: 'base' });
  expect(run.now.state === 'failed' && run.now.sentence).toContain('tiny is no longer where it was');
});

test('storage that is cleared under a run is said once; what it saves from then on is kept', async () => {
  let id = '';
  fake.scripts = [
    async (job, emit) => {
      await says(plan, step(1), saved(1))(job, emit);
      await vi.waitFor(() => expect(id).not.toBe(''));
      await runs.putRunPictures(id, []);
      await says(step(2), saved(2), step(3), saved(3), step(4), saved(4, true))(job, emit);
    },
  ];
  const run = new TrainingRun();
  await run.start(project, pictures, config);
  id = run.record?.id ?? '';
  await vi.waitFor(() => expect(run.now.state).toBe('finished'));
  expect(run.notices.filter(({ kind }) => kind === 'cleared')).toHaveLength(1);
  expect((await runs.listCheckpoints(id)).map((each) => each.step)).toContain(4);
});

test('no room for a checkpoint: the training goes on, and the file is offered', async () => {
  const put = vi
    .spyOn(runs, 'putCheckpoint')
    .mockRejectedValue(new StorageFullError({ what: 'this checkpoint' }));
  fake.scripts = [says(...whole)];
  const run = new TrainingRun();
  await run.start(project, pictures, config);
  await vi.waitFor(() => expect(run.active).toBe(false));
  expect(run.step).toBe(4);
  expect(run.notKept).toMatchObject({ full: true, file: { name: 'lora4.safetensors' } });
  expect(await run.notKept?.file?.blob.text()).toBe('lora4');
  expect(put.mock.calls.length).toBeGreaterThan(0);

  // Still none: it stays on offer.
  await run.keepNow();
  expect(run.notKept?.file).toBeDefined();
  put.mockRestore();
  await run.keepNow();
  expect(run.notKept).toBeUndefined();
  expect(run.safe?.step).toBe(4);
  const [kept] = await runs.listCheckpoints(run.record?.id ?? '');
  expect(await kept?.lora.text()).toBe('lora4');
  expect(await kept?.state?.text()).toBe('state4');
});

test('a curve that found no room is written once there is some, in its order', async () => {
  const append = vi
    .spyOn(runs, 'appendPoints')
    .mockRejectedValueOnce(new StorageFullError({ what: 'the loss curve' }))
    .mockRejectedValueOnce(new StorageFullError({ what: 'the loss curve' }));
  const { run, id } = await trained(says(...whole));
  await vi.waitFor(
    async () => expect((await runs.getPoints(id)).map((point) => point.step)).toEqual([1, 2, 3, 4]),
    {
      timeout: 5000,
    },
  );
  expect(append.mock.calls.length).toBeGreaterThan(2);
  await vi.waitFor(() => expect(run.notKept).toBeUndefined());
  expect(run.log.some(({ text }) => text.includes('no room left'))).toBe(true);
});

test('pausing saves what is not saved; a stop in the middle is told as one', async () => {
  const { run } = await trained(
    says(
      plan,
      step(1),
      step(2),
      { kind: 'paused', step: 2 },
      saved(2),
      { kind: 'resumed', step: 2 },
      step(3),
      saved(3, true),
    ),
  );
  expect(fake.asks).toContain('save');
  expect(run.now).toEqual({ state: 'stopped' });
  expect(run.safe?.step).toBe(3);
});

test('stopped while loading: no run is left behind', async () => {
  fake.scripts = [fails('AbortError', { kind: 'phase', phase: 'load' })];
  const run = new TrainingRun();
  await run.start(project, pictures, config);
  await vi.waitFor(() => expect(run.active).toBe(false));
  await vi.waitFor(async () => expect(await runs.listRuns(project.id)).toEqual([]));
});

test('what cannot be done has a cause with a remedy', async () => {
  const { run } = await trained(fails('MemoryBudgetError', { kind: 'phase', phase: 'load' }));
  expect(run.now).toMatchObject({ state: 'failed', why: 'budget', sentence: 'MemoryBudgetError happened' });
  const outOfMemory = await trained(fails('OutOfMemoryError', { kind: 'phase', phase: 'load' }));
  expect(outOfMemory.run.now).toMatchObject({ state: 'failed', why: 'memory' });
});

test('why a run failed is said in the language that is chosen later', async () => {
  const facts = { tensor: 'out.0.bias', count: 2 };
  const { run } = await trained(async (job, emit) => {
    await says({ kind: 'phase', phase: 'load' })(job, emit);
    throw Object.assign(new Error('It is damaged.'), { name: 'CheckpointError', code: 'non-finite', facts });
  });
  const { now } = run;
  if (now.state !== 'failed') throw new Error(now.state);
  await translatedSentences.load('zh');
  expect(sentenceOfFailure(now)).toBe('It is damaged.');
  language.set('zh');
  expect(sentenceOfFailure(now)).toMatch(/“out\.0\.bias”中有 2 个无穷大或非数值/);
  language.set('en');
  // After a reload there is only what was written down.
  expect(sentenceOfFailure({ state: 'failed', why: now.why, sentence: now.sentence })).toBe('It is damaged.');
});

test('over a budget that was set by hand it starts anyway, also after a reload; a card that was named is told', async () => {
  vi.stubGlobal('localStorage', storage());
  card.name(8);
  const { run, id } = await trained(fails('MemoryBudgetError', { kind: 'phase', phase: 'load' }));
  expect(fake.jobs[0]).toMatchObject({ cardGb: 8 });
  expect(fake.jobs[0]).not.toHaveProperty('anyway');
  fake.scripts = [says(plan, step(1), step(2), saved(2))];
  await run.startAnyway();
  await vi.waitFor(() => expect(run.active).toBe(false));
  expect(fake.jobs[1]).toMatchObject({ cardGb: 8, anyway: true });
  // As another tab, or the next day, would take it up.
  card.name(undefined);
  await new TrainingRun().resumeRun(id);
  await vi.waitFor(() => expect(fake.jobs).toHaveLength(3));
  expect(fake.jobs[2]).toMatchObject({ anyway: true });
  expect(fake.jobs[2]).not.toHaveProperty('cardGb');
});

test('a run whose GPU memory ran out goes on with less from its last save, and says from where', async () => {
  const { run, id } = await trained(
    says(
      plan,
      { kind: 'phase', phase: 'train' },
      step(1, 1),
      step(2, 2),
      saved(2),
      step(3, 9),
      { kind: 'adapted', step: 2, recomputedBlocks: 25, blocks: 26, microBatch: 1 },
      step(3, 3),
      step(4, 4),
      saved(4, true),
    ),
  );
  expect(run.now).toEqual({ state: 'finished' });
  expect(run.points.map((point) => [point.step, point.loss])).toEqual([[1, 1], [2, 2], [3, 3], [4, 4]]); // prettier-ignore
  expect((await runs.getPoints(id)).map((point) => point.loss)).toEqual([1, 2, 3, 4]);
  expect(run.notices).toEqual([
    { kind: 'adapted', step: 2, recomputedBlocks: 25, blocks: 26, microBatch: 1 },
  ]);
  expect(run.record?.plan).toMatchObject({ recomputedBlocks: 25, microBatch: 1 });
  const log = run.log.map(({ text }) => text);
  expect(log).toContainEqual(
    expect.stringMatching(/no memory left.*from step 2: 25\/26 blocks computed twice, 1 picture at once/),
  );
});

test('one time: samples are a phase, a step’s usual time is kept with the run, all phases are what it took', async () => {
  let time = 1_000_000;
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => time);
  try {
    const states: string[] = [];
    const run = new TrainingRun();
    const at =
      (ms: number, ...events: TrainEvent[]): Script =>
      async (_, emit) => {
        time = 1_000_000 + ms;
        for (const event of events) {
          await emit(event);
          states.push(run.now.state);
        }
      };
    fake.scripts = [
      async (job, emit) => {
        await at(0, plan, { kind: 'phase', phase: 'load' })(job, emit);
        await at(4000, { kind: 'phase', phase: 'sample' })(job, emit);
        await at(10_000, { kind: 'phase', phase: 'compile' })(job, emit);
        await at(12_000, { kind: 'phase', phase: 'train' }, { ...step(1), stepSeconds: 30 })(job, emit);
        await at(14_000, { ...step(2), stepSeconds: 5 }, { ...step(3), stepSeconds: 5.3 })(job, emit);
        await at(16_000, { ...step(4), stepSeconds: 13 }, { kind: 'phase', phase: 'save' })(job, emit);
        await at(17_000, saved(4, true), { kind: 'phase', phase: 'sample' })(job, emit);
        await at(22_000, { kind: 'done', step: 4 })(job, emit);
      },
    ];
    await run.start(project, pictures, config);
    await vi.waitFor(() => expect(run.now.state).toBe('finished'));
    expect(new Set(states)).toEqual(new Set(['preparing', 'sampling', 'training', 'saving']));
    expect(run.phases.map(({ phase, seconds, complete }) => [phase, seconds, complete])).toEqual([
      ['load', 4, true],
      ['compile', 2, true],
      ['train', 5, true],
      ['sample', 6 + 5, true],
    ]);
    expect(run.record).toMatchObject({ seconds: 22, stepSeconds: 5.3 });
    expect(run.log.at(-1)?.text).toBe('Finished in 22 s');
    expect(run.log.some(({ text }) => /^Step 4\..* 5\.3 s a step$/.test(text))).toBe(true);
  } finally {
    clock.mockRestore();
  }
});

test('steps far slower than the measured speed are named as spilling, for a run that can fill a card', async () => {
  const slow = Array.from({ length: 12 }, (_, i) => ({ ...step(i + 1), steps: 12, stepSeconds: 40 }));
  const large: TrainEvent = { ...plan, plan: { ...plan.plan, steps: 12, predictedPeakBytes: 3.4e9 } };
  const told = async (first: TrainEvent, expected?: number) => {
    fake.scripts = [says(first, { kind: 'phase', phase: 'train' }, ...slow, saved(12, true))];
    const run = new TrainingRun();
    await run.start(project, pictures, config, expected ? { expectedStepSeconds: expected } : {});
    await vi.waitFor(() => expect(run.active).toBe(false));
    return run.notices.filter(({ kind }) => kind === 'spilling');
  };
  expect(await told(large, 5)).toEqual([{ kind: 'spilling', seconds: 40, expected: 5 }]);
  expect(await told(large, 20)).toEqual([]);
  expect(await told(large)).toEqual([]);
  expect(await told(plan, 5)).toEqual([]);
});

function storage() {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
}

test('the log says how many pictures were encoded, and nothing where none had to be', async () => {
  const logged = async (...encoded: TrainEvent[]) => {
    const { run } = await trained(says({ kind: 'phase', phase: 'encode' }, ...encoded, ...whole));
    return run.log.filter(({ text }) => text.includes('pictures encoded')).length;
  };
  const progress = { kind: 'progress', phase: 'encode', done: 2, total: 2 } as const;
  expect(await logged({ ...progress, unit: 'images' })).toBe(1);
  expect(await logged({ ...progress, unit: 'captions' })).toBe(0);
});

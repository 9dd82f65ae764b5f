/**
 * The run under way, or the one shown: starts it in the worker, follows its events, writes everything through to
 * storage as it happens, and takes it up again after a reload, a lost GPU, a loss that is no number. One for the page.
 * Longer than most files, for whatever happens to a run happens here; what it is made of lies beside it.
 */
import * as Comlink from 'comlink';
import { endCaptionerWorker } from '../captioning/captioner_worker';
import { withTrigger } from '../dataset/captions/trigger';
import type { TrainConfig } from '../../formats/config_fields';
import type { StepReport, TrainEvent } from '../../protocol/trainer';
import type { Picture } from '../../storage/pictures';
import { getProject, type BaseModelRef, type Project } from '../../storage/projects';
import {
  deleteCheckpoint,
  deleteRun,
  getLog,
  getPoints,
  getRun,
  getRunPictures,
  listCheckpoints,
  listRuns,
  listSamples,
  putRun,
  putRunPictures,
  type Checkpoint,
  type LogLine,
  type Point,
  type Run,
} from '../../storage/runs';
import { persist, space } from '../../storage/space';
import { lockedUntil, LOCKED_MS, noteGpuLoss } from '../gpu/losses';
import { inLanguage } from '../language.svelte';
import { duration, number, size } from '../shell/figures';
import { sentenceOf } from '../sentence';
import { failureOf } from './failures';
import { Guards } from './guards.svelte';
import { messages } from './messages';
import { Pace } from './pace';
import { PhaseTimes } from './phase_times';
import { pngOf } from './png';
import { jobFor } from './run_job';
import { RunWriter, type Trouble } from './run_writer';
import { chime } from './sound';
import type { CheckpointView, Notice, Now, PhaseTime, SampleView } from './states';
import { TimedSaves } from './timed_saves';
import { discardTrainerWorker, withTrainer } from './trainer_worker';
import { resumableCheckpoint, takeNewest } from './unfinished';

export interface StartOptions {
  /** A LoRA to begin from, and what it is called. */
  pretrained?: { file: Blob; name: string };
}

const TICK_MS = 10_000;
const LOG_STEP_MS = 10_000;

export class TrainingRun {
  now: Now = $state.raw({ state: 'idle' });
  /** The run shown; undefined until there is one. */
  record: Run | undefined = $state.raw();
  points: readonly Point[] = $state.raw([]);
  samples: readonly SampleView[] = $state.raw([]);
  checkpoints: readonly CheckpointView[] = $state.raw([]);
  log: readonly LogLine[] = $state.raw([]);
  phases: readonly PhaseTime[] = $state.raw([]);
  latest: StepReport | undefined = $state.raw();
  notices: readonly Notice[] = $state.raw([]);
  /** What was asked and is not done yet. */
  asked: 'pause' | 'stop' | undefined = $state.raw();
  /** Of the run shown. */
  config: TrainConfig | undefined = $state.raw();
  /** Why the newest checkpoint could not be kept, and the file itself: only in memory. */
  notKept: (Trouble & { file?: { name: string; blob: Blob } }) | undefined = $state.raw();
  sound = $state(false);

  /** A worker is at it, or about to be. */
  readonly active: boolean = $derived(
    ['preparing', 'training', 'saving', 'paused', 'recovering'].includes(this.now.state),
  );
  readonly steps: number = $derived(this.record?.steps ?? 0);
  readonly step: number = $derived(this.latest?.step ?? this.record?.step ?? 0);
  readonly progress: number = $derived(this.steps ? this.step / this.steps : 0);
  readonly safe: CheckpointView | undefined = $derived(this.checkpoints.at(-1));
  readonly guards = new Guards({
    unsaved: () =>
      this.notKept?.file !== undefined ||
      (this.active && (this.step > (this.safe?.step ?? 0) || this.now.state === 'saving')),
    cameBack: (seconds) => this.#cameBack(seconds),
  });

  #base: BaseModelRef | undefined;
  #pretrained: Blob | undefined;
  #writer: RunWriter | undefined;
  /** The newest checkpoint, where it could not be kept. */
  #unkept: Checkpoint | undefined;
  #times = new PhaseTimes();
  #pace = new Pace();
  #timed = new TimedSaves(0);
  #ticking: ReturnType<typeof setInterval> | undefined;
  #saveWanted = false;
  #lastLogged = 0;
  /** Seconds of training before this page took it up, and since when it runs; pauses are left out. */
  #before = 0;
  #since: number | undefined;
  /** The state the last lost GPU was resumed from: a second loss without progress waits. */
  #resumedAfterLoss: number | undefined;
  #events: Promise<unknown> = Promise.resolve();

  /** Trains on these pictures. Resolves when the run is under way or has failed; it goes on by itself. */
  async start(
    project: Project,
    pictures: readonly Picture[],
    config: TrainConfig,
    { pretrained }: StartOptions = {},
  ): Promise<void> {
    if (this.active || !project.base) return;
    // At once: a second click must find it under way.
    this.now = { state: 'preparing', phase: 'load' };
    const m = this.#words();
    const now = Date.now();
    const { formatConfig } = await yaml();
    const record: Run = {
      id: crypto.randomUUID(),
      project: project.id,
      name: config.output_name,
      startedAt: now,
      changedAt: now,
      state: 'running',
      config: formatConfig(config),
      baseName: project.base.name,
      images: pictures.length,
      step: 0,
      steps: 0,
      seconds: 0,
      ...(pretrained ? { trainedFrom: pretrained.name } : {}),
    };
    this.#show(record, config);
    this.#base = project.base;
    this.#pretrained = pretrained?.file;
    this.#begin(record);
    void persist().catch(() => undefined);
    try {
      await putRun(record);
      await putRunPictures(
        record.id,
        pictures.map(({ id, name, caption, repeats, focus }) => ({
          id,
          name,
          caption: withTrigger(caption, project.trigger),
          repeats,
          focus,
        })),
      );
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#note(m.logged.started(record.name));
    void this.#train();
  }

  /** Takes up a run that is not under way. Rejects if its project or base model cannot be had. */
  async resumeRun(id: string): Promise<void> {
    if (this.active) return;
    const run = await getRun(id);
    const base = run && (await getProject(run.project))?.base;
    if (!run || !base) throw new Error(this.#words().failure.base);
    await this.show(id);
    this.#base = base;
    this.#begin({ ...run, state: 'running' });
    void this.#train();
  }

  /** Shows a run from storage, as it was left. Does nothing while another is under way. */
  async show(id: string): Promise<void> {
    if (this.active || this.record?.id === id) return;
    const run = await getRun(id);
    if (!run || this.active) return;
    const [points, log, checkpoints, samples] = await Promise.all([
      getPoints(id),
      getLog(id),
      listCheckpoints(id),
      listSamples(id),
    ]);
    const config = await configOf(run);
    if (this.active) return;
    this.#show(run, config);
    this.points = points;
    this.log = log;
    this.checkpoints = checkpoints.map(viewOf);
    this.samples = samples.map((sample) => ({ ...sample, url: URL.createObjectURL(sample.image) }));
    if (run.state === 'finished' || run.state === 'stopped') this.now = { state: run.state };
    else if (run.state === 'failed')
      this.now = { state: 'failed', why: 'other', sentence: run.sentence ?? '' };
  }

  /** Shows the newest run of a project, or none. */
  async showLatest(project: string): Promise<void> {
    if (this.active) return;
    const [newest] = await listRuns(project);
    if (newest) await this.show(newest.id);
    else if (!this.active) this.forget();
  }

  /** Shows no run. */
  forget(): void {
    if (this.active) return;
    this.#clear();
    this.record = undefined;
    this.now = { state: 'idle' };
  }

  pause(): void {
    this.#ask('pause');
  }

  /** Ends a pause. */
  resume(): void {
    this.asked = undefined;
    this.#post('resume');
  }

  /** Finishes the step, saves and ends. */
  stop(): void {
    this.#note(this.#words().logged.stopAsked);
    this.#ask('stop');
  }

  sampleNow(): void {
    this.#post('sample');
  }

  saveNow(): void {
    this.#saveWanted = true;
    this.#post('save');
  }

  /** A checkpoint that found no room, once there is more; also after the run has ended. */
  async keepNow(): Promise<void> {
    const checkpoint = this.#unkept;
    if (!checkpoint || !(await this.#writer?.checkpoint(checkpoint))) return;
    // Of a newer one there is nothing to say here.
    if (this.#unkept === checkpoint) this.#kept(checkpoint);
    await this.#writer?.flush();
  }

  /** After a failure, a second lost GPU: goes on from the newest state. */
  async tryAgain(): Promise<void> {
    if (this.active || !this.record) return;
    if (!this.#base) return this.resumeRun(this.record.id);
    this.#begin({ ...this.record, state: 'running' });
    void this.#train();
  }

  /** Goes on from the last good state at half the learning rate. */
  async halveAndGoOn(): Promise<void> {
    const { record } = this;
    if (this.active || !record) return;
    const { parseConfig, formatConfig } = await yaml();
    const config = parseConfig(record.config);
    const half = (rate: number | null) => (rate === null ? null : rate / 2);
    const slower: TrainConfig = {
      ...config,
      learning_rate: config.learning_rate / 2,
      unet_lr: half(config.unet_lr),
      text_encoder_lr: half(config.text_encoder_lr),
    };
    this.config = slower;
    this.#change({ config: formatConfig(slower) });
    this.#note(this.#words().logged.halved(String(slower.learning_rate)));
    await this.tryAgain();
  }

  /** Ends a run that waits for a decision, with what it has. */
  async keepAsIs(): Promise<void> {
    const { record } = this;
    if (this.active || !record) return;
    await this.#writer?.flush();
    const newest = await takeNewest(record.id);
    if (newest) {
      this.record = { ...record, state: 'stopped', step: newest.step };
      this.now = { state: 'stopped' };
    } else {
      await deleteRun(record.id);
      this.forget();
    }
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((each) => each !== notice);
  }

  // ---- the run itself ----

  async #train(): Promise<void> {
    const { record } = this;
    if (!record || !this.#base) return;
    const m = this.#words();
    // Its memory, on the GPU too, is wanted for the run.
    endCaptionerWorker();
    try {
      const from = await resumableCheckpoint(record.id);
      this.#takeUpFrom(from?.step ?? 0);
      if (from) this.#note(m.logged.resumed(number(from.step)));
      else if (record.step > 0) this.#note(m.logged.startedOver);
      if (!from && record.trainedFrom && !this.#pretrained) throw new Error(m.pretrainedGone);
      const job = await jobFor({
        config: record.config,
        base: this.#base,
        pictures: await getRunPictures(record.id),
        pretrained: this.#pretrained,
        state: from?.state,
      });
      this.#saySteps(this.now.state === 'recovering' ? from?.step : undefined);
      await withTrainer((trainer) =>
        trainer.train(
          job,
          Comlink.proxy((event: TrainEvent) => this.#follow(event)),
        ),
      );
      await this.#events;
      await this.#ended();
    } catch (error) {
      await this.#events;
      await this.#broke(error);
    }
  }

  /** Steps after the state were taken in vain: they come again, with the same numbers. */
  #takeUpFrom(step: number): void {
    this.points = this.points.filter((point) => point.step <= step);
    this.#before = this.points.at(-1)?.seconds ?? 0;
    this.#since = undefined;
    this.latest = undefined;
    this.#change({ step });
  }

  #saySteps(recovered: number | undefined): void {
    if (recovered === undefined) return;
    this.#tell({ kind: 'recovered', step: recovered });
  }

  #follow(event: TrainEvent): void {
    const m = this.#words();
    const now = Date.now();
    switch (event.kind) {
      case 'phase':
        this.#enter(event.phase, now);
        break;
      case 'progress':
        this.#progress(event);
        break;
      case 'plan': {
        const { plan } = event;
        this.#change({ plan, steps: plan.steps });
        this.#note(
          m.logged.plan(
            number(plan.steps),
            number(plan.epochs),
            `${plan.recomputedBlocks}/${plan.blocks}`,
            size(plan.predictedPeakBytes),
            `${plan.adapter}, ${plan.tier}`,
          ),
        );
        break;
      }
      case 'step':
        this.#step(event, now);
        break;
      case 'sample':
        this.#events = Promise.all([this.#events, this.#sample(event)]);
        break;
      case 'sample-failed':
        this.#tell({ kind: 'samples-failed', step: event.step, sentence: event.sentence });
        this.#note(`${m.notice.samples(number(event.step))} ${event.sentence}`);
        break;
      case 'saved':
        this.#events = Promise.all([this.#events, this.#saved(event)]);
        break;
      case 'paused':
        this.#stopClock(now);
        this.asked = undefined;
        this.now = { state: 'paused' };
        this.#change({ state: 'paused' });
        this.#note(m.logged.paused(number(event.step)));
        // A paused run may be left for the night: what it has is kept now.
        if (event.step > (this.safe?.step ?? 0)) this.#post('save');
        this.#headline();
        break;
      case 'resumed':
        this.#since = now;
        this.now = { state: 'training' };
        this.#change({ state: 'running' });
        this.#note(m.logged.goesOn(number(event.step)));
        this.#headline();
        break;
      case 'note':
        this.#note(event.text);
        break;
      case 'done':
        break;
    }
  }

  #enter(phase: Extract<TrainEvent, { kind: 'phase' }>['phase'], now: number): void {
    const m = this.#words();
    const before = this.phases.find(({ seconds }) => seconds === undefined);
    this.#times.enter(phase, now);
    this.phases = this.#times.list();
    const over = this.phases.find((each) => each.phase === before?.phase);
    if (over?.seconds !== undefined && over.phase !== phase) {
      if (over.phase === 'encode')
        this.#note(m.logged.encoded(number(over.counted ?? 0), duration(over.seconds)));
      if (over.phase === 'load' && phase === 'compile')
        this.#note(m.logged.loaded(this.record?.baseName ?? '', duration(over.seconds)));
      if (over.phase === 'compile') this.#note(m.logged.compiled(duration(over.seconds)));
    }
    if (phase === 'train') this.now = { state: 'training' };
    else if (phase === 'save') this.now = { state: 'saving' };
    else this.now = { state: 'preparing', phase };
    if (phase === 'compile') this.#since ??= now;
    this.#headline();
  }

  #progress({ phase, done, total, unit }: Extract<TrainEvent, { kind: 'progress' }>): void {
    if (unit === 'images') this.#times.count(phase, total);
    this.phases = this.#times.list();
    if (phase !== 'train' && phase !== 'save') this.now = { state: 'preparing', phase, done, total, unit };
  }

  #step(report: StepReport, now: number): void {
    const m = this.#words();
    const { step, epoch, loss, learningRate, gradientNorm } = report;
    const point = { step, epoch, loss, learningRate, gradientNorm, seconds: this.#clock(now) };
    const before = this.latest;
    this.latest = report;
    this.points = [...this.points, point];
    this.#writer?.point(point);
    this.#change({ step, seconds: point.seconds });
    const { frozenSeconds, slow } = this.#pace.step(report.stepSeconds);
    if (frozenSeconds !== undefined) {
      const minutes = Math.max(1, Math.round(frozenSeconds / 60));
      this.#tell({ kind: 'gap', minutes });
      this.#note(m.logged.frozen(number(minutes)));
    }
    if (slow) this.#tell({ kind: 'slow', ...slow });
    if (report.skipped) this.#note(m.logged.skipped(number(step), number(report.lossScale)));
    if (before && epoch > before.epoch)
      this.#note(m.logged.epoch(number(before.epoch), number(this.record?.plan?.epochs ?? epoch)));
    if (now - this.#lastLogged > LOG_STEP_MS || step === 1 || step === report.steps) {
      this.#lastLogged = now;
      const figures = [loss, report.averageLoss].map((value) => value.toFixed(4)) as [string, string];
      this.#note(m.logged.step(number(step), ...figures, duration(report.stepSeconds)));
    }
    this.#headline();
  }

  async #sample(event: Extract<TrainEvent, { kind: 'sample' }>): Promise<void> {
    const { record } = this;
    const { step, prompt, seed, width, height, rgba } = event;
    const image = await pngOf(rgba, width, height);
    if (!record || record.id !== this.record?.id) return;
    const same = (each: SampleView) => each.step === step && each.prompt === prompt && each.seed === seed;
    const old = this.samples.find(same);
    if (old) URL.revokeObjectURL(old.url);
    const view = { step, prompt, seed, width, height, url: URL.createObjectURL(image) };
    if (!this.samples.some((each) => each.step === step)) {
      this.#note(this.#words().logged.samples(number(step), this.config?.sample_prompts.length ?? 1));
    }
    this.samples = [...this.samples.filter((each) => !same(each)), view];
    await this.#writer?.sample({ run: record.id, step, prompt, seed, width, height, image });
  }

  async #saved(event: Extract<TrainEvent, { kind: 'saved' }>): Promise<void> {
    const { record } = this;
    if (!record || !this.#writer) return;
    const { step, epoch, final, lora, state } = event;
    const every = this.config?.save_steps ?? 0;
    const wanted = final || this.#saveWanted || (every > 0 && step % every === 0);
    this.#saveWanted = false;
    const checkpoint: Checkpoint = {
      run: record.id,
      step,
      epoch,
      savedAt: Date.now(),
      name: lora.name,
      lora: new Blob([lora.bytes]),
      state: new Blob([state.bytes]),
      final,
    };
    this.notKept = undefined;
    this.#unkept = undefined;
    let kept = await this.#writer.checkpoint(checkpoint);
    const stale = this.#timed.saved(step, wanted, Date.now());
    if (!kept && stale.length) {
      await this.#drop(stale);
      kept = await this.#writer.checkpoint(checkpoint);
    }
    if (kept) {
      await this.#drop(final ? [...stale, ...this.#timed.end()] : stale);
      this.#kept(checkpoint);
    } else {
      const trouble = this.notKept ?? { full: false, sentence: '' };
      this.notKept = { ...trouble, file: { name: lora.name, blob: checkpoint.lora } };
      this.#unkept = checkpoint;
    }
  }

  #kept(checkpoint: Checkpoint): void {
    const { step, lora, state } = checkpoint;
    this.#unkept = undefined;
    this.notKept = undefined;
    this.checkpoints = [...this.checkpoints.filter((each) => each.step !== step), viewOf(checkpoint)];
    const bytes = lora.size + (state?.size ?? 0);
    this.#note(this.#words().logged.saved(number(step), size(bytes)));
    void this.#lookAtSpace(bytes);
  }

  async #drop(steps: readonly number[]): Promise<void> {
    const { record } = this;
    if (!record) return;
    for (const step of steps) await deleteCheckpoint(record.id, step).catch(() => undefined);
    this.checkpoints = this.checkpoints.filter(({ step }) => !steps.includes(step));
  }

  async #lookAtSpace(bytes: number): Promise<void> {
    const { used, quota } = await space().catch(() => ({ used: 0, quota: 0 }));
    const free = quota - used;
    if (quota > 0 && free < 4 * bytes) {
      this.#tell({ kind: 'low-storage', freeBytes: Math.max(0, free), more: Math.floor(free / bytes) });
    }
  }

  /** The worker has come to the end, by itself or because it was asked to stop. */
  async #ended(): Promise<void> {
    const m = this.#words();
    const { record } = this;
    if (!record) return;
    const finished = record.steps > 0 && record.step >= record.steps;
    const state = finished ? 'finished' : 'stopped';
    this.#note(
      finished ? m.logged.finished(duration(record.seconds)) : m.logged.stopped(number(record.step)),
    );
    this.#settle({ state }, state);
    await this.#writer?.flush();
  }

  async #broke(error: unknown): Promise<void> {
    const name = error instanceof Error ? error.name : '';
    if (name === 'AbortError') return this.#abandoned();
    if (name === 'NonFiniteLossError') {
      const step = this.step;
      this.#note(this.#words().logged.failed(sentenceOf(error)));
      this.#settle({ state: 'unstable', step }, 'paused');
    } else if (name === 'DeviceLostError') {
      await this.#lost(error);
      return;
    } else this.#fail(error);
    await this.#writer?.flush();
  }

  /** Stopped while it was still loading: there is no step to keep. */
  async #abandoned(): Promise<void> {
    const { record } = this;
    if (!record) return;
    this.#settle({ state: 'stopped' }, 'stopped');
    await this.#writer?.flush();
    if (record.step === 0) await deleteRun(record.id).catch(() => undefined);
  }

  /** Once by itself, in a new worker; without progress since, the browser is about to lock the GPU. */
  async #lost(error: unknown): Promise<void> {
    const { record } = this;
    if (!record) return;
    const before = lockedUntil();
    noteGpuLoss();
    discardTrainerWorker();
    this.#note(this.#words().logged.lost(sentenceOf(error)));
    await this.#writer?.flush();
    const newest = (await resumableCheckpoint(record.id))?.step ?? 0;
    if (before !== undefined || this.#resumedAfterLoss === newest) {
      this.#settle({ state: 'waiting', until: Date.now() + LOCKED_MS }, 'paused');
      return;
    }
    this.#resumedAfterLoss = newest;
    this.now = { state: 'recovering' };
    this.#times = new PhaseTimes();
    await this.#train();
  }

  #fail(error: unknown): void {
    const sentence = sentenceOf(error);
    this.#note(this.#words().logged.failed(sentence));
    this.#change({ sentence });
    this.#settle({ state: 'failed', why: failureOf(error), sentence }, 'failed');
    discardTrainerWorker();
  }

  // ---- what is around it ----

  #begin(record: Run): void {
    this.#writer = new RunWriter(record, (trouble) => this.#trouble(trouble));
    this.#times = new PhaseTimes();
    this.#pace = new Pace();
    this.#timed = new TimedSaves(Date.now());
    this.#resumedAfterLoss = undefined;
    this.notices = [];
    this.asked = undefined;
    this.phases = [];
    this.record = record;
    this.#change({ state: 'running', sentence: '' });
    this.now = { state: 'preparing', phase: 'load' };
    this.guards.begin(record.id);
    clearInterval(this.#ticking);
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#headline();
  }

  /** No worker is at it any more. */
  #settle(now: Now, state: Run['state']): void {
    this.#stopClock(Date.now());
    this.#times.leave(Date.now());
    this.phases = this.#times.list();
    clearInterval(this.#ticking);
    this.asked = undefined;
    this.now = now;
    this.#change({ state });
    this.guards.end();
    if (this.sound) chime();
  }

  /** Said once, however often it is tried; over when something could be written again, unless a file still waits. */
  #trouble(trouble: Trouble | undefined): void {
    if (trouble === undefined) {
      if (!this.notKept?.file) this.notKept = undefined;
      return;
    }
    if (trouble.sentence !== this.notKept?.sentence)
      this.#remember({ at: Date.now(), text: this.#words().logged.notKept(trouble.sentence) });
    this.notKept = { ...this.notKept, ...trouble };
  }

  #tick(): void {
    if (this.now.state === 'training' && this.#timed.due(Date.now())) this.#post('save');
  }

  #ask(what: 'pause' | 'stop'): void {
    if (!this.active) return;
    this.asked = what;
    this.#post(what);
  }

  #post(what: 'pause' | 'resume' | 'stop' | 'sample' | 'save'): void {
    if (!this.active) return;
    void withTrainer((trainer) => trainer.ask(what)).catch(() => undefined);
  }

  #clock(now: number): number {
    return this.#before + (this.#since === undefined ? 0 : (now - this.#since) / 1000);
  }

  #stopClock(now: number): void {
    this.#before = this.#clock(now);
    this.#since = undefined;
  }

  #cameBack(seconds: number): void {
    if (!this.active || seconds < 30) return;
    this.#note(this.#words().logged.hidden(duration(seconds)));
  }

  #headline(): void {
    if (!this.active) return;
    const m = this.#words();
    if (this.now.state === 'preparing') this.guards.title(m.preparing[this.now.phase]);
    else if (this.now.state === 'paused') this.guards.title(m.paused);
    else this.guards.title(`${Math.floor(100 * this.progress)} %`);
  }

  /** One notice of a kind: the newer says more. */
  #tell(notice: Notice): void {
    this.notices = [...this.notices.filter(({ kind }) => kind !== notice.kind), notice];
    if (this.sound && notice.kind !== 'recovered') chime();
  }

  #note(text: string): void {
    const line = { at: Date.now(), text };
    this.#remember(line);
    this.#writer?.line(line);
  }

  #remember(line: LogLine): void {
    this.log = [...this.log, line];
  }

  #change(patch: Partial<Run>): void {
    if (!this.record) return;
    this.record = { ...this.record, ...patch, changedAt: Date.now() };
    this.#writer?.change(this.record);
  }

  #show(record: Run, config: TrainConfig | undefined): void {
    this.#clear();
    this.record = record;
    this.config = config;
    this.now = { state: 'idle' };
  }

  #clear(): void {
    for (const { url } of this.samples) URL.revokeObjectURL(url);
    this.#writer = undefined;
    this.#base = undefined;
    this.#pretrained = undefined;
    this.points = [];
    this.samples = [];
    this.checkpoints = [];
    this.log = [];
    this.phases = [];
    this.notices = [];
    this.latest = undefined;
    this.notKept = undefined;
    this.#unkept = undefined;
    this.config = undefined;
    this.asked = undefined;
  }

  #words(): (typeof messages)['en'] {
    return inLanguage(messages);
  }
}

export const run = new TrainingRun();

function viewOf({ step, name, savedAt, final, lora }: Checkpoint): CheckpointView {
  return { step, name, savedAt, final, bytes: lora.size };
}

/** A run of an older version may have a configuration that is none any more: it can still be looked at. */
async function configOf({ config }: Run): Promise<TrainConfig | undefined> {
  const { parseConfig } = await yaml();
  try {
    return parseConfig(config);
  } catch {
    return undefined;
  }
}

/** The start screen has this class, and needs no YAML. */
async function yaml() {
  const [{ parseConfig }, { formatConfig }] = await Promise.all([
    import('../../formats/config'),
    import('../../formats/config_format'),
  ]);
  return { parseConfig, formatConfig };
}

/**
 * The run under way: starts it in the worker and takes it up again after a reload, a lost GPU, a loss that is no number.
 * One for the page. What is shown of it is in shown_run.svelte.ts, what the worker tells in event_follower.ts, where its
 * checkpoints go in checkpoint_keeper.ts.
 */
import * as Comlink from 'comlink';
import type { TrainConfig } from '../../formats/config/config_fields';
import { lowerRates, mainRate } from '../../formats/config/rates';
import type { Ask, TrainEvent } from '../../protocol/trainer';
import type { Picture } from '../../storage/pictures';
import { getProject, type BaseModelRef, type Project } from '../../storage/projects';
import {
  deleteCheckpoint,
  deleteRun,
  getRun,
  getRunPictures,
  listCheckpoints,
  listRuns,
  putRun,
  putRunPictures,
  type Run,
} from '../../storage/runs';
import { persist } from '../../storage/space';
import { endCaptionerWorker } from '../engine/captioner_worker';
import { withTrigger } from '../../formats/dataset/trigger';
import { lockedUntil, LOCKED_MS, noteGpuLoss } from '../engine/losses';
import { sentenceOf } from '../sentence';
import { duration, number } from '../figures';
import { baseDigest, fileKey, isOtherBase, OtherBaseError } from '../engine/base_digest';
import { CheckpointKeeper } from './checkpoint_keeper';
import { EventFollower } from './event_follower';
import { failureOf } from './failures';
import { Guards } from './guards.svelte';
import { jobFor } from './run_job';
import { yaml } from './run_config';
import { RunWriter } from './run_writer';
import { ShownRun } from './shown_run.svelte';
import { chime } from './sound';
import type { Now } from './states';
import { discardTrainerWorker, withTrainer } from '../engine/trainer_worker';
import { readable } from '../engine/open_base';
import { studio } from '../studio.svelte';
import type { Watch } from './watch';
import { resumableCheckpoint, resumableCheckpoints, takeNewest } from './unfinished';

export interface StartOptions {
  /** A LoRA to begin from, and what it is called. */
  pretrained?: { file: Blob; name: string };
  /** Even over a budget that was set by hand. */
  anyway?: boolean;
  /** What a step is to take by the GPU's measured speed. */
  expectedStepSeconds?: number;
}

const TICK_MS = 10_000;

export class TrainingRun extends ShownRun {
  readonly guards = new Guards({
    unsaved: () =>
      this.notKept?.file !== undefined ||
      (this.active && (this.step > (this.safe?.step ?? 0) || this.now.state === 'saving')),
    cameBack: (seconds) => this.#cameBack(seconds),
  });

  readonly #keeper = new CheckpointKeeper(this);
  readonly #follower = new EventFollower(
    this,
    this.#keeper,
    (what) => this.#post(what),
    () => this.#headline(),
  );
  #base: BaseModelRef | undefined;
  #pretrained: Blob | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #watch: Watch | undefined;
  /** Counts the workers that were given the run: what an ended one has still said is not listened to. */
  #session = 0;
  /** The state the last lost GPU was resumed from: a second loss without progress waits. */
  #resumedAfterLoss: number | undefined;

  /** Trains on these pictures. Resolves when the run is under way or has failed; it goes on by itself. */
  async start(
    project: Project,
    pictures: readonly Picture[],
    config: TrainConfig,
    { pretrained, anyway, expectedStepSeconds }: StartOptions = {},
  ): Promise<void> {
    if (this.active || !project.base) return;
    // At once: a second click must find it under way.
    this.now = { state: 'preparing', phase: 'load' };
    await this.ready();
    const m = this.words();
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
      ...(anyway ? { anyway } : {}),
      ...(expectedStepSeconds === undefined ? {} : { expectedStepSeconds }),
    };
    this.put(record, config);
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
    this.note(m.logged.started(record.name));
    void this.#train();
  }

  /** Takes up a run that is not under way. Rejects if its project or base model cannot be had. */
  async resumeRun(id: string): Promise<void> {
    if (this.active) return;
    await this.ready();
    const run = await getRun(id);
    const base = run && (await getProject(run.project))?.base;
    if (!run || !base) throw new Error(this.words().failure.base);
    await this.show(id);
    this.#base = base;
    this.#begin({ ...run, state: 'running' });
    void this.#train();
  }

  /** Shows the newest run of a project, or none. */
  async showLatest(project: string): Promise<void> {
    if (this.active) return;
    const [newest] = await listRuns(project);
    if (newest) await this.show(newest.id);
    else if (!this.active) this.forget();
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
    this.note(this.words().logged.stopAsked);
    if (this.now.state === 'silent') return void this.giveUp();
    this.#ask('stop');
  }

  sampleNow(): void {
    this.#post('sample');
  }

  saveNow(): void {
    this.#keeper.want();
    this.#post('save');
  }

  /** A checkpoint that found no room, once there is more; also after the run has ended. */
  keepNow(): Promise<void> {
    return this.#keeper.keepNow();
  }

  /** After a failure, a second lost GPU: goes on from the newest state. */
  async tryAgain(): Promise<void> {
    await this.ready();
    if (this.active || !this.record) return;
    if (!this.#base) return this.resumeRun(this.record.id);
    this.#begin({ ...this.record, state: 'running' });
    void this.#train();
  }

  /** The worker does not answer: goes on from the newest state in a new one. */
  async goOnFromSaved(): Promise<void> {
    if (await this.#discarded()) await this.tryAgain();
  }

  /** The worker does not answer: ends the run with what it has saved. */
  async giveUp(): Promise<void> {
    if (await this.#discarded()) await this.keepAsIs();
  }

  /** The same although it is over the budget that was set by hand. */
  async startAnyway(): Promise<void> {
    if (this.active || !this.record) return;
    this.change({ anyway: true });
    await this.tryAgain();
  }

  /** Goes on from the last good state at half the learning rate. */
  async halveAndGoOn(): Promise<void> {
    const { record } = this;
    if (this.active || !record) return;
    await this.ready();
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
    this.change({ config: formatConfig(slower) });
    this.note(this.words().logged.halved(String(slower.learning_rate)));
    await this.tryAgain();
  }

  /** After a divergence: goes on from the last state from before it, or starts over, at a lower learning rate. */
  async lowerAndGoOn(): Promise<void> {
    const { record } = this;
    const since = record?.diverged?.since;
    if (!record || since === undefined) return;
    await this.ready();
    // What its worker has on the GPU is spoiled.
    await this.#discarded();
    const { parseConfig, formatConfig } = await yaml();
    const config = parseConfig(record.config);
    const lower: TrainConfig = { ...config, ...lowerRates(config) };
    for (const { step } of await listCheckpoints(record.id))
      if (step >= since) await deleteCheckpoint(record.id, step);
    this.checkpoints = this.checkpoints.filter(({ step }) => step < since);
    this.config = lower;
    // At once: until the trainer has loaded, nobody shall take the spoiled steps for the new ones.
    this.#follower.takeUpFrom(this.checkpoints.at(-1)?.step ?? 0);
    this.change({ config: formatConfig(lower), diverged: undefined });
    this.note(this.words().logged.lowered(String(mainRate(lower).rate)));
    await this.writer?.flush();
    if (this.record) await putRun(this.record);
    await this.tryAgain();
  }

  /** Ends a run that waits for a decision, with what it has. */
  async keepAsIs(): Promise<void> {
    const { record } = this;
    if (this.active || !record) return;
    await this.writer?.flush();
    const newest = await takeNewest(record.id);
    if (newest) {
      this.record = { ...record, state: 'stopped', step: newest.step };
      this.now = { state: 'stopped' };
    } else {
      await deleteRun(record.id);
      this.forget();
    }
  }

  // ---- the run itself ----

  /** Ends the worker of a run under way; what it told is written. False if the run had ended already. */
  async #discarded(): Promise<boolean> {
    const { active } = this;
    if (active) {
      this.#session++;
      discardTrainerWorker();
      this.#settle({ state: 'idle' }, 'paused');
    }
    await this.#follower.settled();
    await this.writer?.flush();
    return active;
  }

  async #train(): Promise<void> {
    const { record } = this;
    if (!record || !this.#base) return;
    const m = this.words();
    // Its memory, on the GPU too, is wanted for the run.
    endCaptionerWorker();
    const session = ++this.#session;
    try {
      const { watch, refuseOtherVersion } = await import('./watch');
      refuseOtherVersion(record);
      const [from, ...older] = await resumableCheckpoints(record.id);
      this.#follower.takeUpFrom(from?.step ?? 0);
      if (from) this.note(m.logged.resumed(number(from.step)));
      else if (record.step > 0) this.note(m.logged.startedOver);
      if (!from && record.trainedFrom && !this.#pretrained) throw new Error(m.pretrainedGone);
      const job = await jobFor({
        config: record.config,
        base: this.#base,
        project: record.project,
        pictures: await getRunPictures(record.id),
        pretrained: this.#pretrained,
        state: from?.state,
        olderStates: older.map(({ state }) => state),
        anyway: record.anyway,
      });
      if (from && (await isOtherBase(record, job.base))) throw new OtherBaseError();
      void this.#nameBase(record, job.base);
      if (from && this.now.state === 'recovering') this.tell({ kind: 'recovered', step: from.step });
      if (session !== this.#session) return;
      const listening = watch(this, studio.adapter?.software ?? false);
      this.#watch = listening;
      await withTrainer((trainer) =>
        trainer.train(
          job,
          Comlink.proxy((event: TrainEvent) => {
            if (session !== this.#session) return;
            listening.heard();
            this.#follower.follow(event);
          }),
        ),
      );
      await this.#follower.settled();
      if (session === this.#session) await this.#ended();
    } catch (error) {
      await this.#follower.settled();
      if (session === this.#session) await this.#broke(readable(this.#base.name, error));
    }
  }

  /** Also after the run has ended, as long as it is shown. */
  async #nameBase({ id, baseSha256 }: Run, files: readonly Blob[]): Promise<void> {
    if (baseSha256 !== undefined) return;
    const sha256 = await baseDigest(files);
    if (sha256 !== undefined && this.record?.id === id)
      this.change({ baseSha256: sha256, baseKey: fileKey(files) });
  }

  /** The worker has come to the end, by itself or because it was asked to stop. */
  async #ended(): Promise<void> {
    const m = this.words();
    const { record } = this;
    if (!record) return;
    const finished = record.steps > 0 && record.step >= record.steps;
    const state = finished ? 'finished' : 'stopped';
    this.#follower.end(Date.now(), finished);
    this.note(
      finished
        ? m.logged.finished(duration(this.record?.seconds ?? 0))
        : m.logged.stopped(number(record.step)),
    );
    this.#settle({ state }, state);
    await this.writer?.flush();
  }

  async #broke(error: unknown): Promise<void> {
    const name = error instanceof Error ? error.name : '';
    this.#watch?.end();
    if (name === 'AbortError') return this.#abandoned();
    if (name === 'NonFiniteLossError') {
      const step = this.step;
      this.note(this.words().logged.failed(sentenceOf(error)));
      this.#settle({ state: 'unstable', step }, 'paused');
    } else if (name === 'DeviceLostError') {
      await this.#lost(error);
      return;
    } else if (name === 'GpuUnavailableError' && lockedUntil() !== undefined) this.#wait();
    else this.#fail(error);
    await this.writer?.flush();
  }

  /** Stopped while it was still loading: there is no step to keep. */
  async #abandoned(): Promise<void> {
    const { record } = this;
    if (!record) return;
    this.#settle({ state: 'stopped' }, 'stopped');
    await this.writer?.flush();
    if (record.step === 0) await deleteRun(record.id).catch(() => undefined);
  }

  /** Once by itself, in a new worker; without progress since, the browser is about to lock the GPU. */
  async #lost(error: unknown): Promise<void> {
    const { record } = this;
    if (!record) return;
    const before = lockedUntil();
    noteGpuLoss();
    discardTrainerWorker();
    this.note(this.words().logged.lost(sentenceOf(error)));
    // It was to stop after its step, which did not come: what was saved before is what there is.
    if (this.asked === 'stop') return this.giveUp();
    await this.writer?.flush();
    const newest = (await resumableCheckpoint(record.id))?.step ?? 0;
    if (before !== undefined || this.#resumedAfterLoss === newest) return this.#wait();
    this.#resumedAfterLoss = newest;
    this.now = { state: 'recovering' };
    await this.#train();
  }

  /** Until the browser opens the GPU again. A try before its end comes back here, with what is left of the time. */
  #wait(): void {
    this.#settle({ state: 'waiting', until: lockedUntil() ?? Date.now() + LOCKED_MS }, 'paused');
  }

  #fail(error: unknown): void {
    const sentence = sentenceOf(error);
    this.note(this.words().logged.failed(sentence));
    this.change({ sentence });
    const told = error instanceof Error ? { error } : {};
    this.#settle({ state: 'failed', why: failureOf(error), sentence, ...told }, 'failed');
    discardTrainerWorker();
  }

  // ---- what is around it ----

  #begin(record: Run): void {
    this.writer = new RunWriter(record, (trouble) => this.#keeper.trouble(trouble));
    this.#keeper.begin(Date.now());
    this.#follower.begin();
    this.#resumedAfterLoss = undefined;
    this.notices = [];
    this.asked = undefined;
    this.phases = [];
    this.record = record;
    this.change({ state: 'running', sentence: '' });
    this.now = { state: 'preparing', phase: 'load' };
    this.guards.begin(record.id);
    clearInterval(this.#ticking);
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#headline();
  }

  /** No worker is at it any more. */
  #settle(now: Now, state: Run['state']): void {
    this.#follower.end(Date.now(), state === 'finished');
    clearInterval(this.#ticking);
    this.#watch?.end();
    this.asked = undefined;
    this.now = now;
    this.change({ state });
    this.guards.end();
    if (this.sound) chime();
  }

  #tick(): void {
    if (this.now.state === 'training' && this.#keeper.due(Date.now())) this.#post('save');
  }

  #ask(what: 'pause' | 'stop'): void {
    if (!this.active) return;
    this.asked = what;
    this.#post(what);
  }

  #post(what: Ask): void {
    if (!this.active) return;
    void withTrainer((trainer) => trainer.ask(what)).catch(() => undefined);
  }

  #cameBack(seconds: number): void {
    if (!this.active || seconds < 30) return;
    this.note(this.words().logged.hidden(duration(seconds)));
  }

  #headline(): void {
    if (!this.active) return;
    const m = this.words();
    if (this.now.state === 'preparing') this.guards.title(m.preparing[this.now.phase]);
    else if (this.now.state === 'paused') this.guards.title(m.paused);
    else this.guards.title(`${Math.floor(100 * this.progress)} %`);
  }

  protected override clear(): void {
    super.clear();
    this.#keeper.clear();
    this.#base = undefined;
    this.#pretrained = undefined;
  }
}

export const run = new TrainingRun();

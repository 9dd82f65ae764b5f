/**
 * What the trainer tells of the run under way, in the order it comes: shown, logged and handed on to storage. Times are
 * in milliseconds since 1970.
 */
import type { Ask, StepReport, TrainEvent } from '../../protocol/trainer';
import { duration, number, size } from '../figures';
import { adaptedText } from './adapted_text';
import type { CheckpointKeeper } from './checkpoint_keeper';
import { Pace } from './pace';
import { PhaseTimes } from './phase_times';
import { pngOf } from '../engine/png';
import type { ShownRun } from './shown_run.svelte';
import { chime } from './sound';
import type { SampleView } from './states';
import { sentenceOfTold } from '../sentence';

const LOG_STEP_MS = 10_000;
const LARGE_BYTES = 1e9;

export class EventFollower {
  #times = new PhaseTimes();
  #pace = new Pace();
  #lastLogged = 0;
  /** Seconds of training before this page took it up, and since when it runs; pauses are left out. */
  #before = 0;
  #since: number | undefined;
  /** It pauses because its loss ran away: what it has now is not worth keeping. */
  #spoiled = false;
  /** Seconds of all phases, of the sessions before this one. */
  #spent = 0;
  #events: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly shown: ShownRun,
    private readonly keeper: CheckpointKeeper,
    private readonly post: (what: Ask) => void,
    private readonly headline: () => void,
  ) {}

  /** A run is under way from now on. */
  begin(): void {
    this.#spoiled = false;
    this.#pace = new Pace();
    this.#times = new PhaseTimes();
    this.#spent = 0;
  }

  /** Resolves when all that was told until now is on its way to storage. */
  async settled(): Promise<void> {
    await this.#events;
  }

  /** Steps after the state were taken in vain: they come again, with the same numbers. */
  takeUpFrom(step: number): void {
    const { record } = this.shown;
    // What a lost GPU took is spent, whether the steps come again or not.
    this.#spent = Math.max(record?.seconds ?? 0, this.#seconds(Date.now()));
    this.#times = new PhaseTimes();
    this.#pace = new Pace(record?.expectedStepSeconds);
    this.shown.dropAfter(step);
    this.#before = this.shown.points.at(-1)?.seconds ?? 0;
    this.#since = undefined;
    this.shown.change({ step });
  }

  /** No worker is at it any more. Told twice, the first counts. */
  end(now: number, finished: boolean): void {
    this.#stopClock(now);
    this.#times.end(now, finished);
    this.shown.phases = this.#times.list();
    this.shown.change({ seconds: this.#seconds(now) });
  }

  follow(event: TrainEvent): void {
    const m = this.shown.words();
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
        this.shown.change({ plan, steps: plan.steps });
        this.shown.note(
          m.logged.plan(
            number(plan.steps),
            number(plan.epochs),
            `${plan.recomputedBlocks}/${plan.blocks}`,
            size(plan.predictedPeakBytes),
            [plan.adapter, plan.tier].filter(Boolean).join(', '),
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
      case 'diverged':
        this.#diverged(event);
        break;
      case 'sample-failed':
        this.shown.tell({ ...event, kind: 'samples-failed' });
        this.shown.note(`${m.notice.samples(number(event.step))} ${sentenceOfTold(event)}`);
        break;
      case 'not-saved':
        this.shown.note(`${m.logged.notSaved} ${sentenceOfTold(event)}`);
        break;
      case 'saved':
        this.#events = Promise.all([this.#events, this.keeper.saved(event)]);
        break;
      case 'fell-back':
        this.#fellBack(event);
        break;
      case 'adapted':
        this.#adapted(event);
        break;
      case 'paused':
        this.#stopClock(now);
        this.#times.pause(now);
        this.shown.asked = undefined;
        this.shown.now = { state: 'paused' };
        this.shown.change({ state: 'paused' });
        this.shown.note(m.logged.paused(number(event.step)));
        // A paused run may be left for the night: what it has is kept now, unless that is spoiled.
        if (!this.#spoiled && event.step > (this.shown.safe?.step ?? 0)) this.post('save');
        this.headline();
        break;
      case 'resumed':
        this.#spoiled = false;
        this.#since = now;
        this.#times.resume(now);
        this.shown.now = { state: 'training' };
        this.shown.change({ state: 'running' });
        this.shown.note(m.logged.goesOn(number(event.step)));
        this.headline();
        break;
      case 'note':
        this.shown.note(sentenceOfTold(event));
        break;
      case 'done':
        break;
    }
  }

  #fellBack({ step, newest }: Extract<TrainEvent, { kind: 'fell-back' }>): void {
    const m = this.shown.words();
    const lost = newest === undefined || newest <= step ? undefined : newest - step;
    this.takeUpFrom(step);
    this.shown.tell({ kind: 'fell-back', step, ...(lost === undefined ? {} : { lost }) });
    this.shown.note(
      `${m.notice.fellBack(number(step))} ${m.notice.fellBackText(lost === undefined ? lost : number(lost))}`,
    );
  }

  /** The run begins anew from its last save: what came after it comes again. */
  #adapted({ step, recomputedBlocks, blocks, microBatch }: Extract<TrainEvent, { kind: 'adapted' }>): void {
    const m = this.shown.words();
    this.shown.dropAfter(step);
    this.#before = this.shown.points.at(-1)?.seconds ?? 0;
    this.#since = undefined;
    const { plan } = this.shown.record ?? {};
    this.shown.change({ step, ...(plan ? { plan: { ...plan, recomputedBlocks, microBatch } } : {}) });
    this.shown.tell({ kind: 'adapted', step, recomputedBlocks, blocks, microBatch });
    this.shown.note(`${m.notice.adapted} ${adaptedText(m, { step, recomputedBlocks, blocks, microBatch })}`);
    this.#pace = new Pace(this.shown.record?.expectedStepSeconds);
  }

  #enter(phase: Extract<TrainEvent, { kind: 'phase' }>['phase'], now: number): void {
    const m = this.shown.words();
    const before = this.shown.phases.find(({ seconds }) => seconds === undefined);
    this.#times.enter(phase, now);
    this.shown.phases = this.#times.list();
    const over = this.shown.phases.find((each) => each.phase === before?.phase);
    if (over?.seconds !== undefined && over.phase !== phase) {
      // Captions alone are encoded where every picture's latents are kept from an earlier run.
      if (over.phase === 'encode' && over.counted)
        this.shown.note(m.logged.encoded(number(over.counted.total), duration(over.seconds)));
      if (over.phase === 'load' && phase !== 'encode')
        this.shown.note(m.logged.loaded(this.shown.record?.baseName ?? '', duration(over.seconds)));
      if (over.phase === 'compile') this.shown.note(m.logged.compiled(duration(over.seconds)));
    }
    if (phase === 'train') this.shown.now = { state: 'training' };
    else if (phase === 'sample') this.shown.now = { state: 'sampling' };
    else if (phase === 'save') this.shown.now = { state: 'saving' };
    else this.shown.now = { state: 'preparing', phase };
    if (phase === 'compile') this.#since ??= now;
    this.headline();
  }

  #progress({ phase, done, total, unit }: Extract<TrainEvent, { kind: 'progress' }>): void {
    if (unit === 'images') this.#times.count(phase, done, total);
    this.shown.phases = this.#times.list();
    if (phase !== 'train' && phase !== 'sample' && phase !== 'save')
      this.shown.now = { state: 'preparing', phase, done, total, unit };
  }

  #diverged({ since, from, to }: Extract<TrainEvent, { kind: 'diverged' }>): void {
    const { shown } = this;
    shown.change({ diverged: { since, to, ...(from === undefined ? {} : { from }) } });
    shown.note(shown.words().logged.diverged(to.toPrecision(3), number(since)));
    if (shown.sound) chime();
    if (!shown.pauseDiverged) return;
    this.#spoiled = true;
    shown.asked ??= 'pause';
    this.post('pause');
  }

  #step(report: StepReport, now: number): void {
    const m = this.shown.words();
    const { step, epoch, loss, averageLoss, learningRate, textLearningRate, gradientNorm } = report;
    const { lossScale, stepSeconds, gpuBytes } = report;
    const point = {
      ...{ step, epoch, loss, averageLoss, learningRate, gradientNorm, seconds: this.#clock(now) },
      ...{ lossScale, stepSeconds, gpuBytes },
      ...(textLearningRate === undefined ? {} : { textLearningRate }),
    };
    const before = this.shown.latest;
    this.shown.latest = report;
    this.shown.latestAt = now;
    this.shown.points = [...this.shown.points, point];
    this.shown.writer?.point(point);
    const visible = document.visibilityState === 'visible';
    const { frozenSeconds, slow, spilling } = this.#pace.step(report.stepSeconds, visible);
    const { typical } = this.#pace;
    this.shown.change({
      step,
      seconds: this.#seconds(now),
      ...(typical === undefined ? {} : { stepSeconds: typical }),
    });
    if (frozenSeconds !== undefined) {
      const minutes = Math.max(1, Math.round(frozenSeconds / 60));
      this.shown.tell({ kind: 'gap', minutes });
      this.shown.note(m.logged.frozen(number(minutes)));
    }
    if (slow) this.shown.tell({ kind: 'slow', ...slow });
    if (spilling && this.#isLarge()) {
      this.shown.tell({ kind: 'spilling', ...spilling });
      this.shown.note(
        `${m.notice.spilling(duration(spilling.seconds), duration(spilling.expected))} ${m.notice.spillingText}`,
      );
    }
    if (report.skipped) this.shown.note(m.logged.skipped(number(step), number(report.lossScale)));
    if (before && epoch > before.epoch)
      this.shown.note(m.logged.epoch(number(before.epoch), number(this.shown.record?.plan?.epochs ?? epoch)));
    if (now - this.#lastLogged > LOG_STEP_MS || step === 1 || step === report.steps) {
      this.#lastLogged = now;
      const figures = [loss, report.averageLoss].map((value) => value.toFixed(4)) as [string, string];
      this.shown.note(m.logged.step(number(step), ...figures, duration(typical ?? report.stepSeconds)));
    }
    this.headline();
  }

  async #sample(event: Extract<TrainEvent, { kind: 'sample' }>): Promise<void> {
    const { record } = this.shown;
    const { step, prompt, seed, width, height, rgba } = event;
    const image = await pngOf(rgba, width, height);
    if (!record || record.id !== this.shown.record?.id) return;
    const same = (each: SampleView) => each.step === step && each.prompt === prompt && each.seed === seed;
    const old = this.shown.samples.find(same);
    if (old) URL.revokeObjectURL(old.url);
    const view = { step, prompt, seed, width, height, url: URL.createObjectURL(image) };
    if (!this.shown.samples.some((each) => each.step === step)) {
      this.shown.note(
        this.shown.words().logged.samples(number(step), this.shown.config?.sample_prompts.length ?? 1),
      );
    }
    this.shown.samples = [...this.shown.samples.filter((each) => !same(each)), view];
    await this.shown.writer?.sample({ run: record.id, step, prompt, seed, width, height, image });
  }

  /** A small run fills no card: what slows it is something else. */
  #isLarge(): boolean {
    return (this.shown.record?.plan?.predictedPeakBytes ?? 0) > LARGE_BYTES;
  }

  #seconds(now: number): number {
    return this.#spent + this.#times.total(now);
  }

  #clock(now: number): number {
    return this.#before + (this.#since === undefined ? 0 : (now - this.#since) / 1000);
  }

  #stopClock(now: number): void {
    this.#before = this.#clock(now);
    this.#since = undefined;
  }
}

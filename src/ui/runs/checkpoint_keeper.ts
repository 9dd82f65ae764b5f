/**
 * Checkpoints of the run under way: kept in storage as they come, those that only the clock asked for thinned out, and
 * what found no room held in memory until there is some.
 */
import { isDue, saveInterval } from '../../formats/config/intervals';
import type { TrainEvent } from '../../protocol/trainer';
import { deleteCheckpoint, type Checkpoint } from '../../storage/runs';
import { space } from '../../storage/space';
import { number, size } from '../figures';
import type { Trouble } from './run_writer';
import { viewOf, type ShownRun } from './shown_run.svelte';
import { TimedSaves } from './timed_saves';

export class CheckpointKeeper {
  /** The newest checkpoint, where it could not be kept. */
  #unkept: Checkpoint | undefined;
  #timed = new TimedSaves(0);
  #wanted = false;

  constructor(private readonly shown: ShownRun) {}

  /** A run is under way from now on. */
  begin(now: number): void {
    this.#timed = new TimedSaves(now);
  }

  /** Another run is shown. */
  clear(): void {
    this.#unkept = undefined;
  }

  /** The next one is a person's wish. */
  want(): void {
    this.#wanted = true;
  }

  /** Is it time to ask for one? True once per save. */
  due(now: number): boolean {
    return this.#timed.due(now);
  }

  async saved(event: Extract<TrainEvent, { kind: 'saved' }>): Promise<void> {
    const { record } = this.shown;
    if (!record || !this.shown.writer) return;
    const { step, epoch, final, lora, state } = event;
    const wanted = final || this.#wanted || this.#isDue(step);
    this.#wanted = false;
    const checkpoint: Checkpoint = {
      run: record.id,
      step,
      epoch,
      savedAt: Date.now(),
      name: lora.name,
      lora: lora.blob,
      state: state.blob,
      final,
    };
    this.shown.notKept = undefined;
    this.#unkept = undefined;
    let kept = await this.shown.writer.checkpoint(checkpoint);
    const stale = this.#timed.saved(step, wanted, Date.now());
    if (!kept && stale.length) {
      await this.#drop(stale);
      kept = await this.shown.writer.checkpoint(checkpoint);
    }
    if (kept) {
      await this.#drop(final ? [...stale, ...this.#timed.end()] : stale);
      this.#kept(checkpoint);
      await this.#drop(this.#outdated());
      const { lookWhetherCleared } = await import('./watch');
      await lookWhetherCleared(this.shown, record);
    } else {
      const trouble = this.shown.notKept ?? { full: false, sentence: '' };
      this.shown.notKept = { ...trouble, file: { name: lora.name, blob: checkpoint.lora } };
      this.#unkept = checkpoint;
    }
  }

  /** A checkpoint that found no room, once there is more; also after the run has ended. */
  async keepNow(): Promise<void> {
    const checkpoint = this.#unkept;
    if (!checkpoint || !(await this.shown.writer?.checkpoint(checkpoint))) return;
    // Of a newer one there is nothing to say here.
    if (this.#unkept === checkpoint) this.#kept(checkpoint);
    await this.shown.writer?.flush();
  }

  /** Said once, however often it is tried; over when something could be written again, unless a file still waits. */
  trouble(trouble: Trouble | undefined): void {
    if (trouble === undefined) {
      if (!this.shown.notKept?.file) this.shown.notKept = undefined;
      return;
    }
    if (trouble.sentence !== this.shown.notKept?.sentence)
      this.shown.remember({ at: Date.now(), text: this.shown.words().logged.notKept(trouble.sentence) });
    this.shown.notKept = { ...this.shown.notKept, ...trouble };
  }

  #isDue(step: number): boolean {
    const { config, record } = this.shown;
    return config !== undefined && isDue(saveInterval(config), step, record?.plan?.stepsPerEpoch ?? 0);
  }

  /** Of those that the settings brought, all but the last few that are to be kept; never the run's end. */
  #outdated(): number[] {
    const keep = this.shown.config?.keep_last_n ?? 0;
    if (keep === 0) return [];
    const due = this.shown.checkpoints.filter(({ step, final }) => !final && this.#isDue(step));
    const steps = due.map(({ step }) => step).sort((a, b) => a - b);
    return steps.slice(0, -keep);
  }

  #kept(checkpoint: Checkpoint): void {
    const { step, lora, state } = checkpoint;
    this.#unkept = undefined;
    this.shown.notKept = undefined;
    this.shown.checkpoints = [
      ...this.shown.checkpoints.filter((each) => each.step !== step),
      viewOf(checkpoint),
    ];
    const bytes = lora.size + (state?.size ?? 0);
    this.shown.note(this.shown.words().logged.saved(number(step), size(bytes)));
    void this.#lookAtSpace(bytes);
  }

  async #drop(steps: readonly number[]): Promise<void> {
    const { record } = this.shown;
    if (!record) return;
    for (const step of steps) await deleteCheckpoint(record.id, step).catch(() => undefined);
    this.shown.checkpoints = this.shown.checkpoints.filter(({ step }) => !steps.includes(step));
  }

  async #lookAtSpace(bytes: number): Promise<void> {
    const { used, quota } = await space().catch(() => ({ used: 0, quota: 0 }));
    const free = quota - used;
    if (quota > 0 && free < 4 * bytes) {
      this.shown.tell({ kind: 'low-storage', freeBytes: Math.max(0, free), more: Math.floor(free / bytes) });
    }
  }
}

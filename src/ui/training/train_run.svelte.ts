/** One run of the trainer as the page sees it: starts the worker, follows its events, keeps the finished file. */
import * as Comlink from 'comlink';
import type { StepReport, TrainEvent, Trainer, TrainJob } from '../../protocol/trainer';
import { getLastLora, putLastLora, type StoredLora } from '../../storage/last_lora';

type State =
  | { state: 'idle' }
  | { state: 'running'; line: string }
  | { state: 'done'; step: number }
  | { state: 'failed'; sentence: string };

export class TrainRun {
  now: State = $state.raw({ state: 'idle' });
  steps: StepReport[] = $state.raw([]);
  file: { name: string; url: string; step: number } | undefined = $state.raw(undefined);
  /** Why the file could not be kept over a reload, if it could not. */
  notKept: string | undefined = $state.raw(undefined);
  private stopRun: (() => void) | undefined;

  /** Offers what an earlier run in this browser left. */
  async recall(): Promise<void> {
    const last = await getLastLora();
    if (last && !this.file) this.offer(last);
  }

  /** Resolves when the run has ended, however it did. */
  async start(job: TrainJob): Promise<void> {
    this.forgetFile();
    this.steps = [];
    this.now = { state: 'running', line: 'Starting…' };
    const worker = new Worker(new URL('../../../workers/trainer.worker.ts', import.meta.url), {
      type: 'module',
    });
    const trainer = Comlink.wrap<Trainer>(worker);
    this.stopRun = () => void trainer.stop();
    const broken = new Promise<never>((_, reject) => {
      worker.onerror = (event) => reject(new Error(event.message || 'The trainer could not be started.'));
    });
    try {
      await Promise.race([
        trainer.train(
          job,
          Comlink.proxy((event: TrainEvent) => this.follow(event)),
        ),
        broken,
      ]);
      if (this.now.state === 'running') this.now = { state: 'done', step: this.steps.length };
    } catch (error) {
      this.now = { state: 'failed', sentence: error instanceof Error ? error.message : String(error) };
    } finally {
      this.stopRun = undefined;
      worker.terminate();
    }
  }

  /** Asks the run to finish its step, save and end. */
  stop(): void {
    this.stopRun?.();
  }

  private follow(event: TrainEvent): void {
    switch (event.kind) {
      case 'phase':
        this.now = { state: 'running', line: PHASES[event.phase] };
        break;
      case 'progress':
        this.now = {
          state: 'running',
          line: `${PHASES[event.phase]} ${event.done} of ${event.total} ${event.unit}`,
        };
        break;
      case 'step':
        this.steps = [...this.steps, event];
        break;
      case 'saved':
        this.keep({ name: event.lora.name, step: event.step, file: new Blob([event.lora.bytes]) });
        break;
      case 'done':
        this.now = { state: 'done', step: event.step };
        break;
    }
  }

  private keep(lora: StoredLora): void {
    this.offer(lora);
    this.notKept = undefined;
    putLastLora(lora).catch((error: unknown) => {
      this.notKept = `Download it now: this browser could not keep it (${error instanceof Error ? error.message : String(error)}).`;
    });
  }

  private offer({ name, step, file }: StoredLora): void {
    this.forgetFile();
    this.file = { name, step, url: URL.createObjectURL(file) };
  }

  private forgetFile(): void {
    if (this.file) URL.revokeObjectURL(this.file.url);
    this.file = undefined;
  }
}

const PHASES = {
  load: 'Loading the base model…',
  encode: 'Encoding pictures and captions…',
  compile: 'Compiling shaders…',
  train: 'Training…',
  save: 'Saving…',
};

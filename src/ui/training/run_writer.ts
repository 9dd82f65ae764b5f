/**
 * A run on its way to storage: points and log lines gathered for half a second, all else at once, one write after the
 * other. What fails is told and does not stop the run; it stays in memory as long as the page does.
 */
import { StorageFullError } from '../../storage/error';
import {
  appendLog,
  appendPoints,
  putCheckpoint,
  putRun,
  putSample,
  type Checkpoint,
  type LogLine,
  type Point,
  type Run,
  type Sample,
} from '../../storage/runs';
import { sentenceOf } from '../sentence';

const GATHER_MS = 500;

/** Why something could not be kept. */
export interface Trouble {
  full: boolean;
  sentence: string;
}

export class RunWriter {
  #run: Run;
  #dirty = false;
  #points: Point[] = [];
  #lines: LogLine[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** `tell` hears why a write failed. */
  constructor(
    run: Run,
    private readonly tell: (trouble: Trouble) => void,
  ) {
    this.#run = run;
  }

  change(run: Run): void {
    this.#run = run;
    this.#dirty = true;
    this.#soon();
  }

  point(point: Point): void {
    this.#points.push(point);
    this.#soon();
  }

  line(line: LogLine): void {
    this.#lines.push(line);
    this.#soon();
  }

  sample(sample: Sample): Promise<boolean> {
    return this.#after(() => putSample(sample));
  }

  /** False if it could not be kept. What led to it is written first. */
  async checkpoint(checkpoint: Checkpoint): Promise<boolean> {
    void this.flush();
    return this.#after(() => putCheckpoint(checkpoint));
  }

  /** Resolves when all that was given until now is written, or its trouble told. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { id } = this.#run;
    const points = this.#points.splice(0);
    const lines = this.#lines.splice(0);
    if (points.length) void this.#after(() => appendPoints(id, points));
    if (lines.length) void this.#after(() => appendLog(id, lines));
    if (this.#dirty) {
      const run = this.#run;
      this.#dirty = false;
      void this.#after(() => putRun(run));
    }
    await this.#last;
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS);
  }

  #after(write: () => Promise<void>): Promise<boolean> {
    const done = this.#last.then(write).then(
      () => true,
      (error: unknown) => {
        const sentence = sentenceOf(error);
        this.tell({ full: error instanceof StorageFullError, sentence });
        return false;
      },
    );
    this.#last = done;
    return done;
  }
}

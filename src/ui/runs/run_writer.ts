/**
 * A run on its way to storage: points and log lines gathered for half a second, all else at once, one write after the
 * other. What fails is told and does not stop the run: curve, log and record are tried again with the next write, of the
 * rest the giver hears.
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
  readonly #points: Point[] = [];
  readonly #lines: LogLine[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** `tell` hears why a write failed, and `undefined` of each that did not. */
  constructor(
    run: Run,
    private readonly tell: (trouble: Trouble | undefined) => void,
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
    if (this.#points.length)
      void this.#after(() => gathered(this.#points, (points) => appendPoints(id, points)));
    if (this.#lines.length) void this.#after(() => gathered(this.#lines, (lines) => appendLog(id, lines)));
    if (this.#dirty) void this.#after(() => this.#record());
    await this.#last;
  }

  async #record(): Promise<void> {
    this.#dirty = false;
    try {
      await putRun(this.#run);
    } catch (error) {
      this.#dirty = true;
      throw error;
    }
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS);
  }

  #after(write: () => Promise<void>): Promise<boolean> {
    const done = this.#last.then(write).then(
      () => {
        this.tell(undefined);
        return true;
      },
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

/** Writes what is there when its turn has come; what could not be written waits for the next. */
async function gathered<T>(waiting: T[], write: (items: readonly T[]) => Promise<void>): Promise<void> {
  const items = waiting.splice(0);
  if (items.length === 0) return;
  try {
    await write(items);
  } catch (error) {
    waiting.unshift(...items);
    throw error;
  }
}

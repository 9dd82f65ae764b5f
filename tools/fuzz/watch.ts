/**
 * Runs batches of cases in a thread, and ends the thread where a case takes far too long or the thread's memory is full;
 * the next batch gets a new one. Time is the processor's, so that a busy machine makes no case slow.
 */
import { rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { bundle } from '../bundle';
import { LIMITS, type Batch, type Counts, type Fault } from './batch';
import { peakBytes, resetPeak } from './memory';

const POLL_MS = 50;
/** Waiting without working: a promise that is never kept. */
const SILENT_MS = 60_000;

interface Weight {
  readonly faults: readonly Fault[];
  readonly mostBytes: number;
}

export class Watch {
  #worker: Worker | undefined;
  readonly #place = new SharedArrayBuffer(8);
  /** Computing time after which a case is ended. */
  endMs: number = LIMITS.endMs;

  private constructor(
    readonly file: string,
    readonly root: string,
  ) {}

  /** Bundles the thread's code. `root`: of the repository, where seeds lie. */
  static async open(root: string, outfile?: string): Promise<Watch> {
    const file = await bundle('fuzz/worker', outfile);
    if (!file) throw new Error('There is no tools/fuzz/worker.ts.');
    return new Watch(file, root);
  }

  /** Runs the cases from `from` to before `to` of a row; where memory grew too much, again in ever smaller parts. */
  async run(row: string, seed: number, from: number, to: number): Promise<Counts> {
    const total: Counts = { cases: 0, taken: 0, refused: {}, faults: [], slowestMs: 0 };
    const before = resetPeak();
    for (let at = from; at < to;) {
      const batch = { row, seed, from: at, to, place: this.#place, weigh: false };
      const { counts, next } = await this.#batch(batch);
      add(total, counts);
      at = next;
    }
    if (before === undefined) return total;
    total.mostBytes = Math.max(0, peakBytes() - before);
    if (total.mostBytes <= LIMITS.bytes) return total;
    // Many small cases may have left that much behind before it was collected.
    const { faults, mostBytes } = await this.#weighed(row, seed, from, to);
    total.faults.push(...faults);
    total.mostBytes = mostBytes;
    return total;
  }

  /** The memory that the cases take, in parts of which none takes too much, and those cases that alone do. */
  async #weighed(row: string, seed: number, from: number, to: number): Promise<Weight> {
    const { counts } = await this.#batch({ row, seed, from, to, place: this.#place, weigh: true });
    const mostBytes = counts.mostBytes ?? 0;
    if (mostBytes <= LIMITS.bytes) return { faults: [], mostBytes };
    if (to - from === 1) {
      const what = `${Math.round(mostBytes / 2 ** 20)} MB`;
      return { faults: [{ row, seed, number: from, kind: 'memory', what, input: '' }], mostBytes };
    }
    const middle = (from + to) >> 1;
    const first = await this.#weighed(row, seed, from, middle);
    const second = await this.#weighed(row, seed, middle, to);
    return {
      faults: [...first.faults, ...second.faults],
      mostBytes: Math.max(first.mostBytes, second.mostBytes),
    };
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
    // Of a run of its own; the next one bundles anew.
    for (const file of [this.file, `${this.file}.map`]) rmSync(file, { force: true });
  }

  async #batch(batch: Batch): Promise<{ counts: Counts; next: number }> {
    const worker = (this.#worker ??= await this.#start());
    const where = new Int32Array(this.#place);
    Atomics.store(where, 0, batch.from);
    return new Promise((resolve) => {
      let tick = -1;
      let since = { cpu: process.cpuUsage(), wall: performance.now() };
      const done = (counts: Counts, next: number) => {
        clearInterval(poll);
        worker.off('message', onCounts).off('error', onError);
        resolve({ counts, next });
      };
      const ended = (kind: Fault['kind'], what: string) => {
        const number = Atomics.load(where, 0);
        this.#worker = undefined;
        void worker.terminate();
        // What the thread had counted is lost with it; the cases were run.
        const cases = number - batch.from + 1;
        const fault = { row: batch.row, seed: batch.seed, number, kind, what, input: '' };
        done({ cases, taken: 0, refused: {}, faults: [fault], slowestMs: LIMITS.endMs }, number + 1);
      };
      const poll = setInterval(() => {
        const now = Atomics.load(where, 1);
        if (now !== tick) {
          tick = now;
          since = { cpu: process.cpuUsage(), wall: performance.now() };
          return;
        }
        const used = process.cpuUsage(since.cpu);
        const ms = (used.user + used.system) / 1000;
        if (ms > this.endMs && !batch.weigh) ended('slow', `not done after ${Math.round(ms)} ms`);
        else if (performance.now() - since.wall > SILENT_MS) ended('ended', 'no answer for a minute');
      }, POLL_MS);
      const onCounts = (counts: Counts) => done(counts, batch.to);
      const onError = (error: NodeJS.ErrnoException) =>
        ended(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'ended', error.message);
      worker.once('message', onCounts).once('error', onError);
      worker.postMessage(batch);
    });
  }

  #start(): Promise<Worker> {
    const worker = new Worker(this.file, {
      workerData: { root: this.root },
      resourceLimits: { maxOldGenerationSizeMb: 400, maxYoungGenerationSizeMb: 32 },
    });
    return new Promise((resolve, reject) => {
      // One that was ended may still say why.
      worker.on('error', () => undefined);
      worker.once('error', reject);
      worker.once('message', () => {
        worker.off('error', reject);
        resolve(worker);
      });
    });
  }
}

export function add(total: Counts, counts: Counts): void {
  total.cases += counts.cases;
  total.taken += counts.taken;
  for (const [name, count] of Object.entries(counts.refused))
    total.refused[name] = (total.refused[name] ?? 0) + count;
  total.faults.push(...counts.faults);
  total.slowestMs = Math.max(total.slowestMs, counts.slowestMs);
  if (counts.mostBytes !== undefined) total.mostBytes = Math.max(total.mostBytes ?? 0, counts.mostBytes);
}

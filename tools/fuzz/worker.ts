/**
 * The thread in which cases run, so that one that never ends can be ended. It counts what each reader answers, and notes
 * where it is in shared memory, for whoever watches.
 */
import { parentPort } from 'node:worker_threads';
import { LIMITS, type Batch, type Counts, type Fault } from './batch';
import { collectGarbage, peakBytes, resetPeak } from './memory';
import { Random } from './random';
import { BrokenPromise, type Row } from './row';
import { rows } from './rows';
import { badRows } from './rows/bad';

const table = new Map([...rows(), ...badRows()].map((row) => [row.name, row]));
const prepared = new Set<string>();
const SHOWN_BYTES = 3000;
/** Computing time is asked for so often: asking takes longer than many a case. */
const ASKED_EVERY = 16;
// Most cases end in an error; where it is a wrong one, the case is read again for its stack.
Error.stackTraceLimit = 0;

parentPort?.on('message', (batch: Batch) => {
  void run(batch).then((counts) => parentPort?.postMessage(counts));
});
parentPort?.postMessage('ready');

async function run({ row: name, seed, from, to, place, weigh }: Batch): Promise<Counts> {
  const row = table.get(name);
  if (!row) throw new Error(`There is no row ${name}.`);
  if (row.prepare && !prepared.has(name)) await row.prepare();
  prepared.add(name);
  const counts: Counts = { cases: 0, taken: 0, refused: {}, faults: [], slowestMs: 0 };
  const where = new Int32Array(place);
  if (weigh) collectGarbage();
  const before = weigh ? resetPeak() : undefined;
  let cpu = process.cpuUsage();
  for (let number = from; number < to; number++) {
    Atomics.store(where, 0, number);
    Atomics.add(where, 1, 1);
    const made = row.case(new Random(seed, row.name, number));
    if (number % ASKED_EVERY === 0) cpu = process.cpuUsage();
    const wall = performance.now();
    const failed = (kind: Fault['kind'], what: string): void => {
      if (counts.faults.length < 20)
        counts.faults.push({ row: name, seed, number, kind, what, input: shown(made.input) });
    };
    try {
      const answer = made.read();
      // Most readers answer at once; awaiting those too would cost more than they do.
      if (answer instanceof Promise) await answer;
      counts.taken++;
    } catch (error) {
      const kind = error instanceof Error ? error.name : typeof error;
      if (error instanceof BrokenPromise) failed('promise', error.message);
      else if (!(error instanceof Error) || !row.refusals.includes(kind))
        failed('error', await stackOf(row, seed, number));
      else counts.refused[kind] = (counts.refused[kind] ?? 0) + 1;
    }
    counts.cases++;
    let ms = performance.now() - wall;
    // A machine that does other things lengthens the wall clock; what the case took itself, and a few before it, is asked then.
    if (ms > 100) {
      const used = process.cpuUsage(cpu);
      ms = Math.min(ms, (used.user + used.system) / 1000);
      cpu = process.cpuUsage();
    }
    counts.slowestMs = Math.max(counts.slowestMs, ms);
    if (ms > LIMITS.ms) failed('slow', `${Math.round(ms)} ms`);
  }
  if (before !== undefined) counts.mostBytes = Math.max(0, peakBytes() - before);
  return counts;
}

function shown(input: Uint8Array | string): string {
  if (typeof input === 'string') return input.slice(0, SHOWN_BYTES);
  const cut = input.subarray(0, SHOWN_BYTES);
  return `base64:${Buffer.from(cut).toString('base64')}${input.length > SHOWN_BYTES ? ` … ${input.length} bytes` : ''}`;
}

/** Of a case that threw what it may not. */
async function stackOf(row: Row, seed: number, number: number): Promise<string> {
  Error.stackTraceLimit = 10;
  try {
    await row.case(new Random(seed, row.name, number)).read();
    return 'threw once, not again';
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message).slice(0, 800) : String(error);
  } finally {
    Error.stackTraceLimit = 0;
  }
}

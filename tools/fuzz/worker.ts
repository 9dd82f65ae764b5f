/**
 * The thread in which cases run, so that one that never ends can be ended. It counts what each reader answers, and notes
 * where it is in shared memory, for whoever watches.
 */
import { writeFileSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import { LIMITS, type Batch, type Counts, type Fault } from './batch';
import { Random } from './random';
import { BrokenPromise } from './row';
import { rows } from './rows';
import { badRows } from './rows/bad';

const table = new Map([...rows(), ...badRows()].map((row) => [row.name, row]));
const prepared = new Set<string>();
const SHOWN_BYTES = 3000;

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
  for (let number = from; number < to; number++) {
    Atomics.store(where, 0, number);
    Atomics.add(where, 1, 1);
    const made = row.case(new Random(seed, row.name, number));
    const before = weigh ? resident() : 0;
    const cpu = process.cpuUsage();
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
        failed(
          'error',
          error instanceof Error ? (error.stack ?? error.message).slice(0, 800) : String(error),
        );
      else counts.refused[kind] = (counts.refused[kind] ?? 0) + 1;
    }
    counts.cases++;
    let ms = performance.now() - wall;
    // A machine that does other things lengthens the wall clock; what the case itself took is asked only then.
    if (ms > 100) {
      const used = process.cpuUsage(cpu);
      ms = Math.min(ms, (used.user + used.system) / 1000);
    }
    counts.slowestMs = Math.max(counts.slowestMs, ms);
    if (ms > LIMITS.ms) failed('slow', `${Math.round(ms)} ms`);
    if (weigh) {
      const grown = peak() - before;
      counts.mostBytes = Math.max(counts.mostBytes ?? 0, grown);
      if (grown > LIMITS.bytes) failed('memory', `${Math.round(grown / 2 ** 20)} MB`);
    }
  }
  return counts;
}

function shown(input: Uint8Array | string): string {
  if (typeof input === 'string') return input.slice(0, SHOWN_BYTES);
  const cut = input.subarray(0, SHOWN_BYTES);
  return `base64:${Buffer.from(cut).toString('base64')}${input.length > SHOWN_BYTES ? ` … ${input.length} bytes` : ''}`;
}

/** Bytes in memory now, after what is no longer needed has gone; the peak counts from here. Linux. */
function resident(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  writeFileSync('/proc/self/clear_refs', '5');
  return process.memoryUsage.rss();
}

function peak(): number {
  const kilobytes = /VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

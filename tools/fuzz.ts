/**
 * Feeds every reader of ours broken and hostile inputs, and prints what each answered: `npm run fuzz -- --cases 1000000`,
 * `--minutes 60`, `--row NAME` (several times), `--seed 7`; a case that failed again: `--row NAME --seed S --case N`. Says
 * 1 where a reader threw what it may not, broke a promise, or took over a second or 256 MB for one case. With
 * `--reference PYTHON` our reader of safetensors is held against the `safetensors` package of that Python instead.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { optionsOrExit } from './command';
import type { Counts, Fault } from './fuzz/batch';
import { compareWithReference } from './fuzz/reference';
import { rows } from './fuzz/rows';
import { add, Watch } from './fuzz/watch';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BATCH_MS = 2000;

const USAGE = `Usage: npm run fuzz -- [--cases N] [--minutes N] [--seed N] [--row NAME ...] [--case N] [--reference PYTHON]`;
const values = optionsOrExit(
  {
    options: {
      cases: { type: 'string', default: '200000' },
      minutes: { type: 'string' },
      seed: { type: 'string', default: '1' },
      row: { type: 'string', multiple: true, default: [] },
      case: { type: 'string' },
      reference: { type: 'string' },
    },
  },
  USAGE,
);
const names = rows().map(({ name }) => name);
for (const name of values.row.filter((each) => !names.includes(each))) {
  console.error(`There is no ${name}. There are: ${names.join(', ')}.`);
  process.exit(2);
}
const seed = Number(values.seed);
const cases = Number(values.cases);
const until = values.minutes === undefined ? Infinity : performance.now() + Number(values.minutes) * 60_000;

process.exit(values.reference === undefined ? await fuzz() : await compare(values.reference));

async function fuzz(): Promise<number> {
  const chosen = rows().filter(({ name }) => values.row.length === 0 || values.row.includes(name));
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  const watch = await Watch.open(ROOT, join(ROOT, 'dist-tools', `fuzz-${process.pid}.mjs`));
  const started = { wall: performance.now(), cpu: process.cpuUsage() };
  const results: { name: string; counts: Counts; seconds: number }[] = [];
  for (const [index, { name, share }] of chosen.entries()) {
    const counts: Counts = { cases: 0, taken: 0, refused: {}, faults: [], slowestMs: 0 };
    const began = performance.now();
    const cpu = process.cpuUsage();
    const most = values.case === undefined ? Math.ceil((cases * share) / shares) : Number(values.case) + 1;
    const end = began + (until - began) / (chosen.length - index);
    let size = 50;
    for (
      let at = values.case === undefined ? 0 : Number(values.case);
      at < most && performance.now() < end;
    ) {
      const since = performance.now();
      const next = Math.min(most, at + size);
      const part = await watch.run(name, seed, at, next);
      add(counts, part);
      for (const fault of part.faults) tell(fault);
      at = next;
      const ms = performance.now() - since;
      size = Math.max(50, Math.min(20_000, Math.round((size * BATCH_MS) / Math.max(ms, BATCH_MS / 4))));
    }
    results.push({ name, counts, seconds: computing(cpu) });
  }
  await watch.close();
  console.log(
    '| reader | cases | taken | refused | faults | slowest (ms) | memory (MB, at most) | computing (s) |\n|---|---|---|---|---|---|---|---|',
  );
  for (const { name, counts, seconds } of results) console.log(line(name, counts, seconds));
  const total: Counts = { cases: 0, taken: 0, refused: {}, faults: [], slowestMs: 0 };
  for (const { counts } of results) add(total, counts);
  console.log(line('all', total, computing(started.cpu)));
  console.log(`${((performance.now() - started.wall) / 60_000).toFixed(1)} minutes on the clock.`);
  return total.faults.length > 0 || total.cases === 0 ? 1 : 0;
}

/** Seconds of the processor since then, all threads together. */
function computing(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

function line(
  name: string,
  { cases: run, taken, refused, faults, slowestMs, mostBytes }: Counts,
  seconds: number,
): string {
  const said = Object.values(refused).reduce((sum, count) => sum + count, 0);
  const numbers = [run, taken, said].map((count) => count.toLocaleString('en'));
  const memory = mostBytes === undefined ? '' : Math.ceil(mostBytes / 2 ** 20);
  return `| ${name} | ${numbers.join(' | ')} | ${faults.length} | ${Math.round(slowestMs)} | ${memory} | ${seconds.toFixed(1)} |`;
}

function tell({ row, number, kind, what, input }: Fault): void {
  console.error(
    `${kind}: --row "${row}" --seed ${seed} --case ${number}\n  ${what}\n  ${input.slice(0, 600)}\n`,
  );
}

async function compare(python: string): Promise<number> {
  const found = await compareWithReference(python, seed, cases, until);
  if (!found) {
    console.log(`Not run: ${python} has no package "safetensors".`);
    return 0;
  }
  const { version, same, stricter, looser } = found;
  const total =
    same.taken +
    same.refused +
    Object.values(stricter).reduce((sum, count) => sum + count, 0) +
    looser.length;
  console.log(
    `safetensors ${version}: ${total.toLocaleString('en')} cases, ${same.taken.toLocaleString('en')} taken by both, ${same.refused.toLocaleString('en')} refused by both.`,
  );
  for (const [why, count] of Object.entries(stricter))
    console.log(`  only we refuse: ${why}: ${count.toLocaleString('en')}`);
  for (const each of looser) console.error(`TAKEN THOUGH THE REFERENCE REFUSES IT: ${each}`);
  return looser.length > 0 ? 1 : 0;
}

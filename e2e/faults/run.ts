/** Runs the table of faults in the browser, or the rows that are named, on a page built anew, and prints it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROWS, type Row } from './rows';

interface Suite {
  file: string;
  suites?: Suite[];
  specs: {
    title: string;
    ok: boolean;
    tests: { status: string; annotations: { type: string; description?: string }[] }[];
  }[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const names = process.argv.slice(2);
const unknown = names.filter((name) => !ROWS.some((row) => row.name === name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}. There are: ${ROWS.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
const wanted = ROWS.filter(({ name }) => names.length === 0 || names.includes(name));

const script = (path: string, args: string[], env = {}) =>
  spawnSync(process.execPath, [join(root, 'node_modules', path), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 2, 2],
  }).status ?? 1;

const built = script('vite/bin/vite.js', ['build', '--logLevel', 'warn']);
if (built !== 0) process.exit(built);
const report = join(mkdtempSync(join(tmpdir(), 'faults-')), 'report.json');
const titles = wanted.map(({ name, journey }) => journey?.[1] ?? `${name}:`);
const files = [...new Set(wanted.map(({ journey }) => `e2e/${journey?.[0] ?? 'faults/'}`))];
const grep = titles.map((title) => title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
script('@playwright/test/cli.js', ['test', ...files, '--grep', grep], {
  E2E_REPORT: report,
  STUDIO_FAULTS: 'all',
});

const { suites } = JSON.parse(readFileSync(report, 'utf8')) as { suites: Suite[] };
const specs = suites.flatMap(function all(suite): Suite['specs'] {
  return [...suite.specs, ...(suite.suites ?? []).flatMap(all)];
});
console.log('| fault | must end in | outcome | steps lost |\n|---|---|---|---|');
let failed = 0;
for (const row of wanted) {
  const { outcome, lost } = outcomeOf(row);
  if (outcome !== 'held') failed++;
  console.log(`| ${row.name}${row.journey || row.short ? ' *' : ''} | ${row.ends} | ${outcome} | ${lost} |`);
}
process.exit(failed > 0 ? 1 : 0);

function outcomeOf({ name, journey, lost }: Row): { outcome: string; lost: string } {
  const spec = specs.find(({ title }) => title.startsWith(journey?.[1] ?? `${name}:`));
  if (!spec) return { outcome: 'NOT THERE', lost: '' };
  const [run] = spec.tests;
  if (run?.status === 'skipped') return { outcome: 'not run here', lost: '' };
  if (!spec.ok) return { outcome: 'FAILED', lost: '' };
  const told = run?.annotations.find(({ type }) => type === 'lost')?.description;
  return { outcome: 'held', lost: told ?? String(lost ?? 0) };
}

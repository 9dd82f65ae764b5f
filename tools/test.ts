/**
 * Runs the parts of the test suite named on the command line, in order, and ends with one line, `N passed, N failed`,
 * counted from the runners' own reports; a check (types, lint, ...) counts as one. Arguments that are not parts go to
 * the test runners: `npm run test:fast -- src/formats`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUp } from './setup';
import type { PlaywrightReport, Totals, VitestReport } from './totals';
import { playwrightTotals, sum, vitestTotals } from './totals';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const REPORTS = join(ROOT, 'reports');

const PARTS: Record<string, (rest: string[]) => Promise<Totals>> = {
  setup: async () => outcome('set-up', setUp().length === 0),
  check: checks,
  build: async () => {
    const { code } = await run('vite/bin/vite.js', ['build', '--logLevel', 'warn'], 'show');
    return outcome('build', code === 0);
  },
  e2e: playwright,
};
/** Vitest's projects. */
const PROJECTS = ['unit', 'kernels', 'golden'];

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  const known = [...Object.keys(PARTS), ...PROJECTS];
  const split = argv.findIndex((word) => !known.includes(word));
  const names = split < 0 ? argv : argv.slice(0, split);
  const rest = split < 0 ? [] : argv.slice(split);
  if (names.length === 0) {
    const wrong = argv.length > 0 ? `There is no part '${argv[0]}'. ` : '';
    console.error(`${wrong}Say which parts to run: ${known.join(', ')}.`);
    return 2;
  }

  mkdirSync(REPORTS, { recursive: true });
  const totals: Totals[] = [];
  for (const group of grouped(names)) {
    const name = group.join(', ');
    const started = performance.now();
    const result = name in PARTS ? await PARTS[name](rest) : await vitest(group, rest);
    totals.push(result);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)\n`);
    // Without its browsers and drivers every later failure would only repeat this one.
    if (name === 'setup' && result.failed > 0) break;
  }
  const { passed, failed, failures, skipped } = sum(totals);
  if (skipped.length > 0) console.log(`${skipped.length} skipped: ${skipped.join('; ')}`);
  // Said again here: what a log keeps of a long run is often its end.
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** Vitest's projects that follow each other run at once: no core waits for the last file of each. */
function grouped(names: readonly string[]): string[][] {
  const groups: string[][] = [];
  for (const name of names) {
    const before = groups.at(-1);
    const together = PROJECTS.includes(name) && before?.every((each) => PROJECTS.includes(each));
    if (together) before?.push(name);
    else groups.push([name]);
  }
  return groups;
}

/** Types, Svelte, format, and lint and borders from one ESLint run; two at a time. */
async function checks(): Promise<Totals> {
  const one = async (name: string, script: string, args: string[]) => {
    const { code, output } = await run(script, args, 'keep');
    return outcome(name, code === 0, output);
  };
  const jobs = [
    () => one('svelte-check', 'svelte-check/bin/svelte-check', ['--output', 'human', '--fail-on-warnings']),
    () => one('types', 'typescript/bin/tsc', ['--project', 'tsconfig.json']),
    lintAndBorders,
    () => one('format', 'prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']),
  ];
  const totals: Totals[] = [];
  const worker = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) totals.push(await job());
  };
  await Promise.all([worker(), worker()]);
  return sum(totals);
}

async function lintAndBorders(): Promise<Totals> {
  interface Result {
    filePath: string;
    messages: { ruleId: string | null; line: number; message: string }[];
  }
  const { output } = await run(
    'eslint/bin/eslint.js',
    ['--format', 'json', '--max-warnings', '0', '.'],
    'keep',
  );
  const start = output.indexOf('[{');
  if (start < 0)
    return sum([outcome('lint', false, output), outcome('borders', false, 'ESLint gave no report.')]);
  const results = JSON.parse(output.slice(start, output.lastIndexOf(']') + 1)) as Result[];
  const messages = results.flatMap(({ filePath, messages }) =>
    messages.map((m) => ({
      border: m.ruleId === 'borders/rooms',
      text: `${filePath}:${m.line} ${m.message} (${m.ruleId ?? 'parse'})`,
    })),
  );
  const about = (border: boolean) => messages.filter((m) => m.border === border).map((m) => m.text);
  return sum([
    outcome('lint', about(false).length === 0, about(false).join('\n')),
    outcome('borders', about(true).length === 0, about(true).join('\n')),
  ]);
}

async function vitest(projects: readonly string[], rest: string[]): Promise<Totals> {
  const file = join(REPORTS, `${projects.join('-')}.json`);
  rmSync(file, { force: true });
  const args = [
    'run',
    ...projects.flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ];
  const { code } = await run('vitest/vitest.mjs', [...args, ...rest], 'show');
  return counted(code, file, (text) => vitestTotals(JSON.parse(text) as VitestReport));
}

async function playwright(rest: string[]): Promise<Totals> {
  const file = join(REPORTS, 'e2e.json');
  rmSync(file, { force: true });
  const { code } = await run('@playwright/test/cli.js', ['test', ...rest], 'show', { E2E_REPORT: file });
  return counted(code, file, (text) => playwrightTotals(JSON.parse(text) as PlaywrightReport));
}

/** A runner that left no report, or says it failed where its report does not, is one failure. */
function counted(code: number, file: string, count: (text: string) => Totals): Totals {
  const totals = existsSync(file)
    ? count(readFileSync(file, 'utf8'))
    : { passed: 0, failed: 1, failures: [`no ${file}`], skipped: [] };
  return code !== 0 && totals.failed === 0
    ? { ...totals, failed: 1, failures: [`${file} is without fault, but its runner ended with ${code}`] }
    : totals;
}

function outcome(name: string, ok: boolean, output = ''): Totals {
  console.log(`${ok ? 'ok' : 'FAILED'}: ${name}`);
  if (!ok && output.trim()) console.log(output.trim());
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, failures: ok ? [] : [name], skipped: [] };
}

/** Runs a package's script in Node; `show` lets its output through, `keep` returns it. */
function run(
  script: string,
  args: string[],
  output: 'show' | 'keep',
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', output === 'show' ? 'inherit' : 'pipe', output === 'show' ? 'inherit' : 'pipe'],
  });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output: text }));
  });
}

process.exit(await main());

/**
 * Counts passed and failed tests from the runners' own JSON reports. Strict where a runner is lenient: a report
 * without a single test, a file that could not be loaded and an error outside any test each count as a failure.
 */
import { stripVTControlCharacters } from 'node:util';

export interface Totals {
  passed: number;
  failed: number;
  /** What failed, each with the start of its reason, as far as a report names it. */
  failures: string[];
  /** Names of tests that were skipped: they count as neither. */
  skipped: string[];
}

/** The parts of Vitest's `json` report that are read. */
export interface VitestReport {
  success: boolean;
  testResults: {
    name: string;
    status: string;
    /** Why the file could not be loaded. */
    message?: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] | null }[];
  }[];
}

/** The parts of Playwright's `json` report that are read. */
export interface PlaywrightReport {
  errors: { message?: string }[];
  stats: { expected: number; unexpected: number; flaky: number; skipped: number };
  suites?: PlaywrightSuite[];
}

interface PlaywrightSuite {
  suites?: PlaywrightSuite[];
  specs?: {
    title: string;
    file: string;
    tests: { status: string; results: { errors: { message?: string }[] }[] }[];
  }[];
}

export function vitestTotals(report: VitestReport): Totals {
  const tests = report.testResults.flatMap((file) =>
    file.assertionResults.map((test) => ({ ...test, file: file.name })),
  );
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = tests.filter((test) => test.status === 'failed');
  const totals = {
    passed: tests.filter((test) => test.status === 'passed').length,
    failed: failed.length + broken.length,
    failures: [
      ...failed.map((test) => line(`${test.file}: ${test.fullName}`, test.failureMessages?.[0])),
      ...broken.map((file) => line(file.name, file.message)),
    ],
    skipped: tests.filter((t) => t.status !== 'passed' && t.status !== 'failed').map((t) => t.fullName),
  };
  return strict(totals, report.success);
}

export function playwrightTotals(report: PlaywrightReport): Totals {
  const { expected, unexpected, flaky, skipped } = report.stats;
  const bad = (report.suites ?? []).flatMap(specs).flatMap((spec) =>
    spec.tests
      .filter((test) => test.status === 'unexpected' || test.status === 'flaky')
      .map((test) => {
        const error = test.results.flatMap((result) => result.errors)[0];
        return line(`${spec.file}: ${spec.title}`, error?.message);
      }),
  );
  const totals = {
    passed: expected,
    failed: unexpected + flaky + report.errors.length,
    failures: [...bad, ...report.errors.map((error) => line('outside any journey', error.message))],
    skipped: Array.from({ length: skipped }, (_, i) => `journey ${i + 1} of ${skipped} skipped`),
  };
  return strict(totals, totals.failed === 0);
}

function specs(suite: PlaywrightSuite): NonNullable<PlaywrightSuite['specs']> {
  return [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specs)];
}

/** `name: reason`, the reason's first 300 characters on one line. */
function line(name: string, reason: string | undefined): string {
  const text = stripVTControlCharacters(reason ?? 'no reason reported')
    .replace(/\s+/g, ' ')
    .trim();
  return `${name}: ${text.length > 300 ? `${text.slice(0, 300)}…` : text}`;
}

export function sum(totals: readonly Totals[]): Totals {
  return {
    passed: totals.reduce((n, t) => n + t.passed, 0),
    failed: totals.reduce((n, t) => n + t.failed, 0),
    failures: totals.flatMap((t) => t.failures),
    skipped: totals.flatMap((t) => t.skipped),
  };
}

function strict(totals: Totals, success: boolean): Totals {
  const silent = totals.failed === 0 && (!success || totals.passed === 0);
  if (!silent) return totals;
  const reason = totals.passed === 0 ? 'no test was run' : 'an error outside any test';
  return { ...totals, failed: 1, failures: [reason] };
}

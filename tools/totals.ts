/**
 * Counts passed and failed tests from the runners' own JSON reports. Strict where a runner is lenient: a report
 * without a single test, a file that could not be loaded and an error outside any test each count as a failure.
 */
export interface Totals {
  passed: number;
  failed: number;
  /** Names of tests that were skipped: they count as neither. */
  skipped: string[];
}

/** The parts of Vitest's `json` report that are read. */
export interface VitestReport {
  success: boolean;
  testResults: {
    name: string;
    status: string;
    assertionResults: { status: string; fullName: string }[];
  }[];
}

/** The parts of Playwright's `json` report that are read. */
export interface PlaywrightReport {
  errors: unknown[];
  stats: { expected: number; unexpected: number; flaky: number; skipped: number };
}

export function vitestTotals(report: VitestReport): Totals {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const count = (status: string) => tests.filter((test) => test.status === status).length;
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const totals = {
    passed: count('passed'),
    failed: count('failed') + broken,
    skipped: tests.filter((t) => t.status !== 'passed' && t.status !== 'failed').map((t) => t.fullName),
  };
  return strict(totals, report.success);
}

export function playwrightTotals(report: PlaywrightReport): Totals {
  const { expected, unexpected, flaky, skipped } = report.stats;
  const totals = {
    passed: expected,
    failed: unexpected + flaky + report.errors.length,
    skipped: Array.from({ length: skipped }, (_, i) => `journey ${i + 1} of ${skipped} skipped`),
  };
  return strict(totals, totals.failed === 0);
}

export function sum(totals: readonly Totals[]): Totals {
  return {
    passed: totals.reduce((n, t) => n + t.passed, 0),
    failed: totals.reduce((n, t) => n + t.failed, 0),
    skipped: totals.flatMap((t) => t.skipped),
  };
}

function strict(totals: Totals, success: boolean): Totals {
  const silent = totals.failed === 0 && (!success || totals.passed === 0);
  return silent ? { ...totals, failed: 1 } : totals;
}

import { expect, test } from 'vitest';
import { playwrightTotals, sum, vitestTotals } from './totals';

const file = (status: string, ...statuses: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: statuses.map((s, i) => ({ status: s, fullName: `test ${i}` })),
});

test('counts what Vitest reports', () => {
  const report = {
    success: false,
    testResults: [file('failed', 'passed', 'failed'), file('passed', 'passed', 'skipped')],
  };
  expect(vitestTotals(report)).toEqual({ passed: 2, failed: 1, skipped: ['test 1'] });
});

test('a file that did not load is a failure', () => {
  const report = { success: false, testResults: [file('passed', 'passed'), file('failed')] };
  expect(vitestTotals(report)).toEqual({ passed: 1, failed: 1, skipped: [] });
});

test('an error outside any test is a failure', () => {
  expect(vitestTotals({ success: false, testResults: [file('passed', 'passed')] }).failed).toBe(1);
});

test('nothing run is a failure', () => {
  expect(vitestTotals({ success: true, testResults: [] }).failed).toBe(1);
  expect(vitestTotals({ success: true, testResults: [file('passed', 'skipped')] }).failed).toBe(1);
  expect(
    playwrightTotals({ errors: [], stats: { expected: 0, unexpected: 0, flaky: 0, skipped: 2 } }).failed,
  ).toBe(1);
});

test('counts what Playwright reports; flaky and global errors are failures', () => {
  const stats = { expected: 3, unexpected: 1, flaky: 1, skipped: 0 };
  expect(playwrightTotals({ errors: [{}], stats })).toEqual({ passed: 3, failed: 3, skipped: [] });
});

test('sums', () => {
  const a = { passed: 1, failed: 2, skipped: ['x'] };
  expect(sum([a, a])).toEqual({ passed: 2, failed: 4, skipped: ['x', 'x'] });
  expect(sum([])).toEqual({ passed: 0, failed: 0, skipped: [] });
});

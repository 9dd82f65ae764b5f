import { expect, test } from 'vitest';
import { playwrightTotals, sum, vitestTotals } from './totals';

const file = (status: string, ...statuses: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: statuses.map((s, i) => ({
    status: s,
    fullName: `test ${i}`,
    failureMessages: s === 'failed' ? ['\u001b[31mis\nwrong\u001b[39m'] : [],
  })),
});

test('counts what Vitest reports', () => {
  const report = {
    success: false,
    testResults: [file('failed', 'passed', 'failed'), file('passed', 'passed', 'skipped')],
  };
  expect(vitestTotals(report)).toEqual({
    passed: 2,
    failed: 1,
    failures: ['a.test.ts: test 1: is wrong'],
    skipped: ['test 1'],
  });
});

test('a file that did not load is a failure', () => {
  const report = { success: false, testResults: [file('passed', 'passed'), file('failed')] };
  expect(vitestTotals(report)).toEqual({
    passed: 1,
    failed: 1,
    failures: ['a.test.ts: no reason reported'],
    skipped: [],
  });
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
  const journey = (title: string, status: string) => ({
    title,
    file: 'a.spec.ts',
    tests: [{ status, results: [{ errors: status === 'expected' ? [] : [{ message: 'no\n button' }] }] }],
  });
  const suites = [
    {
      specs: [journey('one', 'expected'), journey('two', 'unexpected')],
      suites: [{ specs: [journey('three', 'flaky')] }],
    },
  ];
  expect(playwrightTotals({ errors: [{ message: 'no server' }], stats, suites })).toEqual({
    passed: 3,
    failed: 3,
    failures: ['a.spec.ts: two: no button', 'a.spec.ts: three: no button', 'outside any journey: no server'],
    skipped: [],
  });
});

test('sums', () => {
  const a = { passed: 1, failed: 1, failures: ['y'], skipped: ['x'] };
  expect(sum([a, a])).toEqual({ passed: 2, failed: 2, failures: ['y', 'y'], skipped: ['x', 'x'] });
  expect(sum([])).toEqual({ passed: 0, failed: 0, failures: [], skipped: [] });
});

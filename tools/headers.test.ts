/** The notation of _headers, and what the shipped file lets which script do. */
import { expect, test } from 'vitest';
import { headersFor } from '../src/protocol/headers';
import { shippedRules } from './headers';
import { parseHeaderRules } from './headers_file';

test('every rule that matches applies in turn; a name set twice has both; ! takes away', () => {
  const rules = parseHeaderRules(
    [
      '# a remark',
      '/*',
      '  A: 1',
      '  B: all',
      '',
      '/x/*.js',
      '  a: 2',
      '/x/open-*.js',
      '  ! A',
      '  ! C',
      '  A: 3',
    ].join('\n'),
  );
  expect(headersFor('/', rules)).toEqual({ A: '1', B: 'all' });
  expect(headersFor('/x/y.js', rules)).toEqual({ a: '1, 2', B: 'all' });
  expect(headersFor('/x/open-1.js', rules)).toEqual({ B: 'all', A: '3' });
  expect(headersFor('/x/openXjs', rules)).toEqual({ A: '1', B: 'all' });
});

test.each([
  ['  A: 1', 1],
  ['/*\n  A 1', 2],
  ['/*\n  !A', 2],
  ['/*\nA: 1', 2],
])('refuses %j at line %d', (text, line) => {
  expect(() => parseHeaderRules(text)).toThrow(`line ${line}`);
});

test('as shipped, only the download worker may ask elsewhere; all else is the same for it', () => {
  const rules = shippedRules();
  const page = headersFor('/', rules);
  for (const path of [
    '/index.html',
    '/sw.js',
    '/assets/trainer.worker-a1.js',
    '/assets/captioner.worker-a1.js',
    '/assets/download.worker-a1.js.map',
    '/download.worker-a1.js',
  ])
    expect(headersFor(path, rules)).toEqual(page);
  expect(page['Content-Security-Policy']).toContain("connect-src 'self' blob:;");
  expect(page['Connection-Allowlist']).toBe('(response-origin)');

  const worker = headersFor('/assets/download.worker-a1.js', rules);
  expect(worker['Content-Security-Policy']).toBe(
    "default-src 'none'; connect-src https: http://127.0.0.1:* http://localhost:*; " +
      "require-trusted-types-for 'script'; trusted-types 'none'",
  );
  const names = Object.keys(page).filter((name) => name !== 'Connection-Allowlist');
  expect(Object.keys(worker).sort()).toEqual(names.sort());
  for (const name of names.filter((each) => each !== 'Content-Security-Policy'))
    expect(worker[name]).toBe(page[name]);
});

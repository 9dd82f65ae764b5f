/** What the loopback server sends, and to whom it sends nothing. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HeaderRule } from '../../src/protocol/headers';
import { serve, type Serving } from './server';

const RULES: readonly HeaderRule[] = [
  { path: '/*', remove: [], set: [['X-Rule', 'page']] },
  { path: '/assets/*.js', remove: ['X-Rule'], set: [['X-Rule', 'script']] },
];
let root: string;
let plain: Serving;
let below: Serving;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'studio-serve-'));
  mkdirSync(join(root, 'dist/assets'), { recursive: true });
  writeFileSync(join(root, 'secret.txt'), 'not for the page');
  writeFileSync(join(root, 'dist/index.html'), '<p>page');
  writeFileSync(join(root, 'dist/assets/a-1.js'), 'let a');
  plain = await serve(join(root, 'dist'), { rules: RULES, port: 0 });
  below = await serve(join(root, 'dist'), { rules: [], port: 0, under: '/some/where/' });
});
afterAll(async () => {
  await plain.close();
  await below.close();
  rmSync(root, { recursive: true });
});

test('files with their types and the headers of their rules; changed only where they changed', async () => {
  const page = await fetch(plain.address);
  expect([page.status, page.headers.get('content-type'), page.headers.get('x-rule')]).toEqual([
    200,
    'text/html; charset=utf-8',
    'page',
  ]);
  expect(await page.text()).toBe('<p>page');
  const script = await fetch(`${plain.address}assets/a-1.js?x`);
  expect([script.headers.get('content-type'), script.headers.get('x-rule')]).toEqual([
    'text/javascript; charset=utf-8',
    'script',
  ]);
  const head = await fetch(plain.address, { method: 'HEAD' });
  expect([head.headers.get('content-length'), await head.text()]).toEqual(['7', '']);
  const tag = page.headers.get('etag') ?? '';
  expect((await fetch(plain.address, { headers: { 'if-none-match': tag } })).status).toBe(304);
});

test('below a path: nothing beside it, and no header that is not a file’s own', async () => {
  const page = await fetch(below.address);
  expect(await page.text()).toBe('<p>page');
  expect([...page.headers.keys()].filter((name) => /policy|cross-origin|x-rule/.test(name))).toEqual([]);
  const { origin } = new URL(below.address);
  expect((await fetch(`${origin}/assets/a-1.js`)).status).toBe(404);
  const without = await fetch(`${origin}/some/where`, { redirect: 'manual' });
  expect([without.status, without.headers.get('location')]).toEqual([301, '/some/where/']);
});

test.each([
  // A URL has no way above its root.
  ['/../secret.txt', 404],
  ['/%2e%2e/secret.txt', 404],
  ['/..%2fsecret.txt', 400],
  ['/assets/..%5c..%5csecret.txt', 400],
  ['/%00', 400],
  ['/%', 400],
  ['/assets', 404],
  ['/assets/', 404],
  ['/missing.js', 404],
])('%s: %i', async (path, status) => {
  expect(await asked(path)).toBe(status);
});

test('another name for the address, and another method, are refused', async () => {
  expect(await asked('/', { headers: { host: 'elsewhere.example' } })).toBe(403);
  expect(await asked('/', { method: 'POST' })).toBe(405);
  expect(await asked('/')).toBe(200);
});

/** As it is written: `fetch` would tidy the path up. */
function asked(path: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const { hostname, port } = new URL(plain.address);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

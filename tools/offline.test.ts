/** The service worker as it is built, in a scope that stands in for the browser's: which answers it gives, with what headers. */
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { shippedRules } from './headers';
import { serviceWorker } from './offline';

const HOST = 'https://someone.example';
const FOLDER = `${HOST}/lora-studio/`;

interface Asked {
  method?: string;
  mode?: string;
  range?: boolean;
}

/** What it answers, undefined where it leaves the request to the browser; and what it stored, in which cache. */
async function worker() {
  const listeners = new Map<string, (event: unknown) => void>();
  const stored = new Map<string, Map<string, Response>>();
  const open = (name: string) => {
    const cache = stored.get(name) ?? new Map<string, Response>();
    stored.set(name, cache);
    return Promise.resolve({
      addAll: (requests: { url: string }[]) =>
        Promise.resolve(requests.forEach(({ url }) => cache.set(url, new Response(`stored ${url}`)))),
      match: (request: string | { url: string }) =>
        Promise.resolve(cache.get(typeof request === 'string' ? request : request.url)?.clone()),
      put: (request: { url: string }, response: Response) =>
        Promise.resolve(cache.set(request.url, response)),
    });
  };
  const caches = {
    open,
    keys: () => Promise.resolve([...stored.keys()]),
    delete: (name: string) => Promise.resolve(stored.delete(name)),
    match: () => Promise.resolve(undefined),
  };
  const self = {
    location: new URL(`${FOLDER}sw.js`),
    clients: { claim: () => Promise.resolve() },
    addEventListener: (type: string, listener: (event: unknown) => void) => listeners.set(type, listener),
  };
  const fetched = (request: { url: string }) => Promise.resolve(new Response(`fetched ${request.url}`));
  runInNewContext(await serviceWorker('v2', ['', 'assets/a-1.js'], shippedRules()), {
    ...{ self, caches, URL, Request, Response, Headers, AbortSignal, fetch: fetched },
  });
  const lasting = async (type: string) => {
    let done: Promise<unknown> | undefined;
    listeners.get(type)?.({ waitUntil: (work: Promise<unknown>) => (done = work) });
    await done;
  };
  const answer = (url: string, { method = 'GET', mode = 'cors', range = false }: Asked = {}) => {
    let given: Promise<Response> | undefined;
    listeners.get('fetch')?.({
      request: { url, method, mode, headers: new Headers(range ? { range: 'bytes=0-9' } : {}) },
      respondWith: (response: Promise<Response>) => (given = response),
      waitUntil: () => undefined,
    });
    return given;
  };
  return { lasting, answer, stored };
}

test('page and scripts get the headers of their rules, stored or fetched', async () => {
  const { lasting, answer } = await worker();
  await lasting('install');
  const page = await answer(`${FOLDER}?x#settings`, { mode: 'navigate' });
  expect(await page?.text()).toBe(`fetched ${FOLDER}?x#settings`);
  expect(page?.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(page?.headers.get('cross-origin-opener-policy')).toBe('same-origin');
  const script = await answer(`${FOLDER}assets/a-1.js`);
  expect(await script?.text()).toBe(`stored ${FOLDER}assets/a-1.js`);
  expect(script?.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  const download = await answer(`${FOLDER}assets/download.worker-a1.js?y`);
  expect(download?.headers.get('content-security-policy')).toMatch(/^default-src 'none'; connect-src https:/);
  expect(download?.headers.has('connection-allowlist')).toBe(false);
});

test('what is not the studio’s is left alone: other folders, other hosts, HEAD, pieces', async () => {
  const { answer } = await worker();
  for (const url of [`${HOST}/`, `${HOST}/lora-studio-2/assets/a-1.js`, 'https://elsewhere.example/a'])
    expect(answer(url)).toBeUndefined();
  expect(answer(FOLDER, { method: 'HEAD' })).toBeUndefined();
  expect(answer(`${FOLDER}demo/a`, { range: true })).toBeUndefined();
  expect(answer(`${FOLDER}demo/a`)).toBeDefined();
});

test('of older versions the one before stays, and caches of other folders are not touched', async () => {
  const { lasting, stored } = await worker();
  const other = [`studio ${HOST}/other/ v1`, 'somebody else'];
  for (const name of [...other, `studio ${FOLDER} v0`, `studio ${FOLDER} v1`]) stored.set(name, new Map());
  await lasting('install');
  await lasting('activate');
  expect([...stored.keys()]).toEqual([...other, `studio ${FOLDER} v1`, `studio ${FOLDER} v2`]);
});

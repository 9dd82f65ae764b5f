/**
 * Runs a worker in a real browser and returns what it posts: bundles the worker, serves it from a loopback port on an
 * otherwise empty page, and opens that page in the browser.
 *
 * The worker posts any number of `{ progress: string }` and ends with `{ result: T }` or `{ failure: string }`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import type { Browser } from 'puppeteer-core';
import { launchBrowser, type BrowserName } from './browsers';

/** What a worker run by `runInWorker` may post. */
export type WorkerMessage<T> = { progress: string } | { result: T } | { failure: string };

export interface RunOptions {
  /** Query string the worker finds in `location.search`, for example `tier=f16`. */
  query?: string;
  timeoutMs?: number;
  onProgress?: (line: string) => void;
}

/**
 * @param entry path of the worker's TypeScript, bundled for the browser.
 * Rejects with the worker's own failure, with an uncaught error of it, when the browser is missing or closes, or
 * after `timeoutMs` (default five minutes), saying how far the worker had come.
 */
export async function runInWorker<T>(
  browserName: BrowserName,
  entry: string,
  options: RunOptions = {},
): Promise<T> {
  const { timeoutMs = 300_000, query = '' } = options;
  const script = await bundleWorker(entry);
  let last = 'nothing yet';
  const done = settleable<T>();
  const server = createServer((request, response) => {
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    const path = (request.url ?? '/').replace(/\?[^]*$/, '');
    if (path === '/message') {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        response.end();
        const message = JSON.parse(body) as WorkerMessage<T>;
        if ('progress' in message) options.onProgress?.((last = message.progress));
        else if ('failure' in message)
          done.reject(new Error(`${browserName}: ${message.failure} (last: ${last})`));
        else done.resolve(message.result);
      });
    } else if (path === '/worker.js') {
      response.setHeader('Content-Type', 'text/javascript').end(script);
    } else if (path === '/') {
      response.setHeader('Content-Type', 'text/html').end(PAGE);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const timer = setTimeout(
    () => done.reject(new Error(`${browserName}: no result after ${timeoutMs / 1000} s (last: ${last})`)),
    timeoutMs,
  );
  let browser: Browser | undefined;
  try {
    browser = await launchBrowser(browserName);
    browser.on('disconnected', () =>
      done.reject(new Error(`${browserName} closed by itself (last: ${last})`)),
    );
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/?${query}`);
    return await done.promise;
  } finally {
    clearTimeout(timer);
    await browser?.close();
    server.closeAllConnections();
    server.close();
  }
}

/** Starts the worker with the page's query and sends home, in order, what it posts. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>worker</title><script type="module">
  let sent = Promise.resolve();
  const send = (message) => {
    sent = sent.then(() => fetch('/message', { method: 'POST', body: JSON.stringify(message) }));
  };
  const worker = new Worker('/worker.js' + location.search, { type: 'module' });
  worker.onmessage = (event) => send(event.data);
  worker.onerror = (event) => send({ failure: (event.message || 'the worker did not start') + ' at ' + event.lineno });
  worker.onmessageerror = () => send({ failure: 'a message could not be read' });
</script>`;

async function bundleWorker(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    target: 'es2023',
    logLevel: 'warning',
  });
  return outputFiles[0].text;
}

function settleable<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // It may be rejected while the browser is still starting, before anyone awaits it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

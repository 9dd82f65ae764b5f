/**
 * A server for the built page on the loopback interface, of Node alone: what `npx lora-studio` runs, and, with no rules
 * and below another path, what tests take for a host that sends no headers.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { headersFor, type HeaderRule } from '../../src/protocol/headers.ts';

/** What is not here is sent as bytes: with `nosniff` a script or a style must say what it is. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.csv': 'text/csv; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
};

export interface Serving {
  /** With '/' at its end. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves a folder; `port` 0 takes a free one, `under` is the path it lies at, with '/' before and after. Rejects where the
 * port is taken (code EADDRINUSE).
 */
export async function serve(
  folder: string,
  { rules, port, under = '/' }: { rules: readonly HeaderRule[]; port: number; under?: string },
): Promise<Serving> {
  const server = createServer((request, response) => {
    answer(folder, under, rules, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}${under}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  folder: string,
  under: string,
  rules: readonly HeaderRule[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', headers } = request;
  // Another name for this address is somebody's who wants to be taken for it (DNS rebinding).
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? '')) return end(response, 403);
  if (method !== 'GET' && method !== 'HEAD') return end(response, 405);
  const path = pathOf(request.url ?? '/');
  if (path === undefined) return end(response, 400);
  // As static hosts do: the page's own addresses are from its folder.
  if (`${path}/` === under) return end(response, 301, { Location: under });
  if (!path.startsWith(under)) return end(response, 404);
  const inside = `/${path.slice(under.length)}`;
  const sent = headersFor(inside, rules);
  const file = join(folder, normalize(inside.endsWith('/') ? `${inside}index.html` : inside));
  const found = file.startsWith(folder + sep) ? await stat(file).catch(() => undefined) : undefined;
  if (!found?.isFile()) return end(response, 404, sent);
  const mark = `"${found.size}-${Math.round(found.mtimeMs)}"`;
  const kept = { ...sent, ETag: mark, 'Cache-Control': 'no-cache' };
  if (headers['if-none-match'] === mark) return end(response, 304, kept);
  response.writeHead(200, {
    ...kept,
    'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
    'Content-Length': found.size,
  });
  if (method === 'HEAD') return void response.end();
  createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response);
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers).end();
}

/** Decoded; undefined where it cannot be, or holds what no file of ours is called. */
function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    return path.includes('\0') || path.includes('\\') || path.includes('..') ? undefined : path;
  } catch {
    return undefined;
  }
}

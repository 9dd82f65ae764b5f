/**
 * A proxy on the loopback interface that a whole browser goes through: the studio's own origin passes, all else is
 * recorded and refused. What a page, its workers or the browser itself send to another place is in `others`, also what
 * no page event tells of; only what needs no connection through a proxy (UDP) is not seen.
 */
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where the browser is told that its vendor's services are; nobody is there, and the page knows nothing of it. */
const VENDOR = 'http://vendor.invalid';

/**
 * Flags by which what Chromium asks of its own accord (lists of accounts, updates, what forms are for) can be told from
 * what the page sends: it goes to a name that nothing else uses.
 */
export const VENDOR_ELSEWHERE: readonly string[] = [
  `--gaia-url=${VENDOR}`,
  `--google-url=${VENDOR}`,
  `--google-apis-url=${VENDOR}`,
  `--apps-gallery-update-url=${VENDOR}/extensions`,
  `--component-updater=url-source=${VENDOR}/components`,
  `--autofill-server-url=${VENDOR}/autofill/`,
];

export interface Recorder {
  /** For the browser's `proxy.server`. */
  readonly address: string;
  /** Method and address of everything that was for another place. */
  readonly others: string[];
  /** How much was passed on to the studio's origin. */
  passed(): number;
  close(): Promise<void>;
}

export interface RecorderOptions {
  /** As a host would that does not send the studio's headers: what names the content is all that is left of them. */
  withoutHeaders?: boolean;
}

export async function openRecorder(
  origin: string,
  { withoutHeaders = false }: RecorderOptions = {},
): Promise<Recorder> {
  const others: string[] = [];
  let passed = 0;
  const server = createServer((from, to) => {
    const { method = 'GET', url = '' } = from;
    if (!url.startsWith(`${origin}/`)) {
      if (!url.startsWith(`${VENDOR}/`)) others.push(`${method} ${url}`);
      from.resume();
      to.writeHead(403).end();
      return;
    }
    passed++;
    const onward = request(url, { method, headers: from.headers }, (answer) => {
      const headers = withoutHeaders ? contentOnly(answer.headers) : answer.headers;
      to.writeHead(answer.statusCode ?? 502, headers);
      answer.pipe(to);
    });
    onward.on('error', () => to.destroy());
    // The browser has gone on to something else.
    to.on('close', () => onward.destroy());
    from.pipe(onward);
  });
  // What is encrypted, or a WebSocket, first asks for a tunnel.
  server.on('connect', ({ url = '' }, socket) => {
    others.push(`CONNECT ${url}`);
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    others,
    passed: () => passed,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function contentOnly(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) =>
        name.startsWith('content-t') || name.startsWith('content-l') || name.startsWith('content-e'),
    ),
  );
}

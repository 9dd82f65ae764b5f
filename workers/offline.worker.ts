/**
 * The service worker: the studio opens without a network after the first visit, and has its headers (policies, isolation)
 * on hosts that send none. Built by tools/offline.ts, which knows the files and the rules. Hashed assets come from the
 * cache, the page from the network while there is one; nothing is asked of any other origin. A newer version waits until
 * a person takes it, so that no run is cut.
 */
import { withHeaders, type HeaderRule } from '../src/protocol/headers';

/** What of the service worker's scope is used here; TypeScript's own types of it exclude the page's. */
interface Scope {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Lasting) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}
interface Lasting {
  waitUntil(done: Promise<unknown>): void;
}
interface Fetching extends Lasting {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

declare const self: Scope;
/** Put in by the build: what the version is, and the files without which the studio does not open. */
declare const STUDIO_VERSION: string;
declare const STUDIO_FILES: readonly string[];
declare const STUDIO_RULES: readonly HeaderRule[];

const ROOT = new URL('.', self.location.href).href;
/** By folder: another copy of the studio may lie on the same host, and all see one list of caches. */
const PREFIX = `studio ${ROOT} `;
const CACHE = `${PREFIX}${STUDIO_VERSION}`;
/** This version's and the one before: another tab may still run that. */
const VERSIONS_KEPT = 2;
const NETWORK_PATIENCE_MS = 3000;
/** Servers say `Vary: Origin`; a module script's request has one, the request it was stored by has not. */
const ANY = { ignoreVary: true };

self.addEventListener('install', (event) => event.waitUntil(store()));
self.addEventListener('activate', (event) => event.waitUntil(dropOld().then(() => self.clients.claim())));
self.addEventListener('message', ({ data }) => {
  if (data === 'take over') void self.skipWaiting();
});
self.addEventListener('fetch', (event) => {
  const { request } = event;
  // What the host itself sends is asked by HEAD (ui/shell/guarded.ts).
  if (request.method !== 'GET' || !request.url.startsWith(ROOT)) return;
  // A piece of a file must not be taken for the whole.
  if (request.headers.has('range')) return;
  const [path] = request.url.slice(ROOT.length).split(/[?#]/, 1);
  const answer = request.mode === 'navigate' ? page(request) : file(event, path);
  event.respondWith(answer.then((each) => withHeaders(each, `/${path}`, STUDIO_RULES)));
});

async function store(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(STUDIO_FILES.map((path) => new Request(ROOT + path, { cache: 'no-cache' })));
}

async function dropOld(): Promise<void> {
  const ours = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  // `keys` is in the order in which they were made.
  await Promise.all(ours.slice(0, -VERSIONS_KEPT).map((name) => caches.delete(name)));
}

/** The page: from the network, so that a new version is seen at once; a network that hangs is none. */
async function page(request: Request): Promise<Response> {
  const stored = await (await caches.open(CACHE)).match(ROOT);
  if (!stored) return fetch(request);
  try {
    const fresh = await fetch(request, { signal: AbortSignal.timeout(NETWORK_PATIENCE_MS) });
    return fresh.ok ? fresh : stored;
  } catch {
    return stored;
  }
}

/** Any other file: from this version's cache, from an older one if its name has a hash, else from the network. */
async function file(event: Fetching, path: string): Promise<Response> {
  const { request } = event;
  const cache = await caches.open(CACHE);
  const hashed = path.startsWith('assets/');
  const stored = (await cache.match(request, ANY)) ?? (hashed ? await caches.match(request, ANY) : undefined);
  if (stored) return stored;
  const fresh = await fetch(request);
  // Demo files and big libraries are stored when they are first used. The browser may end this worker before: not then.
  if (fresh.status === 200) event.waitUntil(cache.put(request, fresh.clone()).catch(() => undefined));
  return fresh;
}

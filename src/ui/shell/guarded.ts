/**
 * Before anything is shown that takes pictures: does the browser hold this page and its workers to the policies? Either
 * the host sends them, or the studio's service worker adds them (isolation too), and then the page has to be loaded
 * through it: one reload at the first visit, or after one that went past it (Shift and reload).
 */
import { holds } from '../../protocol/headers';
import { ownFile } from '../../protocol/studio_root';
import { hostHeaders, ownPolicy } from '../engine/host_headers';

/** Why the page does not open. */
export type Unguarded = 'framed' | 'unguarded';

export interface Place {
  /** In another page's frame. What forbids that is a header, which no page can say of itself. */
  readonly framed: boolean;
  /** The service worker answers for this page. */
  readonly controlled: boolean;
  readonly isolated: boolean;
  /** Elsewhere there is neither isolation nor a service worker. */
  readonly secure: boolean;
  /** Whether the host sends the policy. */
  hostGuards(): Promise<boolean>;
  /** Stores studio and service worker; whether it is there. */
  install(): Promise<boolean>;
  /** Whether the page was loaded again for it; forgets it. */
  takeReloaded(): boolean;
}

/** `onwait` is called before it takes longer. After 'reload' comes `loadAgain`. */
export async function guard(place: Place, onwait: () => void): Promise<'open' | 'reload' | Unguarded> {
  if (place.framed) return 'framed';
  const reloaded = place.takeReloaded();
  if (place.controlled) return 'open';
  const byHost = await place.hostGuards();
  if (byHost && (place.isolated || !place.secure)) return 'open';
  if (!reloaded) {
    onwait();
    if (await place.install()) return 'reload';
  }
  return byHost ? 'open' : 'unguarded';
}

const AGAIN = '?again';

/**
 * Loads the page once more, through the service worker. By an address of its own, which says that it was tried: a browser
 * that lets no service worker answer must not load for ever, and `sessionStorage` is no place for it (the page before is
 * not isolated, and Chromium's process of it keeps a copy of its own).
 */
export function loadAgain(): void {
  location.replace(AGAIN + location.hash);
}

const workers = (): ServiceWorkerContainer | undefined =>
  (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker;

export function thisPlace(): Place {
  return {
    framed: self !== top,
    controlled: Boolean(workers()?.controller),
    isolated: crossOriginIsolated,
    secure: isSecureContext,
    hostGuards: async () => holds((await hostHeaders())?.get('content-security-policy') ?? null, ownPolicy()),
    install: () => install().catch(() => false),
    takeReloaded,
  };
}

async function install(): Promise<boolean> {
  const registration = await workers()?.register(ownFile('sw.js'));
  const { installing } = registration ?? {};
  const failed = new Promise<boolean>((resolve) =>
    installing?.addEventListener('statechange', () => {
      if (installing.state === 'redundant') resolve(false);
    }),
  );
  return registration ? Promise.race([workers()?.ready.then(() => true) ?? false, failed]) : false;
}

function takeReloaded(): boolean {
  if (location.search !== AGAIN) return false;
  history.replaceState(null, '', location.pathname + location.hash);
  return true;
}

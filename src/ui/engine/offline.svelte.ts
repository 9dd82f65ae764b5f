/**
 * The page's side of the service worker: whether all that is needed is stored here, whether there is a network, and
 * whether a newer version waits. It never reloads by itself: a run may be under way, in this tab or in another.
 */
import { ownFile } from '../../protocol/studio_root';

class Offline {
  online = $state(true);
  /** The studio opens without a network. */
  stored = $state(false);
  /** A newer version is stored and waits to be taken. */
  update: ServiceWorker | undefined = $state.raw();

  /** In a built app, after the first paint; the development server has no service worker. */
  begin(): void {
    this.online = navigator.onLine;
    addEventListener('online', () => (this.online = true));
    addEventListener('offline', () => (this.online = false));
    const workers = (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker;
    if (!import.meta.env.PROD || !workers) return;
    void workers.ready.then(() => (this.stored = true));
    // Where the browser forbids it (private windows of Firefox), the studio just needs the network to open.
    workers.register(ownFile('sw.js')).then(
      (registration) => this.#watch(registration),
      () => undefined,
    );
  }

  /** Takes the newer version: this page reloads as soon as it is in charge. */
  take(): void {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    this.update?.postMessage('take over');
  }

  #watch(registration: ServiceWorkerRegistration): void {
    const look = () => {
      // The first version ever installed is no update.
      this.update = navigator.serviceWorker.controller ? (registration.waiting ?? undefined) : undefined;
    };
    const follow = () => registration.installing?.addEventListener('statechange', look);
    look();
    follow();
    registration.addEventListener('updatefound', follow);
  }
}

export const offline = new Offline();

/**
 * One tab at a time may change a project: a Web Lock per project says which, and the next tab in line gets it when
 * that one closes. A channel tells the tabs that only look that something changed. Where the browser has no locks
 * (plain http), every tab believes itself alone.
 */
export interface LockListener {
  /** Whether this tab may change the project. */
  mine(mine: boolean): void;
  /** Another tab saved a change of this project. */
  changed(): void;
}

export class ProjectLock {
  readonly #listener: LockListener;
  #leave: (() => void) | undefined;
  #channel: BroadcastChannel | undefined;

  constructor(listener: LockListener) {
    this.#listener = listener;
  }

  /** Lets go of the project held before. Resolves when it is known whether this one is ours. */
  async take(project: string): Promise<void> {
    this.#leave?.();
    const leaving = new AbortController();
    const left = new Promise<void>((resolve) => {
      this.#leave = () => {
        leaving.abort();
        resolve();
      };
    });
    this.#listen(project);
    const mine = await this.#atOnce(project, left);
    if (leaving.signal.aborted) return;
    this.#listener.mine(mine);
    if (!mine) this.#standInLine(project, leaving.signal, left);
  }

  /** Tells the other tabs of this project that it was saved. */
  announce(): void {
    this.#channel?.postMessage('changed');
  }

  #atOnce(project: string, left: Promise<void>): Promise<boolean> {
    if (typeof navigator.locks === 'undefined') return Promise.resolve(true);
    return new Promise((resolve) => {
      void navigator.locks.request(lockName(project), { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock ? left : undefined;
      });
    });
  }

  #standInLine(project: string, signal: AbortSignal, left: Promise<void>): void {
    navigator.locks
      .request(lockName(project), { signal }, () => {
        // The other tab's last words are in storage by now.
        this.#listener.changed();
        this.#listener.mine(true);
        return left;
      })
      .catch(() => {
        // Left the line for another project.
      });
  }

  #listen(project: string): void {
    this.#channel?.close();
    if (typeof BroadcastChannel === 'undefined') return;
    this.#channel = new BroadcastChannel(lockName(project));
    this.#channel.onmessage = () => this.#listener.changed();
  }
}

/** Ids of the projects that some tab has open to change them, this one included. */
export async function projectsInUse(): Promise<ReadonlySet<string>> {
  if (typeof navigator.locks === 'undefined') return new Set();
  const { held = [] } = await navigator.locks.query();
  const names = held.map(({ name = '' }) => name).filter((name) => name.startsWith(PREFIX));
  return new Set(names.map((name) => name.slice(PREFIX.length)));
}

const PREFIX = 'project ';

function lockName(project: string): string {
  return `${PREFIX}${project}`;
}

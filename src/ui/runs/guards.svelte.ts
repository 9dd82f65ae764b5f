/**
 * What the browser is asked for while a run is under way: a Web Lock (no freezing, and other tabs know), the screen kept
 * awake while the tab is in front, a question before the tab closes with steps unsaved, progress in the title.
 */
import type { WakeLockState } from './states';
import { runLock } from './unfinished';

export interface Guarded {
  /** Would closing the tab now lose steps? */
  unsaved(): boolean;
  /** The tab was hidden for so many seconds and is in front again. */
  cameBack(seconds: number): void;
}

export class Guards {
  /** Whether the screen is to be kept awake, by the person's wish. */
  keepAwake = $state(true);
  wakeLock: WakeLockState = $state('off');

  #release: (() => void) | undefined;
  #sentinel: WakeLockSentinel | undefined;
  #title: string | undefined;
  #hiddenAt: number | undefined;

  constructor(private readonly guarded: Guarded) {}

  /** Until `end`. A second `begin` for another run ends the first. What is unsaved at the end is still asked about. */
  begin(run: string): void {
    this.end();
    const held = new Promise<void>((resolve) => (this.#release = resolve));
    if (typeof navigator.locks !== 'undefined') {
      void navigator.locks.request(runLock(run), () => held);
    }
    addEventListener('beforeunload', this.#ask);
    document.addEventListener('visibilitychange', this.#visibility);
    void this.#wake();
  }

  end(): void {
    this.#release?.();
    this.#release = undefined;
    if (!this.guarded.unsaved()) removeEventListener('beforeunload', this.#ask);
    document.removeEventListener('visibilitychange', this.#visibility);
    this.#sleep();
    this.title(undefined);
  }

  /** Before the page's own title; undefined gives that back alone. */
  title(progress: string | undefined): void {
    if (progress === undefined) {
      if (this.#title !== undefined) document.title = this.#title;
      this.#title = undefined;
      return;
    }
    this.#title ??= document.title;
    document.title = `${progress} · ${this.#title}`;
  }

  setKeepAwake(wanted: boolean): void {
    this.keepAwake = wanted;
    if (wanted) void this.#wake();
    else this.#sleep();
  }

  async #wake(): Promise<void> {
    if (!this.#release || !this.keepAwake || this.#sentinel) return;
    const { wakeLock } = navigator as Partial<Pick<Navigator, 'wakeLock'>>;
    if (!wakeLock) {
      this.wakeLock = 'missing';
      return;
    }
    try {
      const sentinel = await wakeLock.request('screen');
      this.#sentinel = sentinel;
      this.wakeLock = 'on';
      // The browser lets go by itself when the tab is hidden; `#visibility` asks again.
      sentinel.addEventListener('release', () => {
        if (this.#sentinel !== sentinel) return;
        this.#sentinel = undefined;
        this.wakeLock = this.#release ? 'waiting' : 'off';
      });
    } catch {
      // Battery saver, or the tab is hidden already.
      this.wakeLock = document.visibilityState === 'visible' ? 'refused' : 'waiting';
    }
  }

  #sleep(): void {
    const sentinel = this.#sentinel;
    this.#sentinel = undefined;
    this.wakeLock = 'off';
    void sentinel?.release().catch(() => undefined);
  }

  readonly #ask = (event: BeforeUnloadEvent): void => {
    if (this.guarded.unsaved()) event.preventDefault();
  };

  readonly #visibility = (): void => {
    if (document.visibilityState === 'hidden') {
      this.#hiddenAt = Date.now();
      return;
    }
    if (this.#hiddenAt !== undefined) this.guarded.cameBack((Date.now() - this.#hiddenAt) / 1000);
    this.#hiddenAt = undefined;
    void this.#wake();
  };
}

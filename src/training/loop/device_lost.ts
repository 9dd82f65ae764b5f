/**
 * A run whose GPU device goes: whatever fails then, the loss is why, and the news of it may come a moment after the failure.
 * For the page's worker and the command line alike.
 */
import type { EngineFacts } from '../../protocol/engine_errors';

export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
  readonly code = 'lost';
  readonly facts: EngineFacts['DeviceLostError']['lost'];
  constructor(reason: string) {
    super(`The GPU was lost (${reason}). Resume from the last checkpoint.`);
    this.facts = { reason };
  }
}

const NEWS_MS = 250;

export class DeviceWatch {
  readonly #lost = new AbortController();
  readonly #heard = new Promise<void>((resolve) => {
    this.#lost.signal.addEventListener('abort', () => resolve());
  });

  /** For `openDevice`. */
  readonly onLost = (reason: string): void => this.#lost.abort(new DeviceLostError(reason));

  /** The same events; throws DeviceLostError where the device went. `asked`: that the run shall stop, which is no loss. */
  async *over<T>(events: AsyncIterable<T>, asked: AbortSignal): AsyncGenerator<T, void> {
    try {
      for await (const event of events) {
        this.#lost.signal.throwIfAborted();
        yield event;
      }
    } catch (error) {
      await Promise.race([this.#heard, new Promise((resolve) => setTimeout(resolve, NEWS_MS))]);
      this.#lost.signal.throwIfAborted();
      // What waits on a device that is gone is aborted; so is a run that was asked to stop.
      if (!asked.aborted && error instanceof Error && error.name === 'AbortError')
        throw new DeviceLostError(error.message);
      throw error;
    }
  }
}

/** Work on many small files: several at a time, results in order, and the page free in between. */

/** At most `atATime` are under way; the results stand as the items do. */
export async function inTurn<T, R>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const breath = new Breath();
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at];
      results[at] = await work(item);
      if (breath.due) await breath.take();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, worker));
  return results;
}

/** In a loop over many: waits when it has worked long enough, so that a page answers. */
export class Breath {
  #since = performance.now();

  /** Milliseconds of work between two pauses. */
  constructor(readonly workMs = 25) {}

  get due(): boolean {
    return performance.now() - this.#since > this.workMs;
  }

  async take(): Promise<void> {
    await pause();
    this.#since = performance.now();
  }
}

/** Lets events in: on a page, a long list may not hold up the person. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

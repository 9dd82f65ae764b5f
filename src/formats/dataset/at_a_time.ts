/** Work on many small files: several at a time, results in order, and the page free in between. */

/** At most `atATime` are under way; the results stand as the items do. */
export async function inTurn<T, R>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at];
      results[at] = await work(item);
      if (at % 500 === 499) await pause();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, worker));
  return results;
}

/** Lets events in: on a page, a long list may not hold up the person. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

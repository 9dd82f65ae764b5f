/** Callbacks as events: what some work tells while it goes on, yielded by a generator. */

/**
 * Yields what `work` tells and returns its result. A newer event takes the place of one that nobody has taken yet. A
 * caller that leaves early is held until the work has ended, so that nothing is freed which the work still uses.
 */
export async function* reporting<E, T>(work: (tell: (event: E) => void) => Promise<T>): AsyncGenerator<E, T> {
  let told: { event: E } | undefined;
  let wake: () => void = () => {};
  let over = false;
  const finished = work((event) => {
    told = { event };
    wake();
  });
  const ended = finished.then(
    () => void (over = true),
    () => void (over = true),
  );
  try {
    for (;;) {
      if (told) {
        const { event } = told;
        told = undefined;
        yield event;
      } else if (over) break;
      else await Promise.race([ended, new Promise<void>((resolve) => (wake = resolve))]);
    }
  } finally {
    await ended;
  }
  return finished;
}

/** Works on several items at a time and gives the results in the items' order, as soon as each is due. */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  atATime: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  for (const item of items) {
    const started = work(item);
    // It is awaited in its turn; an early failure is no unhandled one.
    started.catch(() => undefined);
    underWay.push(started);
    if (underWay.length >= atATime) yield await (underWay.shift() as Promise<R>);
  }
  for (const last of underWay) yield await last;
}

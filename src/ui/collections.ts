/** Sets and maps that are replaced whole, never changed: what `$state.raw` holds. */

export function setOf<T>(entries: Iterable<T> = []): ReadonlySet<T> {
  return new Set(entries);
}

export function mapOf<K, V>(entries: Iterable<readonly [K, V]> = []): ReadonlyMap<K, V> {
  return new Map(entries);
}

/** With more entries, or others in their place. */
export function withEntries<K, V>(
  map: ReadonlyMap<K, V>,
  entries: Iterable<readonly [K, V]>,
): ReadonlyMap<K, V> {
  return new Map([...map, ...entries]);
}

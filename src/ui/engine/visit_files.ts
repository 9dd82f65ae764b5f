/**
 * Base models that a browser without file handles gave and that are too large to be copied unasked: they are read where
 * they lie for as long as this page is open, and have to be chosen again after it.
 */
const given = new Map<string, readonly File[]>();

/** The key by which a project remembers them. */
export function keepForVisit(files: readonly File[]): string {
  // Never that of an earlier page, which the project may still name.
  const key = crypto.getRandomValues(new Uint32Array(4)).join('-');
  given.set(key, files);
  return key;
}

/** Undefined where another page was given them, or this one before it was reloaded. */
export function ofVisit(key: string): readonly File[] | undefined {
  return given.get(key);
}

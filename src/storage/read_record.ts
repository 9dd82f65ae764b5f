/**
 * Records as they come out of the browser's storage: written by this version, by an older one, or by a person with the
 * developer tools. Read field by field instead of believed. What this version does not know is kept, so that writing a
 * record back loses nothing.
 */

/** The value if it is one of its kind, else undefined. */
export type Reads<T> = (value: unknown) => T | undefined;

export const text: Reads<string> = (value) => (typeof value === 'string' ? value : undefined);

/** Finite. */
export const number: Reads<number> = (value) => (Number.isFinite(value) ? (value as number) : undefined);

export function choice<T extends string>(of: readonly T[]): Reads<T> {
  return (value) => of.find((one) => one === value);
}

export const record: Reads<Readonly<Record<string, unknown>>> = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

/** Fields that a record cannot be without: those of T that are not optional, between `needed` and `others`. */
type RequiredKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? never : K }[keyof T];

/**
 * A reader of whole records. `needed`: without them it is none, and undefined is given. `others`: what they are where
 * they are missing or of another kind. Optional fields are left as they are.
 */
export function reader<T extends object>(
  needed: { readonly [K in RequiredKeys<T>]?: Reads<T[K]> },
  others: { readonly [K in RequiredKeys<T>]?: readonly [Reads<T[K]>, T[K]] },
): (value: unknown) => T | undefined {
  return (value) => {
    const given = record(value);
    if (!given) return undefined;
    const read: Record<string, unknown> = { ...given };
    for (const [name, reads] of Object.entries<Reads<unknown> | undefined>(needed)) {
      if (reads?.(given[name]) === undefined) return undefined;
    }
    for (const [name, entry] of Object.entries<readonly [Reads<unknown>, unknown] | undefined>(others)) {
      if (entry) read[name] = entry[0](given[name]) ?? entry[1];
    }
    return read as T;
  };
}

/** Names and order of pictures that come from many folders into one set. Pure. */
import { fileKey } from './metadata_csv';

/** 2 before 10, upper and lower case alike. By keys made once: Intl.Collator takes seconds for ten thousand names. */
export function inNaturalOrder<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, key: naturalKey(nameOf(item)) }))
    .sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
    .map(({ item }) => item);
}

/** Folders before what their names begin: a slash sorts first. */
function naturalKey(name: string): string {
  const folded = fileKey(name).toLowerCase().replaceAll('/', '\0');
  return folded.replace(/\d+/g, (digits) => digits.padStart(12, '0'));
}

/** Gives each name out once: a second `1.png` becomes `1-2.png`. Upper and lower case count as the same. */
export class UniqueNames {
  readonly #taken = new Set<string>();

  constructor(taken: Iterable<string> = []) {
    for (const name of taken) this.#taken.add(keyOf(name));
  }

  take(name: string): string {
    const [, stem = name, ending = ''] = /^(.+?)(\.[^.]*)?$/s.exec(name) ?? [];
    let free = name;
    for (let number = 2; this.#taken.has(keyOf(free)); number++) free = `${stem}-${number}${ending}`;
    this.#taken.add(keyOf(free));
    return free;
  }
}

function keyOf(name: string): string {
  return fileKey(name).toLowerCase();
}

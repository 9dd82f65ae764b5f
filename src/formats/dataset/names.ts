/** Names and order of pictures that come from many folders into one set. Pure, and linear in their number. */
import { fileKey } from './kinds';

/** 2 before 10, upper and lower case alike, one order whatever came first. By keys made once: a collator is slow. */
export function inNaturalOrder<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, name: nameOf(item), key: naturalKey(nameOf(item)) }))
    .sort((a, b) => compare(a.key, b.key) || compare(a.name, b.name))
    .map(({ item }) => item);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Folders before what their names begin: a slash sorts first. Numbers by how many digits they have, then by these. */
function naturalKey(name: string): string {
  const folded = fileKey(name).toLowerCase().replaceAll('/', '\0');
  return folded.replace(/\d+/g, (digits) => {
    const number = digits.replace(/^0+(?=\d)/, '');
    return `0${String.fromCharCode(0x30 + Math.min(number.length, 200))}${number}`;
  });
}

/** Gives each name out once: a second `1.png` becomes `1-2.png`. Upper and lower case count as the same. */
export class UniqueNames {
  readonly #taken = new Set<string>();
  /** The next number to try, by name. Numbers below it are taken, and none is ever given back. */
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    for (const name of taken) this.#taken.add(keyOf(name));
  }

  take(name: string): string {
    const key = keyOf(name);
    if (!this.#taken.has(key)) {
      this.#taken.add(key);
      return name;
    }
    const [, stem = name, ending = ''] = /^(.+?)(\.[^.]*)?$/s.exec(name) ?? [];
    let number = this.#next.get(key) ?? 2;
    while (this.#taken.has(keyOf(`${stem}-${number}${ending}`))) number++;
    this.#next.set(key, number + 1);
    const free = `${stem}-${number}${ending}`;
    this.#taken.add(keyOf(free));
    return free;
  }
}

function keyOf(name: string): string {
  return fileKey(name).toLowerCase();
}

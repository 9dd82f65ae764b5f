/**
 * Chance that can be had again: every case of a row follows from the run's seed, the row's name and the case's number
 * alone, so a failing one is made anew by naming them. The generator is sfc32 (PractRand, Chris Doty-Humphrey).
 */

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;
  readonly #number: number;

  constructor(seed: number, name: string, number: number) {
    this.#a = seed | 0;
    this.#b = hash(name);
    this.#c = number | 0;
    this.#number = number;
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** 32 of them, as an integer from 0. */
  bits(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** From 0 to below `count`. */
  below(count: number): number {
    return Math.floor((this.bits() / 2 ** 32) * count);
  }

  /** True one time in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /**
   * Whether this case is one of the large ones, which take as long as hundreds of small ones: often among a row's first, so
   * that a short run has some, and then as rarely as a long run can pay for.
   */
  large(): boolean {
    return this.oneIn(this.#number < 10_000 ? 400 : 4000);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** Small mostly, now and then up to `most`. */
  size(most: number): number {
    return Math.floor(most ** (this.bits() / 2 ** 32)) - 1 + this.below(2);
  }

  list<T>(most: number, item: (index: number) => T): T[] {
    return Array.from({ length: this.size(most + 1) }, (_, index) => item(index));
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value;
}

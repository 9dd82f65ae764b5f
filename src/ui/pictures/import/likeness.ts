/**
 * Which pictures are the same, or nearly: by the file's digest, and by a difference hash of what it shows (Krawetz,
 * 2013). Resized and recompressed copies differ in few of its 64 bits. Of 64 bits in five parts, of which at most four
 * differ, one part is the same: only pictures that share a part are compared (Norouzi, Punjani and Fleet, 2012).
 */
import type { Picture } from '../../../storage/pictures';

/** Bits that may differ. */
const NEAR = 4;
/** Copies have about the same proportions: the logarithm of their ratio. */
const RATIO = 0.1;
/** The hash of a picture without any slope says nothing. */
const FLAT = '0'.repeat(16);

export type Seen = Pick<Picture, 'digest' | 'look' | 'width' | 'height'> & Partial<Pick<Picture, 'aside'>>;

export class Likeness<T extends Seen = Seen> {
  readonly #digests = new Map<string, T>();
  readonly #near: T[] = [];
  /** Two halves of the look of each of `#near`. Numbers in an object would be ten times slower to compare. */
  #bits = new Int32Array(256);
  /** Places in `#near`, by part. */
  readonly #parts = new Map<number, number[]>();

  constructor(seen: Iterable<T> = []) {
    for (const picture of seen) this.add(picture);
  }

  add(picture: T): void {
    if (!this.#digests.has(picture.digest)) this.#digests.set(picture.digest, picture);
    // What is like a copy but not like its original is no copy of anything in use.
    if (picture.aside !== undefined || picture.look === FLAT) return;
    const at = 2 * this.#near.push(picture) - 2;
    if (at === this.#bits.length) {
      const longer = new Int32Array(2 * at);
      longer.set(this.#bits);
      this.#bits = longer;
    }
    const bits = bitsOf(picture.look);
    this.#bits.set(bits, at);
    for (const part of partsOf(bits)) {
      const places = this.#parts.get(part);
      if (places) places.push(at / 2);
      else this.#parts.set(part, [at / 2]);
    }
  }

  /** The picture added before that this one repeats. */
  twin(picture: Seen): { of: T; as: 'duplicate' | 'near-duplicate' } | undefined {
    const same = this.#digests.get(picture.digest);
    if (same) return { of: same, as: 'duplicate' };
    if (picture.look === FLAT) return undefined;
    const look = bitsOf(picture.look);
    let first = Infinity;
    for (const part of partsOf(look)) {
      const place = this.#parts.get(part)?.find((i) => this.#isNear(i, look, picture));
      if (place !== undefined && place < first) first = place;
    }
    return first < Infinity ? { of: this.#near[first], as: 'near-duplicate' } : undefined;
  }

  #isNear(i: number, [high, low]: Bits, picture: Seen): boolean {
    const bits = this.#bits;
    if (ones(high ^ bits[2 * i]) + ones(low ^ bits[2 * i + 1]) > NEAR) return false;
    return Math.abs(ratioOf(picture) - ratioOf(this.#near[i])) <= RATIO;
  }
}

type Bits = readonly [high: number, low: number];

/** 13, 13, 13, 13 and 12 bits, each with its number above them. */
function partsOf([high, low]: Bits): number[] {
  const middle = ((high & 0x3f) << 7) | (low >>> 25);
  return [high >>> 19, (high >>> 6) & 0x1fff, middle, (low >>> 12) & 0x1fff, low & 0xfff].map(
    (bits, part) => (part << 13) | bits,
  );
}

function bitsOf(look: string): Bits {
  return [parseInt(look.slice(0, 8), 16) | 0, parseInt(look.slice(8), 16) | 0];
}

function ratioOf({ width, height }: Seen): number {
  return Math.log(width / height);
}

/** Set bits of a 32-bit number (Hacker's Delight, 5-2). */
function ones(bits: number): number {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Random numbers by counter: Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). The key is the seed, the counter is (position, stream), the stream is a digest of a path
 * such as ('noise', step, sample). So a resumed run needs only the seed and the step, never a generator's past.
 * Not for secrets.
 */

export type StreamPart = string | number;

/** A place in a stream. */
interface Place {
  seed: number;
  stream: [number, number];
  position: number;
}

/** The seed given is not one this generator can hold. */
export class InvalidSeedError extends RangeError {
  override readonly name = 'InvalidSeedError';
}

/**
 * The stream of random numbers that belongs to a seed and a path, always the same one.
 * @param seed whole number, 0 to 2^53-1
 * @param path what the numbers are for, e.g. ('noise', step, sample); order and types count ('1' is not 1)
 * @throws InvalidSeedError
 */
export function stream(seed: number, ...path: StreamPart[]): RandomStream {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new InvalidSeedError(
      `The seed is ${seed}, but it must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}. Choose another seed.`,
    );
  }
  return new RandomStream({ seed, stream: digest([0, 0], path), position: 0 });
}

/** A position in one stream. Every draw moves it. */
export class RandomStream {
  private readonly key: [number, number];
  private readonly block = new Uint32Array(4);
  private blockIndex = -1;
  private position: number;

  constructor(private readonly origin: Place) {
    this.key = [origin.seed >>> 0, Math.floor(origin.seed / 2 ** 32)];
    this.position = origin.position;
  }

  /** A stream of its own below this one; this stream's position neither matters nor moves. */
  split(...path: StreamPart[]): RandomStream {
    return new RandomStream({
      seed: this.origin.seed,
      stream: digest(this.origin.stream, path),
      position: 0,
    });
  }

  /** Whole number in [0, 2^32). */
  uint32(): number {
    const index = Math.floor(this.position / 4);
    if (index !== this.blockIndex) this.fillBlock(index);
    return this.block[this.position++ % 4];
  }

  /** Uniform in [0, 1), 53 bits; two words. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    return (high * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
  }

  /** Whole number in [0, n), every one equally likely (rejection, so the words used may vary); n from 1 to 2^32. */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new RangeError(`int(${n}): the number of choices must be a whole number from 1 to 2^32.`);
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % n;
  }

  /** One standard normal, from two words. `fillNormal` uses the words otherwise and is four times as fast. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 0.5) / 2 ** 32));
    return radius * Math.cos((2 * Math.PI * this.uint32()) / 2 ** 32);
  }

  /**
   * Fills with standard normals (Box-Muller) and returns the same array. Starts at the next whole block of four
   * words and uses whole blocks, so the numbers depend on the position alone, not on earlier odd draws.
   */
  fillNormal(out: Float32Array): Float32Array {
    let index = Math.ceil(this.position / 4);
    for (let i = 0; i < out.length; i += 4, index++) {
      this.fillBlock(index);
      for (let pair = 0; pair < 4 && i + pair < out.length; pair += 2) {
        // +0.5 keeps the logarithm's argument off zero; the largest normal is 6.8.
        const radius = Math.sqrt(-2 * Math.log((this.block[pair] + 0.5) / 2 ** 32));
        const angle = (2 * Math.PI * this.block[pair + 1]) / 2 ** 32;
        out[i + pair] = radius * Math.cos(angle);
        if (i + pair + 1 < out.length) out[i + pair + 1] = radius * Math.sin(angle);
      }
    }
    this.position = index * 4;
    return out;
  }

  /** Fills with uniforms in [low, high), 24 bits, one word each, and returns the same array. */
  fillUniform(out: Float32Array, low = 0, high = 1): Float32Array {
    for (let i = 0; i < out.length; i++) out[i] = low + (high - low) * ((this.uint32() >>> 8) / 2 ** 24);
    return out;
  }

  /** A shuffled copy (Fisher-Yates): every order equally likely. */
  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const moved = out[i];
      out[i] = out[j];
      out[j] = moved;
    }
    return out;
  }

  private fillBlock(index: number): void {
    const counter = [index >>> 0, Math.floor(index / 2 ** 32), this.origin.stream[0], this.origin.stream[1]];
    philox4x32(counter, this.key, this.block);
    this.blockIndex = index;
  }
}

/**
 * Ten rounds of Philox-4x32.
 * @param counter four words, @param key two words, @param out receives four words
 */
export function philox4x32(
  counter: ArrayLike<number>,
  key: ArrayLike<number>,
  out: Uint32Array,
): Uint32Array {
  let c0 = counter[0] >>> 0;
  let c1 = counter[1] >>> 0;
  let c2 = counter[2] >>> 0;
  let c3 = counter[3] >>> 0;
  let k0 = key[0] >>> 0;
  let k1 = key[1] >>> 0;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(0xd2511f53, c0);
    const high1 = mulHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
  return out;
}

/** High 32 bits of the 64-bit product; doubles hold every intermediate exactly (each below 2^32). */
function mulHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const mid = aHigh * bLow + ((aLow * bLow) >>> 16);
  const mid2 = aLow * bHigh + (mid & 0xffff);
  return aHigh * bHigh + (mid >>> 16) + (mid2 >>> 16);
}

/** 64 bits of a path, chaining Philox over its words; parts carry type and length, so ('ab') is not ('a', 'b'). */
function digest(parent: readonly [number, number], path: readonly StreamPart[]): [number, number] {
  const state = Uint32Array.of(parent[0], parent[1], 0, 0);
  const absorb = (word: number): void => {
    state[3] ^= word;
    philox4x32(state, [0x6c6f7261, 0x73747564], state);
  };
  for (const part of path) {
    if (typeof part === 'string') {
      absorb(0x80000000 | part.length);
      for (let i = 0; i < part.length; i++) absorb(part.charCodeAt(i));
    } else {
      if (!Number.isSafeInteger(part) || part < 0) {
        throw new RangeError(`A stream's path holds ${part}; numbers in it must be whole and not negative.`);
      }
      absorb(0x40000000);
      absorb(part >>> 0);
      absorb(Math.floor(part / 2 ** 32));
    }
  }
  return [state[0], state[1]];
}

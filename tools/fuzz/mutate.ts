/**
 * Makes a hostile input from a sound one: bits, bytes, pieces and numbers changed, words of the format put in, the file
 * cut, pieces of another one put in; now and then one piece a thousand times over, which is what a quadratic reader
 * betrays itself by.
 */
import { joined } from '../../src/formats/protobuf/wire';
import type { Random } from './random';

export interface Kinds {
  /** Sound files, and known bad ones. */
  readonly seeds: readonly Uint8Array[];
  /** What stands in such files: marks, names, numbers at a limit. */
  readonly words?: readonly (string | Uint8Array)[];
  /** Longest that a piece said over and over makes the file. */
  readonly longest?: number;
}

const encoder = new TextEncoder();
const numbers =
  '0 1 -1 2 7 8 127 128 255 256 65535 65536 2147483647 4294967295 4294967296 9007199254740991 9007199254740993 18446744073709551615 1e308 1e309 -0 0.5 NaN 00'.split(
    ' ',
  );
const odd = [
  '\0',
  '\ufeff',
  '\u2028',
  '\ud83d\ude00',
  '\u0301',
  '"',
  "'",
  '\\',
  '\r\n',
  '\t',
  '../',
  '__proto__',
  '%00',
  '<',
  '😀',
];

export function mutated(random: Random, kinds: Kinds): Uint8Array {
  const { seeds, words = [], longest = 200_000 } = kinds;
  let bytes = random.of(seeds);
  if (random.large()) return saidOver(random, bytes, words, longest);
  for (let left = 1 + random.size(6); left > 0; left--) bytes = changed(random, bytes, seeds, words);
  return bytes;
}

function changed(
  random: Random,
  bytes: Uint8Array,
  seeds: readonly Uint8Array[],
  words: readonly (string | Uint8Array)[],
): Uint8Array {
  const at = random.below(bytes.length + 1);
  const length = Math.min(random.size(64), bytes.length - at);
  switch (random.below(11)) {
    case 0: {
      const copy = bytes.slice();
      if (copy.length > 0) copy[random.below(copy.length)] ^= 1 << random.below(8);
      return copy;
    }
    case 1: {
      const copy = bytes.slice();
      if (copy.length > 0)
        copy[random.below(copy.length)] = random.of([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
      return copy;
    }
    case 2:
      return spliced(bytes, at, length, new Uint8Array());
    case 3:
      return spliced(bytes, at, 0, bytes.subarray(at, at + length));
    case 4:
      return spliced(bytes, at, random.oneIn(2) ? length : 0, bytesOf(random.of([...words, ...odd])));
    case 5:
      return spliced(
        bytes,
        at,
        0,
        Uint8Array.from({ length: random.size(16) }, () => random.below(256)),
      );
    case 6:
      return otherNumber(random, bytes, at);
    case 7: {
      const other = random.of(seeds);
      const from = random.below(other.length + 1);
      return spliced(bytes, at, length, other.subarray(from, from + random.size(256)));
    }
    case 8:
      return bytes.slice(0, at);
    case 9: {
      const copy = bytes.slice();
      const view = new DataView(copy.buffer);
      const value = random.of([0, 1, 0xff, 0xffff, 0x7fffffff, 0xffffffff, copy.length, random.bits()]);
      if (at + 4 <= copy.length) view.setUint32(at, value, random.oneIn(2));
      return copy;
    }
    default:
      return spliced(bytes, at, length, bytesOf(random.of(words.length > 0 ? words : odd)));
  }
}

/** One piece again and again, within a sound file or alone. */
function saidOver(
  random: Random,
  bytes: Uint8Array,
  words: readonly (string | Uint8Array)[],
  longest: number,
): Uint8Array {
  const at = random.below(bytes.length + 1);
  const own = bytes.slice(at, at + 1 + random.size(24));
  const piece = random.oneIn(2) && words.length > 0 ? bytesOf(random.of(words)) : own;
  const pair = random.oneIn(3)
    ? joined([piece, bytesOf(random.of([' ', '\n', ',', '"', '\\', ...odd]))])
    : piece;
  const once = random.oneIn(4)
    ? bytesOf(random.of([' ', '\t', '\n', '0', 'a', '[', '{', '"', '\\', ',', '-', '(', '中']))
    : pair;
  if (once.length === 0) return bytes;
  const count = Math.floor((longest * (1 + random.below(4))) / 4 / once.length);
  const over = new Uint8Array(count * once.length);
  for (let i = 0; i < count; i++) over.set(once, i * once.length);
  return random.oneIn(4) ? over : spliced(bytes, at, 0, over);
}

function otherNumber(random: Random, bytes: Uint8Array, from: number): Uint8Array {
  const digit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;
  let at = from;
  while (at < bytes.length && !digit(bytes[at])) at++;
  let end = at;
  while (digit(bytes[end])) end++;
  return spliced(bytes, at, end - at, encoder.encode(random.of(numbers)));
}

function spliced(bytes: Uint8Array, at: number, length: number, put: Uint8Array): Uint8Array {
  return joined([bytes.subarray(0, at), put, bytes.subarray(at + length)]);
}

export function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? encoder.encode(text) : text;
}

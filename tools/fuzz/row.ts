/**
 * One row of the fuzz table: a reader of ours, inputs for it, and what it may answer. A reader takes an input or refuses
 * it by an error of the names that the row lists; anything else that it throws, a promise that it breaks, and a case that
 * takes too long or too much memory, is a fault.
 */
import { mutated, type Kinds } from './mutate';
import type { Random } from './random';

/** What a reader promised and did not keep. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

export interface Row {
  readonly name: string;
  /** Names of the errors by which it may refuse. */
  readonly refusals: readonly string[];
  /** How many cases it gets, beside the others. */
  readonly share: number;
  /** Makes seeds that take a promise; called once before the first case. */
  prepare?(): Promise<void>;
  /** Makes one; reading it throws BrokenPromise for a wrong answer. */
  case(random: Random): Case;
}

export interface Case {
  /** Shown where it fails. */
  readonly input: Uint8Array | string;
  read(): unknown;
}

/** A reader of bytes. */
export function bytesRow(
  name: string,
  refusals: readonly string[],
  share: number,
  kinds: () => Kinds,
  read: (bytes: Uint8Array<ArrayBuffer>, random: Random) => unknown,
): Row {
  let made: Kinds | undefined;
  return {
    name,
    refusals,
    share,
    case(random) {
      made ??= kinds();
      const input = mutated(random, made) as Uint8Array<ArrayBuffer>;
      return { input, read: () => read(input, random) };
    },
  };
}

/** A reader of text; bytes that are no UTF-8 become U+FFFD, as on the page. */
export function textRow(
  name: string,
  refusals: readonly string[],
  share: number,
  kinds: () => { seeds: readonly string[]; words?: readonly string[]; longest?: number },
  read: (text: string, random: Random) => unknown,
): Row {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  return bytesRow(
    name,
    refusals,
    share,
    () => {
      const { seeds, ...rest } = kinds();
      return { ...rest, seeds: seeds.map((seed) => encoder.encode(seed)) };
    },
    (bytes, random) => read(decoder.decode(bytes), random),
  );
}

export function promise(holds: boolean, what: string): void {
  if (!holds) throw new BrokenPromise(what);
}

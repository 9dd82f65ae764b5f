/** Readers that do what no reader may, for the test of the fuzzer itself. */
import { promise, type Row } from '../row';

export function badRows(): Row[] {
  const row = (name: string, read: () => unknown): Row => ({
    name: `test: ${name}`,
    refusals: [],
    share: 0,
    case: () => ({ input: '', read }),
  });
  return [
    row('throws', () => {
      throw new RangeError('not a named refusal');
    }),
    row('breaks a promise', () => promise(false, 'broken')),
    row('never ends', () => {
      for (let spins = 0; spins >= 0; spins = (spins + 1) % 1000);
    }),
    row('fills the heap', () => {
      const all: number[][] = [];
      for (let at = 0; at < 200; at++) all.push(new Array<number>(1_000_000).fill(0.5));
      return all.length;
    }),
  ];
}

/** Copies are found as a plain comparison of all bits would find them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Likeness, type Seen } from './likeness';

const seen = (digest: string, look: string, more: Partial<Seen> = {}): Seen => ({
  digest,
  look,
  width: 300,
  height: 200,
  ...more,
});

test('Near means at most four of 64 bits, in the first or the last half', () => {
  const bits = fc.uniqueArray(fc.nat(63), { maxLength: 8 });
  const look = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(look, bits, (first, flips) => {
      const second = flips.reduce((value, bit) => value ^ (1n << BigInt(bit)), first);
      fc.pre(second !== 0n);
      const likeness = new Likeness([seen('a', hex(first))]);
      expect(likeness.twin(seen('b', hex(second)))?.as).toBe(
        flips.length <= 4 ? 'near-duplicate' : undefined,
      );
    }),
  );
});

test('The same file is a duplicate, whatever its look', () => {
  const original = seen('a', '0'.repeat(16));
  expect(new Likeness([original]).twin(seen('a', 'f'.repeat(16)))).toEqual({ of: original, as: 'duplicate' });
});

test('Flat pictures and other proportions are not near', () => {
  const flat = '0'.repeat(16);
  expect(new Likeness([seen('a', flat)]).twin(seen('b', flat))).toBeUndefined();
  const look = 'f0'.repeat(8);
  expect(new Likeness([seen('a', look)]).twin(seen('b', look, { width: 150, height: 100 }))?.as).toBe(
    'near-duplicate',
  );
  expect(new Likeness([seen('a', look)]).twin(seen('b', look, { width: 200, height: 300 }))).toBeUndefined();
});

test('What is set aside is no reason to set another aside, unless it is the same file', () => {
  const likeness = new Likeness([seen('a', 'f0'.repeat(8), { aside: 'by-hand' })]);
  expect(likeness.twin(seen('b', 'f0'.repeat(8)))).toBeUndefined();
  expect(likeness.twin(seen('a', 'f0'.repeat(8)))?.as).toBe('duplicate');
});

test('Of ten thousand pictures the first near one is found, as by comparing with each', () => {
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const look = () => (BigInt(next()) << 32n) | BigInt(next());
  const all: bigint[] = [];
  for (let i = 0; i < 10_000; i++) {
    const near = i % 10 === 9 ? all[next() % all.length] : undefined;
    const flipped = 1n << BigInt(next() % 64);
    all.push(near === undefined ? look() : near ^ flipped ^ (flipped >> 1n));
  }
  const pictures = all.map((value, i) => seen(`${i}`, hex(value)));
  const likeness = new Likeness();
  const found = pictures.map((picture) => {
    const twin = likeness.twin(picture)?.of.digest;
    likeness.add(picture);
    return twin;
  });
  for (let i = 9; i < all.length; i += 990) {
    const bits = (value: bigint) => value.toString(2).replaceAll('0', '').length;
    const first = all.findIndex((value, j) => j < i && bits(value ^ all[i]) <= 4);
    expect(found[i]).toBe(String(first));
  }
});

function hex(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}

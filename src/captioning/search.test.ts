import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cosine, unit, type Embedding } from './embedding';
import { nearDuplicates, nearest, outliers } from './search';

const angle = (degrees: number): Embedding =>
  unit([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]);
/** Around the first axis, each a little its own way. */
const crowd = Array.from({ length: 20 }, (_, k) => {
  const v = new Array<number>(24).fill(0);
  v[0] = 1;
  v[k + 2] = 0.4 + 0.01 * k;
  return unit(v);
});
const stranger = unit(Array.from({ length: 24 }, (_, i) => (i === 1 ? 1 : i === 0 ? 0.1 : 0)));

describe('nearest', () => {
  it('orders by cosine to the query', () => {
    const found = nearest(angle(10), [90, 0, 20, 45].map(angle));
    expect(found.map(({ index }) => index)).toEqual([1, 2, 3, 0]);
    expect(found[0].cosine).toBeCloseTo(Math.cos(Math.PI / 18), 6);
    expect(nearest(angle(0), [])).toEqual([]);
  });

  it('keeps equal pictures in order', () => {
    expect(nearest(angle(3), [50, 20, 50, 20].map(angle)).map(({ index }) => index)).toEqual([1, 3, 0, 2]);
  });
});

describe('outliers', () => {
  it('names the stranger, also when there are two of them', () => {
    expect(outliers([...crowd, stranger]).map(({ index }) => index)).toEqual([20]);
    const two = outliers([crowd[0], stranger, ...crowd.slice(1), stranger]).map(({ index }) => index);
    expect(two.sort((a, b) => a - b)).toEqual([1, 21]);
  });

  it('puts the strangest first', () => {
    const half = unit(crowd[0].map((v, i) => v + 0.9 * stranger[i]));
    expect(outliers([half, stranger, ...crowd]).map(({ index }) => index)).toEqual([1, 0]);
  });

  it('names none among equals, nearly equals, or a few', () => {
    expect(outliers(crowd)).toEqual([]);
    expect(outliers(new Array<Embedding>(9).fill(crowd[0]))).toEqual([]);
    expect(outliers([0, 0, 0, 0, 0, 0, 3].map(angle))).toEqual([]);
    expect(outliers([...crowd.slice(0, 4), stranger])).toEqual([]);
  });
});

describe('nearDuplicates', () => {
  // cos 12 degrees is 0.978, cos 15 degrees 0.966, cos 24 degrees 0.914.
  it('groups what is nearer than 0.97', () => {
    expect(nearDuplicates([0, 90, 12, 105, 180, 91].map(angle))).toEqual([
      [0, 2],
      [1, 5],
    ]);
    expect(nearDuplicates([0, 15, 30].map(angle))).toEqual([]);
  });

  it('does not chain', () => {
    expect(nearDuplicates([0, 12, 24].map(angle))).toEqual([[0, 1]]);
  });

  it('leaves no duplicates among leaders and loners, and puts nobody in two groups', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 359 }), { maxLength: 30 }), (degrees) => {
        const pictures = degrees.map(angle);
        const groups = nearDuplicates(pictures);
        const dropped = new Set(groups.flatMap((group) => group.slice(1)));
        expect(dropped.size).toBe(groups.reduce((sum, group) => sum + group.length - 1, 0));
        const kept = pictures.filter((_, i) => !dropped.has(i));
        kept.forEach((a, i) =>
          kept.slice(0, i).forEach((b) => expect(cosine(a, b)).toBeLessThanOrEqual(0.97)),
        );
        for (const [leader, ...others] of groups) {
          for (const other of others) expect(cosine(pictures[leader], pictures[other])).toBeGreaterThan(0.97);
        }
      }),
      { numRuns: 50 },
    );
  });
});

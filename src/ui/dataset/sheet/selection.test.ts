import { expect, it } from 'vitest';
import { clicked, everything, NOTHING, stillThere, type Click, type Selection } from './selection';

const shown = ['a', 'b', 'c', 'd', 'e'];
const after = (...clicks: [string, Click][]): string[] =>
  [...clicks.reduce<Selection>((s, [id, how]) => clicked(s, shown, id, how), NOTHING).ids].sort();

it('a plain click opens a picture and selects none', () => {
  expect(after(['a', 'toggle'], ['c', 'toggle'], ['b', 'plain'])).toEqual([]);
});

it('ctrl adds and takes away, with what was clicked before', () => {
  expect(after(['b', 'plain'], ['d', 'toggle'])).toEqual(['b', 'd']);
  expect(after(['d', 'toggle'])).toEqual(['d']);
  expect(after(['b', 'plain'], ['b', 'toggle'])).toEqual(['b']);
  expect(after(['b', 'toggle'], ['d', 'toggle'], ['b', 'toggle'])).toEqual(['d']);
});

it('shift takes all between, both ways, and turns around its anchor', () => {
  expect(after(['b', 'plain'], ['d', 'range'])).toEqual(['b', 'c', 'd']);
  expect(after(['d', 'plain'], ['b', 'range'])).toEqual(['b', 'c', 'd']);
  expect(after(['b', 'plain'], ['c', 'range'], ['a', 'range'])).toEqual(['a', 'b', 'c']);
  expect(after(['c', 'range'])).toEqual(['c']);
});

it('a range needs its beginning in sight', () => {
  const elsewhere: Selection = { ids: new Set(['x']), anchor: 'x' };
  expect([...clicked(elsewhere, shown, 'c', 'range').ids].sort()).toEqual(['c', 'x']);
});

it('selects everything, and forgets what is gone', () => {
  const all = everything(shown);
  expect([...all.ids]).toEqual(shown);
  expect(stillThere(all, () => true)).toBe(all);
  const left = stillThere(all, (id) => id > 'a');
  expect([[...left.ids], left.anchor]).toEqual([['b', 'c', 'd', 'e'], undefined]);
});

/** What is within the bounds is read as by JSON.parse; what is not is refused before it is made. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonBoundError, parseBoundedJson } from './bounded_json';

const wide = { values: 10_000, depth: 100 };

test('within the bounds it reads as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value, null, 1);
      expect(parseBoundedJson(text, wide)).toEqual(JSON.parse(text));
    }),
  );
  expect(() => parseBoundedJson('[1,', wide)).toThrow(SyntaxError);
});

test('commas and brackets in texts do not count', () => {
  const value = { a: '[[[[,,,,:::"\\' };
  expect(parseBoundedJson(JSON.stringify(value), { values: 3, depth: 1 })).toEqual(value);
});

test.each([
  ['many values', `[${'0,'.repeat(10_000)}0]`, 'values'],
  ['many empty lists', `[${'[],'.repeat(6000)}[]]`, 'values'],
  ['many names', `{${'"a":0,'.repeat(6000)}"b":0}`, 'values'],
  ['depth', '['.repeat(101), 'depth'],
] as const)('%s are refused', (_, text, code) => {
  const thrown = () => parseBoundedJson(text, wide);
  expect(thrown).toThrow(JsonBoundError);
  expect(thrown).toThrow(expect.objectContaining({ code }));
});

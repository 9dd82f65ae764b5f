/** Files given for a model: told apart in any order, and what is missing named, weights in further files too. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ChosenParts, nameOf } from './chosen_parts.svelte';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../captioning/fixtures/${name}`, import.meta.url)));
const file = (name: string, as = name) => new File([fixture(name)], as);
const DATA = 'tagger_external.onnx_data';

test('A tagger in one file with its list is complete', async () => {
  const chosen = new ChosenParts('tagger');
  await chosen.take([file('tagger.onnx')]);
  expect([chosen.complete, chosen.missing]).toEqual([false, []]);
  await chosen.take([file('tags.csv')]);
  expect([chosen.complete, chosen.all.map(nameOf)]).toEqual([true, ['tagger.onnx', 'tags.csv']]);
});

test.each([
  ['before', [DATA, 'tagger_external.onnx', 'tags.csv']],
  ['behind', ['tags.csv', 'tagger_external.onnx', DATA]],
])('Weights in a further file, given %s the model', async (_, names) => {
  const chosen = new ChosenParts('tagger');
  for (const name of names.slice(0, 2)) await chosen.take([file(name)]);
  expect(chosen.complete).toBe(false);
  await chosen.take([file(names[2])]);
  expect(chosen.all.map((part) => [part.role, nameOf(part)])).toEqual([
    ['model', 'tagger_external.onnx'],
    ['tags', 'tags.csv'],
    ['external', DATA],
  ]);
  expect([chosen.complete, chosen.missing, chosen.strange]).toEqual([true, [], undefined]);
});

test('What is missing is named, with the address it should have beside the model', async () => {
  const chosen = new ChosenParts('tagger');
  await chosen.put(
    { role: 'model', file: file('tagger_external.onnx') },
    'https://a.org/b/resolve/main/m.onnx?x=1',
  );
  await chosen.take([file('tags.csv'), file('tags.csv', 'other.onnx_data')]);
  expect(chosen.missing).toEqual([{ name: DATA, address: `https://a.org/b/resolve/main/${DATA}` }]);
  expect([chosen.complete, chosen.strange]).toEqual([false, 'other.onnx_data']);
  await chosen.take([file(DATA)]);
  expect(chosen.complete).toBe(true);
  // Another model in its place wants no further file.
  await chosen.take([file('tagger.onnx')]);
  expect([chosen.complete, chosen.all.map(nameOf)]).toEqual([true, ['tagger.onnx', 'tags.csv']]);
});

test('A file of another kind is strange, and weights alone are not yet', async () => {
  const chosen = new ChosenParts('clip');
  await chosen.take([file(DATA)]);
  expect(chosen.strange).toBeUndefined();
  await chosen.take([file('tags.csv')]);
  expect(chosen.strange).toBe('tags.csv');
});

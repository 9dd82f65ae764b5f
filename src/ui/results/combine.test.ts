import { describe, expect, it } from 'vitest';
import {
  batchKey,
  readPrompt,
  wantedIn,
  type Column,
  type SamplingSettings,
  type NamedLora,
} from './combine';

const lora = (name: string, own: boolean): NamedLora => ({ id: `id-${name}`, name, file: new Blob(), own });
const library = new Map(
  [lora('ink-800', true), lora('ink-1200', true), lora('film', false)].map((each) => [each.name, each]),
);
const sampling: SamplingSettings = {
  base: 'v1-5 4265146304',
  negative: '',
  width: 512,
  height: 512,
  steps: 20,
  guidance: 7.5,
  sampler: 'ddim',
  clipSkip: 1,
  vPrediction: false,
  zeroTerminalSnr: false,
};
const column = (name: string): Column => ({
  kind: 'checkpoint',
  lora: library.get(name) ?? lora(name, true),
});
const cell = (at: Column, prompt: string, strength = 0.8) =>
  wantedIn(at, readPrompt(prompt, library), 42, strength, sampling);
const weights = (at: Column, prompt: string, strength?: number) =>
  cell(at, prompt, strength)?.loras.map(({ name, weight }) => [name, weight]);

describe('a cell', () => {
  it('is drawn as the options of its prompt say, as a sample of the same line is', () => {
    expect(cell({ kind: 'base' }, 'a cat --n fur --w 256 --d 7 --s 9 --l 3')).toMatchObject({
      words: 'a cat',
      seed: 7,
      sampling: { negative: 'fur', width: 256, height: 512, steps: 9, guidance: 3, sampler: 'ddim' },
    });
    expect(cell(column('ink-800'), 'a cat --d 7')?.key).not.toBe(cell(column('ink-800'), 'a cat')?.key);
  });

  it('of the base column has no LoRA, whatever the prompt says', () => {
    expect(cell({ kind: 'base' }, 'a cat <lora:film:0.5>')).toMatchObject({ words: 'a cat', loras: [] });
  });

  it('has its checkpoint at the strength, and the other LoRAs of the prompt on top', () => {
    expect(weights(column('ink-800'), 'a cat')).toEqual([['ink-800', 0.8]]);
    expect(weights(column('ink-800'), '<lora:film:0.5> a cat')).toEqual([
      ['film', 0.5],
      ['ink-800', 0.8],
    ]);
  });

  it('is as written where the prompt names a checkpoint of the run, in that one column', () => {
    const prompt = 'a cat <lora:ink-1200:0.6> <lora:ink-800:0.2> <lora:film:1>';
    expect(weights(column('ink-1200'), prompt)).toEqual([
      ['film', 1],
      ['ink-1200', 0.6],
      ['ink-800', 0.2],
    ]);
    expect(cell(column('ink-800'), prompt)).toBeUndefined();
    expect(cell({ kind: 'base' }, prompt)?.loras).toEqual([]);
  });

  it('at strength 0 is the base picture, and knows itself to be', () => {
    expect(cell(column('ink-800'), 'a cat', 0)?.key).toBe(cell({ kind: 'base' }, 'a cat')?.key);
  });
});

describe('a key', () => {
  const key = (prompt: string, at = column('ink-800'), strength = 0.8) => cell(at, prompt, strength)?.key;

  it('is the same for the same picture', () => {
    expect(key('<lora:film:0.5> a cat')).toBe(key('a   cat <lora:film:.50>'));
  });

  it('differs with words, weights, checkpoint, seed and sampling', () => {
    const other = wantedIn(column('ink-800'), readPrompt('a cat', library), 43, 0.8, sampling);
    const longer = wantedIn(column('ink-800'), readPrompt('a cat', library), 42, 0.8, {
      ...sampling,
      steps: 21,
    });
    const keys = [
      key('a cat'),
      key('a dog'),
      key('a cat', column('ink-1200')),
      key('a cat', column('ink-800'), 0.9),
      key('a cat <lora:film:0.5>'),
      other?.key,
      longer?.key,
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('of a batch goes by LoRAs and base alone', () => {
    const [a, b] = [cell(column('ink-800'), 'a cat'), cell(column('ink-800'), 'a dog')];
    expect(a && batchKey(a)).toBe(b && batchKey(b));
    const other = cell(column('ink-1200'), 'a cat');
    expect(other && batchKey(other)).not.toBe(a && batchKey(a));
  });
});

it('unknown names and wrong tags are told', () => {
  const read = readPrompt('a cat <lora:none:1> <lora:film:x>', library);
  expect(read.unknown).toEqual(['none']);
  expect(read.problems).toMatchObject([{ code: 'weight', text: '<lora:film:x>' }]);
});

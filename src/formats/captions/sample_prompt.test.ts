import { describe, expect, test } from 'vitest';
import { defaultConfig } from '../config/config';
import { noteSentence, notesOn, promptNotes, readPromptOptions, samplePictures } from './sample_prompt';

describe('options, as sd-scripts writes them', () => {
  test('all of them, in any order', () => {
    expect(
      readPromptOptions('a red house, at night --d 7 --w 512 --h 768 --n blurry, two suns --l 4.5 --s 12'),
    ).toEqual({
      words: 'a red house, at night',
      ...{ negative: 'blurry, two suns', width: 512, height: 768, seed: 7, steps: 12, guidance: 4.5 },
    });
  });

  test('none, and dashes that are no options', () => {
    expect(readPromptOptions('  a man--made lake -- deep  ')).toEqual({ words: 'a man--made lake -- deep' });
    expect(readPromptOptions('a sign saying 1 --2')).toEqual({ words: 'a sign saying 1 --2' });
  });

  test('numbers out of range come to the nearest, an empty negative is one', () => {
    expect(readPromptOptions('x --w 500 --h 9000 --s 0 --l 0.5 --d 99999999999 --n')).toEqual({
      words: 'x',
      ...{ width: 448, height: 2048, steps: 1, guidance: 1, seed: 4_294_967_295, negative: '' },
    });
  });

  test('what is no number is left out', () => {
    expect(readPromptOptions('x --w wide --d -3')).toEqual({ words: 'x' });
  });
});

test('pictures: the configuration’s values where a line says none, seeds counted up', () => {
  const config = {
    ...defaultConfig(),
    resolution: 512,
    sample_prompts: ['a cat', 'a dog --d 5 --n fur --w 256', '<lora:zk:0.8> a bird'],
    sample_negative_prompt: 'grey',
    sample_seed: 42,
  };
  const [cat, dog, bird] = samplePictures(config);
  expect(cat).toEqual({
    text: 'a cat',
    prompt: 'a cat',
    ...{ negative: 'grey', width: 512, height: 512, seed: 42, steps: 20, guidance: 7.5 },
  });
  expect(dog).toMatchObject({ prompt: 'a dog', negative: 'fur', width: 256, height: 512, seed: 5 });
  expect(bird).toMatchObject({ text: '<lora:zk:0.8> a bird', prompt: 'a bird', seed: 44 });
});

describe('what is said of a line', () => {
  test.each([
    ['a cat, (masterpiece:1.2)', [['weights', '(masterpiece:1.2)']]],
    ['a cat BREAK a dog', [['break', 'BREAK']]],
    ['a cat <lora:zk:1>', [['lora-tag', '<lora:zk:1>']]],
    ['a cat --ss euler_a', [['option', '--ss euler_a']]],
    ['a cat --w 500', [['size', '--w 500 → 448']]],
    ['a cat --n (bad:2)', [['weights', '(bad:2)']]],
    ['a cat (on a mat), 3:2, break of day --w 512 --d 1', []],
  ] as const)('%s', (line, notes) => {
    expect(promptNotes(line).map(({ code, text }) => [code, text])).toEqual(notes);
  });

  test('in a sentence that names the piece', () => {
    const [note] = promptNotes('a cat BREAK a dog');
    expect(note && noteSentence(note)).toBe('sample_prompts: BREAK: this is read as a plain word here.');
  });

  test('of a list, each kind once', () => {
    expect(notesOn(['(a:1.1)', '(b:1.1) BREAK', 'c']).map(({ code }) => code)).toEqual(['weights', 'break']);
  });
});

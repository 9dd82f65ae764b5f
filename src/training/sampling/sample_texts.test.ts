/** Prompts are drawn whole: two that differ only behind token 75 are two texts, however short captions are cut. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { makeTokenizer } from '../../formats/captions/tokenizer';
import { captionIds } from '../data/dataset';
import { cutPrompts, sampleTexts, textKey, textsOf } from './sample_texts';

const merges = readFileSync(new URL('../../../public/clip/merges.txt', import.meta.url), 'utf8');
const tokenizer = makeTokenizer(merges, 49408);
const long = (count: number, end: string) => `${'red, '.repeat(count / 2)}${end}`;
const config = { ...defaultConfig(), max_token_length: 75 as const, sample_negative_prompt: 'grey' };

test('a prompt and its negative are read at one length, the shortest that holds both', () => {
  expect(textsOf(tokenizer, { prompt: 'a cat', negative: '' }).tokens).toBe(75);
  expect(textsOf(tokenizer, { prompt: long(80, 'blue'), negative: '' }).tokens).toBe(150);
  expect(textsOf(tokenizer, { prompt: 'a cat', negative: long(160, 'blue') }).tokens).toBe(225);
});

test('two prompts that differ behind token 80 are two texts', () => {
  const prompts = [long(80, 'blue'), long(80, 'green')];
  const texts = [...sampleTexts(tokenizer, { ...config, sample_prompts: prompts })];
  expect(texts.map(([key]) => key)).toContain(textKey(prompts[1] ?? '', 150));
  const ids = texts
    .filter(([, { text }]) => text !== 'grey')
    .map(([, { text, tokens }]) => [...captionIds(tokenizer, text, tokens)]);
  expect(ids).toHaveLength(2);
  expect(ids[0]).not.toEqual(ids[1]);
});

test('a negative prompt is kept at every length that it is needed at, options at theirs', () => {
  const sample_prompts = ['a cat', `${long(80, 'blue')} --n brown`, `${long(80, 'green')} --w 256`];
  const keys = [...sampleTexts(tokenizer, { ...config, sample_prompts }).keys()];
  expect(keys).toContain(textKey('grey', 75));
  expect(keys).toContain(textKey('grey', 150));
  expect(keys).toContain(textKey('brown', 150));
  expect(keys.some((key) => key.includes('--'))).toBe(false);
});

test('only what is beyond 225 tokens is cut, and told', () => {
  const sample_prompts = [long(220, 'blue'), long(240, 'green')];
  expect(cutPrompts(tokenizer, { ...config, sample_prompts }).map(({ tokens }) => tokens)).toEqual([241]);
});

/** Figures and plurals as the page and the command line say them. */
import { expect, test } from 'vitest';
import { figure, languages, languageTags, percent, plural, pluralForm } from './language';

test.each([
  [0, '0 pictures'],
  [1, '1 picture'],
  [2, '2 pictures'],
  [1600, '1,600 pictures'],
])('%s in English', (n, said) => {
  expect(plural(n, 'picture')).toBe(said);
});

test('words with a plural of their own, and languages without any', () => {
  expect(plural(3, 'caption file has', 'caption files have')).toBe('3 caption files have');
  expect(pluralForm(1, 'zh', { one: 'never', other: '张' })).toBe('张');
});

test('figures keep the digits that are asked for', () => {
  expect(figure(12_345.678, 'en')).toBe('12,346');
  expect(figure(12_345.678, 'zh', 1)).toBe('12,345.7');
  expect(percent(0.416)).toBe('42 %');
});

test('every language has a tag that Intl knows', () => {
  expect(Intl.getCanonicalLocales(languages.map((language) => languageTags[language]))).toHaveLength(2);
});

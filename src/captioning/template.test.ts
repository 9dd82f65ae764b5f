import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withArticle } from './article';
import { fillTemplate, parseTemplate, TemplateError } from './template';

const known = ['subject', 'setting', 'place'];
const fill = (text: string, values: Record<string, string>): string =>
  fillTemplate(parseTemplate(text, known), new Map(Object.entries(values)));

describe('templates', () => {
  const painting = 'ancient Chinese ink painting of [subject], soft brush strokes';

  it('fill their slots', () => {
    expect(fill(painting, { subject: 'mountains' })).toBe(
      'ancient Chinese ink painting of mountains, soft brush strokes',
    );
    expect(parseTemplate(painting, known).slots).toEqual(new Set(['subject']));
  });

  it('leave out what hangs on a blank slot, and no more', () => {
    expect(fill(painting, {})).toBe('soft brush strokes');
    const braced = 'ink painting {of a [subject]} {on a [setting]}, [place]';
    expect(fill(braced, {})).toBe('ink painting');
    expect(fill(braced, { setting: 'table' })).toBe('ink painting on a table');
    expect(fill(braced, { subject: 'orange', place: 'left' })).toBe('ink painting of an orange, left');
    expect(fill('[subject], [setting], [place]', { place: 'at the top' })).toBe('at the top');
    expect(fill('[subject] in [setting]', { subject: 'cat' })).toBe('');
  });

  it('give a phrase the article it needs', () => {
    expect(fill('a [subject]', { subject: 'owl' })).toBe('an owl');
    expect(fill('an [subject]', { subject: 'cat' })).toBe('a cat');
    expect(fill('photo of a [subject]', { subject: 'ocean waves' })).toBe('photo of ocean waves');
    expect(fill('pizza [subject]', { subject: 'cat' })).toBe('pizza cat');
  });

  it('keep commas inside braces, and white space in order', () => {
    expect(fill('  {[subject], large ,}  seen', { subject: 'cat' })).toBe('cat, large , seen');
    expect(fill(' , ,[subject],', { subject: 'cat' })).toBe('cat');
    expect(fill('', {})).toBe('');
  });

  it.each([
    ['a [colour] cat', 2, /no slot \[colour\].*\[subject\], \[setting\], \[place\]/],
    ['[]', 0, /no slot \[\]/],
    ['a [subject', 2, /A \[ stands alone/],
    ['subject]', 7, /A \] stands alone/],
    ['a {b {c}}', 5, /A \{ stands alone/],
    ['ab {c', 3, /A \{ stands alone/],
    ['ab }', 3, /A \} stands alone/],
  ])('refuse %j, pointing at %i', (text, offset, message) => {
    expect(() => parseTemplate(text, known)).toThrow(message);
    expect(() => parseTemplate(text, known)).toThrow(expect.objectContaining({ offset }));
  });

  it('either parse or say where not, and never leave brackets behind', () => {
    const text = fc.array(fc.constantFrom('[subject]', '[', ']', '{', '}', ',', ' ', 'a ', 'of', '[x]'), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, (pieces) => {
        const whole = pieces.join('');
        let out: string;
        try {
          out = fill(whole, { subject: 'cat' });
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
          expect((error as TemplateError).offset).toBeLessThan(whole.length);
          return;
        }
        expect(out).not.toMatch(/[[\]{}]|\s\s|^\s|\s$/);
        expect(out.includes('cat')).toBe(whole.includes('[subject]'));
      }),
      { numRuns: 500 },
    );
  });
});

describe('withArticle', () => {
  it.each([
    ['cat', 'a cat'],
    ['orange star', 'an orange star'],
    ['unicorn', 'a unicorn'],
    ['umbrella', 'an umbrella'],
    ['user interface', 'a user interface'],
    ['x-ray image', 'an x-ray image'],
    ['European street', 'a European street'],
    ['octopus', 'an octopus'],
    ['glass of wine', 'a glass of wine'],
    ['portrait of an old man', 'a portrait of an old man'],
    ['library with books', 'a library with books'],
    ['ocean waves', 'ocean waves'],
    ['desert with dunes', 'a desert with dunes'],
    ['storm clouds', 'storm clouds'],
    ['two cats', 'two cats'],
    ['the sea', 'the sea'],
    ['', ''],
  ])('%j becomes %j', (phrase, expected) => {
    expect(withArticle(phrase)).toBe(expected);
  });
});

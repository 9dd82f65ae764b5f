import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeTokenizer } from '../formats/captions/tokenizer';
import { parseTemplate } from './template';
import { demoVocabulary, generalVocabulary, promptsOf, withTerms } from './vocabulary';
import { demoSlots } from './vocabulary/demo';

const read = (path: string): string => readFileSync(new URL(`../../public/${path}`, import.meta.url), 'utf8');
const tokenizer = makeTokenizer(read('clip/merges.txt'), 49408);

describe.each([generalVocabulary, demoVocabulary])('the $name vocabulary', ({ slots, template }) => {
  it('has slots that its template knows', () => {
    const names = slots.map((slot) => slot.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z]+$/);
    expect(parseTemplate(template, names).slots).toEqual(new Set(names));
  });

  it.each(slots)('$name: clean phrases, no two the same, prompts that fit', (slot) => {
    expect(slot.phrases.length).toBeGreaterThan(1);
    expect(new Set(slot.phrases).size).toBe(slot.phrases.length);
    // What a comma or a bracket would do in a caption; capitals would make two of one.
    for (const phrase of slot.phrases) expect(phrase).toMatch(/^[a-zé0-9]+(?:[-' ][a-zé0-9]+)*$/);
    for (const text of slot.templates) expect(text.match(/\{[as]?\}/g)).toHaveLength(1);
    const longest = slot.phrases.reduce((a, b) => (b.length > a.length ? b : a));
    for (const prompt of promptsOf(slot, longest)) {
      expect(prompt).toContain(longest.split(' ')[0]);
      expect(tokenizer.encode(prompt).length).toBeLessThan(30);
    }
  });
});

describe('the general vocabulary', () => {
  const phrases = generalVocabulary.slots.flatMap((slot) => slot.phrases);

  it('has several hundred phrases, each in one slot', () => {
    expect(phrases.length).toBeGreaterThan(500);
    const twice = phrases.filter((phrase, i) => phrases.indexOf(phrase) !== i);
    expect(twice).toEqual([]);
  });

  it('names no site, no rank and no prompt magic', () => {
    const magic = /trending|artstation|deviantart|award|masterpiece|best quality|\b[48]k\b|in the style of/;
    expect(phrases.filter((phrase) => magic.test(phrase))).toEqual([]);
  });
});

describe('the demo vocabulary', () => {
  const [subject, ground] = demoSlots.map((slot) => new Set(slot.phrases));
  const captions = ['woodcut', 'kiko'].flatMap((set) =>
    Array.from(read(`demo/${set}/metadata.csv`).matchAll(/"(.*)"/g), ([, text]) => text),
  );
  /** As the slot says it: "red striped background" and "striped red background" are one, "background" ends no gradient. */
  const groundOf = (caption: string): string | undefined =>
    /(?:(?:light|dark) )?[a-z]+ to (?:(?:light|dark) )?[a-z]+ gradient/.exec(caption)?.[0] ??
    /(?:(?:striped|dotted) )?(?:(?:light|dark) )?(?!striped|dotted)[a-z]+(?: striped| dotted)? background/
      .exec(caption)?.[0]
      .replace(/^(.*) (striped|dotted) background$/, '$2 $1 background');

  it('says every background of the demo sets', () => {
    expect(captions).toHaveLength(60);
    const grounds = captions.map(groundOf).filter((text) => text !== undefined);
    expect(grounds.length).toBeGreaterThan(50);
    expect(grounds.filter((text) => !ground.has(text))).toEqual([]);
  });

  it('says every coloured shape of the demo sets', () => {
    const things = captions.flatMap((caption) => {
      const plain = caption.replace(/\b(?:striped|dotted|spotted|outlined|crescent) /g, '');
      const named =
        /\b(\w+) (circle|square|triangle|star|heart|moon|cross|ring|arrow|flower|house|fish)(?:e?s)?\b/g;
      return Array.from(plain.matchAll(named), ([, colour, shape]) => `${colour} ${shape}`);
    });
    expect(things.length).toBeGreaterThanOrEqual(30);
    expect(things.filter((thing) => !subject.has(thing))).toEqual([]);
  });

  it('asks in the words of the demo captions', () => {
    expect(promptsOf(demoSlots[0], 'orange fish')).toContain('a drawing of an orange fish');
  });
});

describe('promptsOf', () => {
  it('takes a term as it is, and asks nothing twice', () => {
    const [slot] = generalVocabulary.slots;
    const asked = { ...slot, templates: ['{}', '{a}', 'a photo of {a}'] };
    expect(promptsOf(asked, '$& {a}')).toEqual(['$& {a}', 'a $& {a}', 'a photo of a $& {a}']);
    expect(promptsOf(asked, 'ocean waves')).toEqual(['ocean waves', 'a photo of ocean waves']);
  });
});

describe('withTerms', () => {
  const [slot] = generalVocabulary.slots;

  it("adds a person's terms at the end, once, clean", () => {
    const more = withTerms(slot, ['  axolotl ', 'CAT', '', 'Axolotl', 'red  panda']);
    expect(more.phrases.slice(0, slot.phrases.length)).toEqual(slot.phrases);
    expect(more.phrases.slice(slot.phrases.length)).toEqual(['axolotl', 'red panda']);
    expect(withTerms(slot, ['cat', ' '])).toBe(slot);
  });
});

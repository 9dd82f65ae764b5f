import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxTokens } from '../formats/captions/caption_merge';
import { makeTokenizer } from '../formats/captions/tokenizer';
import { compose, type ComposeOptions } from './compose';
import { constantsOf, phraseKey } from './constants';
import type { Ranked } from './rank';
import { parseTemplate } from './template';
import { demoVocabulary, generalVocabulary, type Vocabulary } from './vocabulary';

const merges = readFileSync(new URL('../../public/clip/merges.txt', import.meta.url), 'utf8');
const tokenizer = makeTokenizer(merges, 49408);

function options(
  vocabulary: Vocabulary,
  rest: Partial<ComposeOptions> & Pick<ComposeOptions, 'purpose'>,
): ComposeOptions {
  const names = vocabulary.slots.map((slot) => slot.name);
  const template = parseTemplate(vocabulary.template, names);
  return { template, slots: vocabulary.slots, trigger: '', tokenizer, ...rest };
}

const cat: Ranked = { slot: 'subject', phrase: 'cat', confidence: 0.9 };
const oil: Ranked = { slot: 'medium', phrase: 'oil painting', confidence: 0.8 };
const sofa: Ranked = { slot: 'setting', phrase: 'on a sofa', confidence: 0.6 };
const calm: Ranked = { slot: 'mood', phrase: 'calm', confidence: 0.95 };
const cozy: Ranked = { slot: 'mood', phrase: 'cozy', confidence: 0.94 };
const cubism: Ranked = { slot: 'style', phrase: 'cubism', confidence: 0.97 };
const all = [cubism, calm, cozy, cat, oil, sofa];

describe('compose', () => {
  it('reads like the demo sets with the demo vocabulary', () => {
    const ranked: Ranked[] = [
      { slot: 'subject', phrase: 'orange arrow', confidence: 0.9 },
      { slot: 'ground', phrase: 'light blue background', confidence: 0.8 },
      { slot: 'place', phrase: 'at the top left', confidence: 0.7 },
    ];
    const style = options(demoVocabulary, { purpose: 'style', trigger: ' woodcut  style ' });
    expect(compose(ranked, style).caption).toBe(
      'woodcut style, an orange arrow at the top left, light blue background',
    );
    expect(compose(ranked.slice(0, 2), style).caption).toBe(
      'woodcut style, an orange arrow, light blue background',
    );
    expect(compose(ranked.slice(1, 2), style).caption).toBe('woodcut style, light blue background');
    expect(compose([], style)).toMatchObject({ caption: 'woodcut style', said: [], confidence: undefined });
  });

  it('hides medium and style from a style set, and says so', () => {
    const made = compose(all, options(generalVocabulary, { purpose: 'style', trigger: 'inkwash' }));
    expect(made.caption).toBe('inkwash, cat, on a sofa, calm, cozy');
    expect(made.hidden).toEqual([
      { ...cubism, why: 'style-of-the-set' },
      { ...oil, why: 'style-of-the-set' },
    ]);
    expect(made.confidence).toBe(0.6);
    expect(made.cut).toBe(false);
    const shown = options(generalVocabulary, { purpose: 'style', shown: new Set(['medium']) });
    expect(compose(all, shown).caption).toBe('oil painting, cat, on a sofa, calm, cozy');
  });

  it("hides a character's constant traits, and nothing else that is constant", () => {
    const constants = [
      { slot: 'subject', phrase: 'cat', share: 0.9 },
      { slot: 'setting', phrase: 'on a sofa', share: 1 },
    ];
    const character = options(generalVocabulary, { purpose: 'character', trigger: 'kiko', constants });
    const made = compose(all, character);
    expect(made.caption).toBe('kiko, oil painting, on a sofa, calm, cozy, cubism');
    expect(made.hidden).toEqual([{ ...cat, why: 'constant-trait' }]);
    const dog = { ...cat, phrase: 'dog' };
    expect(compose([dog, sofa], character).caption).toBe('kiko, dog, on a sofa');
    // A style set's subjects are said, however constant.
    expect(compose(all, { ...character, purpose: 'style' }).caption).toContain('cat');
  });

  it('leaves out what was folded, and what the template has no place for', () => {
    const template = parseTemplate('[subject]', ['subject']);
    const folded = new Set([phraseKey(calm)]);
    const made = compose(all, options(generalVocabulary, { purpose: 'object', template, folded }));
    expect(made.caption).toBe('cat');
    expect(made.hidden.map(({ phrase, why }) => [phrase, why])).toEqual([
      ['cubism', 'not-in-template'],
      ['calm', 'folded'],
      ['cozy', 'not-in-template'],
      ['oil painting', 'not-in-template'],
      ['on a sofa', 'not-in-template'],
    ]);
  });

  it('drops the least sure phrases first and the subject last when it grows too long', () => {
    const long = (count: number): string => Array.from({ length: count }, () => 'cat').join(' ');
    const wordy = { ...sofa, phrase: `on a ${long(40)}` };
    const wordier = { ...calm, phrase: long(45), confidence: 0.7 };
    const unsure = { ...cat, confidence: 0.1 };
    const made = compose([oil, wordier, wordy, unsure], options(generalVocabulary, { purpose: 'object' }));
    expect(made.caption).toBe(`oil painting, cat, ${long(45)}`);
    expect(made.hidden).toEqual([{ ...wordy, why: 'too-long' }]);
    // The trigger leaves no room for a phrase: the subject goes too, and is reported.
    const full = options(generalVocabulary, { purpose: 'object', trigger: long(75) });
    const none = compose([unsure, oil], full);
    expect(none).toMatchObject({ caption: long(75), said: [], cut: false });
    expect(none.hidden.map(({ phrase }) => phrase)).toEqual(['oil painting', 'cat']);
    expect(compose([], { ...full, trigger: long(80) })).toMatchObject({ caption: long(75), cut: true });
  });

  it('never passes 75 tokens, keeps every phrase accounted for, and starts with the trigger', () => {
    const words = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 60 }));
    const phrase = fc.record({
      slot: fc.constantFrom('subject', 'mood', 'setting', 'style'),
      phrase: fc.oneof(words, fc.constantFrom('cat', 'a very long phrase '.repeat(8))),
      confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(phrase, { maxLength: 6 }), words, fc.nat(10), (ranked, word, times) => {
        const trigger = word.repeat(times);
        const made = compose(ranked, options(generalVocabulary, { purpose: 'object', trigger }));
        expect(tokenizer.encode(made.caption).length).toBeLessThanOrEqual(maxTokens);
        expect(made.said.length + made.hidden.length).toBe(ranked.length);
        const start = trigger.trim().replace(/\s+/g, ' ');
        if (made.cut) expect(start.startsWith(made.caption)).toBe(true);
        else expect(made.caption.startsWith(start)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });
});

describe('constantsOf', () => {
  it('finds what is in over 80 %, commonest first', () => {
    const set = Array.from({ length: 10 }, (_, i) => [
      ...(i < 9 ? [cat] : []),
      ...(i < 8 ? [oil] : []), // 80 % is not over 80 %
      calm,
      calm, // said twice of one picture counts once
    ]);
    expect(constantsOf(set)).toEqual([
      { slot: 'mood', phrase: 'calm', share: 1 },
      { slot: 'subject', phrase: 'cat', share: 0.9 },
    ]);
  });

  it('counts pictures without a phrase, and a phrase only in its own slot', () => {
    const elsewhere = { ...cat, slot: 'mood' };
    expect(constantsOf([[cat], [cat], [cat], [cat], []])).toEqual([]);
    expect(constantsOf([[cat], [cat], [cat], [elsewhere], [elsewhere]])).toEqual([]);
  });

  it('offers nothing in a set too small to tell', () => {
    expect(constantsOf([[cat], [cat], [cat], [cat]])).toEqual([]);
    expect(constantsOf([[cat], [cat], [cat], [cat], [cat]])).toHaveLength(1);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unit, type Embedding } from './embedding';
import { candidates, rank, usualOf, type EmbeddedSlot } from './rank';
import type { ExclusiveSlot, MultiSlot } from './vocabulary/slot';

const subject: ExclusiveSlot = {
  name: 'subject',
  kind: 'exclusive',
  minMargin: 0.2,
  templates: ['{}'],
  phrases: ['cat', 'dog', 'house'],
};
const mood: MultiSlot = { name: 'mood', kind: 'multi', minZ: 1.5, most: 2, templates: ['{}'], phrases: [] };

/** At a given cosine to the picture [1, 0]. */
const at = (cosine: number): Embedding => unit([cosine, Math.sqrt(1 - cosine ** 2)]);
const picture = unit([1, 0]);
const asked = (...cosines: number[]): EmbeddedSlot<ExclusiveSlot> => ({
  slot: subject,
  embeddings: cosines.map(at),
});

describe('an exclusive slot', () => {
  it('gives the likeliest phrase where it leads', () => {
    // Logits 30, 28, 20: 1 / (1 + e^-2 + e^-10) = 0.8808, a lead of 0.76.
    const [found, ...rest] = rank(picture, [asked(0.3, 0.28, 0.2)], 100);
    expect(rest).toEqual([]);
    expect(found).toMatchObject({ slot: 'subject', phrase: 'cat' });
    expect(found.confidence).toBeCloseTo(0.88076, 4);
  });

  it('stays blank where two are close, yet names its candidates', () => {
    // Logits 30 and 29.8: a lead of 0.0997.
    const close = asked(0.2, 0.3, 0.298);
    expect(rank(picture, [close], 100)).toEqual([]);
    expect(candidates(picture, close, 100, 2).map(({ phrase }) => phrase)).toEqual(['dog', 'house']);
    // With the margin at exactly what is needed it speaks.
    const lenient = { ...close, slot: { ...subject, minMargin: 0.09 } };
    expect(rank(picture, [lenient], 100)).toHaveLength(1);
  });

  it('gives two things that are there beside each other, and none where one thing is doubted', () => {
    const pair = {
      slot: { ...subject, most: 2, phrases: ['red star', 'blue ring', 'green fish'] },
      embeddings: [at(0.3), at(0.298), at(0.2)],
    };
    // Probabilities 0.550, 0.450, 0.
    const found = rank(picture, [pair], 100);
    expect(found.map(({ phrase }) => phrase)).toEqual(['red star', 'blue ring']);
    expect(found[0].confidence).toBe(1);
    expect(found[1].confidence).toBeCloseTo(0.9003, 3);
    expect(rank(picture, [{ ...pair, slot: { ...pair.slot, most: 1 } }], 100)).toEqual([]);
    const doubted = { ...pair.slot, phrases: ['red star', 'orange star', 'green fish'] };
    expect(rank(picture, [{ ...pair, slot: doubted }], 100)).toEqual([]);
    // Three are more than two.
    expect(rank(picture, [{ ...pair, embeddings: [at(0.3), at(0.298), at(0.298)] }], 100)).toEqual([]);
  });

  it("depends on the model's logit scale", () => {
    expect(rank(picture, [asked(0.3, 0.28, 0.2)], 5)).toEqual([]);
  });

  it('says nothing when there is only one answer to give', () => {
    const one = { slot: { ...subject, phrases: ['cat'] }, embeddings: [at(0.3)] };
    expect(rank(picture, [one], 100)).toEqual([]);
  });

  it('has probabilities that sum to 1, fall, and follow the cosines, whatever the scale', () => {
    const cosines = fc.array(fc.double({ min: -0.9, max: 0.9, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(cosines, fc.integer({ min: 1, max: 5000 }), (values, scale) => {
        const found = candidates(picture, asked(...values), scale);
        expect(found.reduce((sum, { confidence }) => sum + confidence, 0)).toBeCloseTo(1, 9);
        const ordered = found.map(({ phrase }) => values[subject.phrases.indexOf(phrase)]);
        ordered.slice(1).forEach((value, i) => expect(value).toBeLessThanOrEqual(ordered[i] + 1e-6));
      }),
    );
  });

  it('refuses embeddings of another vocabulary', () => {
    expect(() => rank(picture, [asked(0.1, 0.2)], 100)).toThrow(/2 embeddings for 3 phrases of subject/);
  });
});

describe('a multi slot', () => {
  // Ten pictures, alike but for one detail each; a phrase for each detail, and one near all of them.
  const axis = (...on: (readonly [number, number])[]): Embedding => {
    const v = new Array<number>(11).fill(0);
    for (const [i, value] of on) v[i] = value;
    return unit(v);
  };
  const pictures = Array.from({ length: 10 }, (_, k) => axis([0, 1], [k + 1, 0.3]));
  const details = pictures.map((_, k) => axis([0, 0.5], [k + 1, 1]));
  const hub = axis([0, 1]);
  const phrases = ['magical', ...details.map((_, k) => `detail ${k}`)];
  const embeddings = [hub, ...details];
  const slot = { ...mood, phrases };

  it('passes over the hub for what is special to the picture', () => {
    const usual = usualOf(pictures, embeddings);
    // The hub has the highest cosine of all (0.958), as with every picture.
    const found = rank(pictures[3], [{ slot, embeddings, usual }], 100);
    expect(found.map(({ phrase }) => phrase)).toEqual(['detail 3']);
    // One picture of ten has it: z = 0.9 / sqrt(0.1 * 0.9) = 3.
    expect(found[0].confidence).toBeCloseTo(1 / (1 + Math.exp(-1.702 * 3)), 3);
  });

  it('says one of two phrases that mean the same, and no more than its most', () => {
    const usual = Array.from({ length: 8 }, () => ({ mean: 0, deviation: 0.2 }));
    const eight = { ...mood, phrases: ['calm', 'quiet', 'dark', 'low', 'red', 'green', 'blue', 'white'] };
    const seen = axis([1, 1], [2, 0.95], [3, 0.8]);
    // calm and quiet: 0.958; the colours are not there.
    const vectors = [
      [1, 1],
      [1, 4],
      [2, 2],
      [3, 3],
      [5, 5],
      [6, 6],
      [7, 7],
      [8, 8],
    ].map(([i, j]) => axis([j, 0.3], [i, 1]));
    const found = rank(seen, [{ slot: eight, embeddings: vectors, usual }], 100).map(({ phrase }) => phrase);
    expect(found).toEqual(['calm', 'dark']);
    const three = { ...eight, most: 3 };
    const more = rank(seen, [{ slot: three, embeddings: vectors, usual }], 100).map(({ phrase }) => phrase);
    expect(more).toEqual(['calm', 'dark', 'low']);
  });

  it('leaves out what is unusual for the picture and still far from it', () => {
    const usual = [
      { mean: -0.5, deviation: 0.05 }, // from -0.5 to 0: ten deviations, and yet the least of three
      { mean: 0.5, deviation: 0.5 },
      { mean: 0.5, deviation: 0.5 },
    ];
    const three = { ...mood, phrases: ['far', 'near', 'nearer'] };
    const found = rank(picture, [{ slot: three, embeddings: [at(0), at(0.5), at(0.6)], usual }], 100);
    expect(found).toEqual([]);
  });

  it('stays blank without enough reference pictures, or where they are all the same', () => {
    expect(usualOf(pictures.slice(0, 7), embeddings)).toBeUndefined();
    expect(rank(pictures[3], [{ slot, embeddings }], 100)).toEqual([]);
    const same = new Array<Embedding>(10).fill(pictures[0]);
    expect(rank(pictures[0], [{ slot, embeddings, usual: usualOf(same, embeddings) }], 100)).toEqual([]);
  });

  it('is ranked with the other slots, surest first', () => {
    const usual = usualOf(pictures, embeddings);
    const other: EmbeddedSlot = {
      slot: { ...subject, minMargin: 0 },
      embeddings: [hub, details[3], details[4]],
    };
    const found = rank(pictures[3], [other, { slot, embeddings, usual }], 1);
    expect(found.map(({ slot: name }) => name)).toEqual(['mood', 'subject']);
    expect(found[0].confidence).toBeGreaterThan(found[1].confidence);
  });
});

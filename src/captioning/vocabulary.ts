/**
 * The slots there are, and what CLIP is asked about them. Phrases live in vocabulary/, one file a slot; a person's own
 * terms join them here. Not embeddings: those are made per model, from `promptsOf`.
 */
import { withArticle } from './article';
import { demoSlots } from './vocabulary/demo';
import { lighting } from './vocabulary/lighting';
import { mediums } from './vocabulary/mediums';
import { moods } from './vocabulary/moods';
import { palettes } from './vocabulary/palettes';
import { settings } from './vocabulary/settings';
import { shots } from './vocabulary/shots';
import type { Slot } from './vocabulary/slot';
import { styles } from './vocabulary/styles';
import { subjects } from './vocabulary/subjects';

export interface Vocabulary {
  readonly name: 'general' | 'demo';
  readonly slots: readonly Slot[];
  /** The caption, unless a person writes another; see compose.ts for its grammar. */
  readonly template: string;
}

/** For any CLIP that was trained on the world's pictures. */
export const generalVocabulary: Vocabulary = {
  name: 'general',
  slots: [subjects, mediums, styles, shots, settings, lighting, palettes, moods],
  template: '[medium], [subject], [setting], [shot], [lighting], [palette], [mood], [style]',
};

/** For the demo's own CLIP, which knows shapes and colours. */
export const demoVocabulary: Vocabulary = {
  name: 'demo',
  slots: demoSlots,
  template: '{a [subject]} {[place]}, [ground]',
};

/** The sentences whose embeddings, averaged, stand for a phrase. */
export function promptsOf(slot: Slot, phrase: string): string[] {
  const filling: Readonly<Record<string, string>> = {
    '{}': phrase,
    '{a}': withArticle(phrase),
  };
  // A function, for `$&` in somebody's term is no instruction.
  const made = slot.templates.map((text) => text.replace(/\{a?\}/, (hole) => filling[hole]));
  return [...new Set(made)];
}

/**
 * The slot with a person's own terms after its phrases: trimmed, blank ones and those already there (in any case)
 * left out. The phrases keep their places, so that embeddings already made stay in step.
 */
export function withTerms(slot: Slot, terms: Iterable<string>): Slot {
  const known = new Set(slot.phrases.map((phrase) => phrase.toLowerCase()));
  const added: string[] = [];
  for (const term of terms) {
    const clean = term.trim().replace(/\s+/g, ' ');
    if (clean === '' || known.has(clean.toLowerCase())) continue;
    known.add(clean.toLowerCase());
    added.push(clean);
  }
  return added.length === 0 ? slot : { ...slot, phrases: [...slot.phrases, ...added] };
}

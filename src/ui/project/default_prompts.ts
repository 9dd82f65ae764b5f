/**
 * The prompts that samples are drawn from unless a person writes their own: the trigger word with things that are
 * probably not in the set, for what was learned should show on them too, and one caption of the set itself.
 */
import type { Purpose } from '../../protocol/captioner';

/** Base models read English, whatever the page speaks. */
const subjects: Readonly<Record<Purpose, readonly string[]>> = {
  style: ['a cat on a windowsill', 'a village street in the rain'],
  character: ['portrait, smiling', 'full body, walking in a forest'],
  object: ['on a wooden table', 'in the snow, outdoors'],
};

/** The demo's base model knows shapes and colours, and no cats. */
const demoSubjects: Readonly<Record<Purpose, readonly string[]>> = {
  style: ['a blue fish on a yellow background', 'a red star to the left of a green moon'],
  character: ['waving on a blue background', 'jumping, striped yellow background'],
  object: ['on a blue background', 'on a striped green background'],
};

export interface PromptFacts {
  readonly purpose: Purpose;
  readonly trigger: string;
  readonly demo: boolean;
  /** A caption of the set, empty if there is none. */
  readonly caption: string;
}

export function defaultPrompts({ purpose, trigger, demo, caption }: PromptFacts): string[] {
  const word = oneLine(trigger);
  const made = (demo ? demoSubjects : subjects)[purpose].map((text) => (word ? `${word}, ${text}` : text));
  const own = oneLine(caption);
  if (!own) return made;
  const named = !word || own.toLowerCase().includes(word.toLowerCase()) ? own : `${word}, ${own}`;
  return [...made, named];
}

/** What a configuration takes as a text: one line, no control characters, whole characters. */
export function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
}

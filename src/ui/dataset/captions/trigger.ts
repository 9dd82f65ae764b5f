/**
 * The trigger word: what the LoRA learns to answer to. It belongs to the project, not to each caption, so it can be
 * changed in one place; this says how a caption reads with it, in training, in the token count and in an export.
 */
import { joinTags, splitTags, tagKey } from './tags';

/**
 * The caption as it is trained on. A caption that already has the trigger as a tag gets it moved to the front (where
 * "keep first tags" holds on to it); one that has it within a sentence is left alone; any other gets it put before.
 */
export function withTrigger(caption: string, trigger: string): string {
  const word = trigger.trim();
  if (word === '') return caption;
  const tags = splitTags(caption);
  const at = tags.findIndex((tag) => tagKey(tag) === tagKey(word));
  if (at === 0) return caption;
  if (at > 0) return joinTags([word, ...tags.filter((_, index) => index !== at)]);
  if (mentions(caption, word)) return caption;
  return caption.trim() === '' ? word : `${word}, ${caption.trim()}`;
}

/** The caption without the trigger as a tag: what is left to describe. Within a sentence it stays. */
export function withoutTrigger(caption: string, trigger: string): string {
  if (trigger.trim() === '') return caption;
  const tags = splitTags(caption);
  const left = tags.filter((tag) => tagKey(tag) !== tagKey(trigger));
  return left.length === tags.length ? caption : joinTags(left);
}

/** Whether the words occur in the text as whole words. */
export function mentions(text: string, words: string): boolean {
  const [body, wanted] = [` ${plainWords(text)} `, plainWords(words)];
  return wanted !== '' && body.includes(` ${wanted} `);
}

/** Lower case, with everything that is neither letter nor digit turned into single spaces. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, ' ')
    .trim();
}

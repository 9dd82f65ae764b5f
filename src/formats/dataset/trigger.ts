/**
 * The trigger word: what the LoRA learns to answer to. It belongs to the project, not to each caption, so it can be
 * changed in one place; this says how a caption reads with it, in training, in the token count, in an export and in the
 * label tool, and which words a data set offers as its trigger.
 */
import { joinTags, keysIn, splitTags, tagKey } from './tags';

/**
 * The caption as it is trained on. A caption that already has the trigger as a tag gets it moved to the front (where
 * "keep first tags" holds on to it); one that has it within a sentence is left alone; any other gets it put before.
 */
export function withTrigger(caption: string, trigger: string): string {
  const word = trigger.trim();
  if (word === '') return caption;
  const at = keysIn(caption).indexOf(tagKey(word));
  if (at === 0) return caption;
  if (at > 0) return joinTags([word, ...splitTags(caption).filter((_, index) => index !== at)]);
  if (mentions(caption, word)) return caption;
  return caption.trim() === '' ? word : `${word}, ${caption.trim()}`;
}

/** The caption without the trigger as a tag: what is left to describe. Within a sentence it stays. */
export function withoutTrigger(caption: string, trigger: string): string {
  if (trigger.trim() === '') return caption;
  const [keys, key] = [keysIn(caption), tagKey(trigger)];
  if (!keys.includes(key)) return caption;
  return joinTags(splitTags(caption).filter((_, index) => keys[index] !== key));
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

export interface TriggerOffer {
  words: string;
  /** A tag that all captions begin with, or the class words of the one folder all pictures lie in. */
  from: 'folder' | 'captions';
}

/** Tags that begin the captions of many sets and mean nothing of their own. */
const COMMON = new Set(
  '1girl,1boy,1other,solo,no humans,masterpiece,best quality,high quality,photo,a photo,drawing,a drawing'.split(
    ',',
  ),
);
const longest = 60;

/** The words that the data set itself names as its trigger, for a person to take; undefined for none. */
export function triggerOffer(
  pictures: Iterable<{
    readonly caption: string;
    readonly captionFrom?: string;
    readonly classWords?: string;
  }>,
): TriggerOffer | undefined {
  const first = new Set<string>();
  const classes = new Set<string>();
  let words = '';
  let captioned = 0;
  for (const { caption, captionFrom, classWords } of pictures) {
    classes.add(classWords ?? '');
    if (captionFrom === undefined || caption === '') continue;
    captioned++;
    const [tag = ''] = splitTags(caption);
    words ||= tag;
    first.add(tagKey(tag));
  }
  const shared = captioned > 1 && first.size === 1 && words.length <= longest && !COMMON.has(tagKey(words));
  if (shared) return { words, from: 'captions' };
  const [folder = ''] = classes;
  return classes.size === 1 && folder !== '' ? { words: folder, from: 'folder' } : undefined;
}

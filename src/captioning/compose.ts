/**
 * From ranked phrases to a caption: trigger word first, then the template; what the trigger word is to learn is left
 * out, and everything left out comes back with its reason. How a proposal joins a caption that is there already is
 * formats/caption_merge.
 */
import { maxTokens } from '../formats/captions/caption_merge';
import { withoutEnd } from '../formats/text/trimmed';
import { withTrigger } from '../formats/dataset/trigger';
import type { Tokenizer } from '../formats/captions/tokenizer';
import type { Purpose } from '../protocol/captioner';
import { phraseKey, type Constant } from './constants';
import type { Ranked } from './rank';
import { fillTemplate, type Template } from './template';
import type { Slot } from './vocabulary/slot';

export interface ComposeOptions {
  readonly template: Template;
  /** Empty for none. */
  readonly trigger: string;
  /** The trigger word is put first by whoever uses the caption: it takes its tokens here, and is not written. */
  readonly triggerElsewhere?: boolean;
  readonly purpose: Purpose;
  readonly slots: readonly Slot[];
  readonly tokenizer: Tokenizer;
  /** Of the whole set, from `constantsOf`. */
  readonly constants?: readonly Constant[];
  /** Slots to show although the purpose would hide them. */
  readonly shown?: ReadonlySet<string>;
  /** Phrases a person has folded into the trigger word, as `phraseKey`. */
  readonly folded?: ReadonlySet<string>;
}

export type Why =
  /** A style set: the trigger word is to learn it. */
  | 'style-of-the-set'
  /** The same in over 80 % of a character's or object's pictures: it belongs to the trigger word. */
  | 'constant-trait'
  | 'folded'
  | 'not-in-template'
  | 'too-long';

export interface Proposal {
  /** Empty if there is nothing to say. */
  readonly caption: string;
  readonly said: readonly Ranked[];
  readonly hidden: readonly (Ranked & { readonly why: Why })[];
  /** That of the least sure phrase said; undefined where CLIP says nothing. */
  readonly confidence: number | undefined;
  /** The person's own text in trigger or template was cut to fit. */
  readonly cut: boolean;
}

/** At most 75 tokens: the least sure phrases go first, the subject last. */
export function compose(ranked: readonly Ranked[], options: ComposeOptions): Proposal {
  const hidden: (Ranked & { why: Why })[] = [];
  let said: Ranked[] = [];
  for (const phrase of ranked) {
    const why = reasonToHide(phrase, options);
    if (why) hidden.push({ ...phrase, why });
    else said.push(phrase);
  }

  const word = options.trigger.trim().replace(/\s+/g, ' ');
  const [before, reserved] = options.triggerElsewhere ? ['', word && `${word},`] : [word, ''];
  const room = Math.max(0, maxTokens - options.tokenizer.encode(reserved).length);
  const written = (): string => withTrigger(filled(said, options.template), before);

  let whole = written();
  while (said.length > 0 && options.tokenizer.encode(whole).length > room) {
    const dropped = leastNeeded(said);
    said = said.filter((phrase) => phrase !== dropped);
    hidden.push({ ...dropped, why: 'too-long' });
    whole = written();
  }
  const caption = cutToTokens(whole, options.tokenizer, room);
  const confidence = said.length === 0 ? undefined : Math.min(...said.map((phrase) => phrase.confidence));
  return { caption, said, hidden, confidence, cut: caption !== whole };
}

function reasonToHide(
  phrase: Ranked,
  { template, slots, purpose, constants, shown, folded }: ComposeOptions,
): Why | undefined {
  if (folded?.has(phraseKey(phrase))) return 'folded';
  const absorbed = shown?.has(phrase.slot)
    ? undefined
    : slots.find((slot) => slot.name === phrase.slot)?.absorbed?.[purpose];
  if (absorbed === 'always') return 'style-of-the-set';
  const key = phraseKey(phrase);
  if (absorbed === 'constant' && constants?.some((c) => phraseKey(c) === key)) return 'constant-trait';
  return template.slots.has(phrase.slot) ? undefined : 'not-in-template';
}

function filled(said: readonly Ranked[], template: Template): string {
  const values = new Map<string, string>();
  for (const { slot, phrase } of said) {
    const before = values.get(slot);
    values.set(slot, before === undefined ? phrase : `${before}, ${phrase}`);
  }
  return fillTemplate(template, values);
}

function leastNeeded(said: readonly Ranked[]): Ranked {
  const others = said.filter((phrase) => phrase.slot !== 'subject');
  return (others.length > 0 ? others : said).reduce((a, b) => (b.confidence < a.confidence ? b : a));
}

/** Whole words from the front, as many as fit; of one endless word, its beginning. */
function cutToTokens(text: string, tokenizer: Tokenizer, room: number): string {
  const count = (part: string): number => tokenizer.encode(part).length;
  if (count(text) <= room) return text;
  // No token reaches across a space, so words can be counted one by one.
  const kept: string[] = [];
  let left = room;
  for (const word of text.split(' ')) {
    left -= count(word);
    if (left < 0) {
      if (kept.length === 0) kept.push(cutWord(word, count, room));
      break;
    }
    kept.push(word);
  }
  return withoutEnd(kept.join(' '), /[\s,]/);
}

function cutWord(word: string, count: (part: string) => number, room: number): string {
  const letters = Array.from(word);
  let [fits, exceeds] = [0, letters.length];
  while (exceeds - fits > 1) {
    const middle = (fits + exceeds) >> 1;
    if (count(letters.slice(0, middle).join('')) <= room) fits = middle;
    else exceeds = middle;
  }
  return letters.slice(0, fits).join('');
}

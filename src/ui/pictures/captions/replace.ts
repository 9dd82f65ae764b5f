/**
 * Find and replace in many captions, plain or by regular expression. JavaScript cannot interrupt a pattern that
 * backtracks for ever, so patterns of the kinds that do are refused beforehand, a pattern is tried on the beginnings
 * of a caption before the whole, and all captions together have a time limit.
 */
import { joinTags, splitTags, tagKey } from '../../../formats/dataset/tags';

export interface ReplaceOptions {
  regex: boolean;
  /** Plain only: the whole tag must be equal, not a part of it. */
  wholeTag: boolean;
  matchCase: boolean;
}

export type ReplaceProblem =
  { kind: 'empty' } | { kind: 'not-a-pattern'; detail: string } | { kind: 'may-hang' } | { kind: 'too-slow' };

export type Replaced = { captions: string[]; changed: number } | { problem: ReplaceProblem };

/** Longer captions than this are not searched by pattern. CLIP reads some 400 characters. */
export const MAX_PATTERN_CAPTION = 4000;
const BUDGET_MS = 1500;
const PROBE_MS = 4;

/** @param now a clock in milliseconds; a test brings its own */
export function replaceAll(
  captions: readonly string[],
  find: string,
  by: string,
  options: ReplaceOptions,
  now: () => number = () => performance.now(),
): Replaced {
  if (find === '') return { problem: { kind: 'empty' } };
  if (!options.regex)
    return count(
      captions,
      captions.map((caption) => replacePlain(caption, find, by, options)),
    );
  let pattern: RegExp;
  try {
    pattern = new RegExp(find, options.matchCase ? 'gu' : 'giu');
  } catch (error) {
    return { problem: { kind: 'not-a-pattern', detail: error instanceof Error ? error.message : '' } };
  }
  if (mayHang(find)) return { problem: { kind: 'may-hang' } };
  const end = now() + BUDGET_MS;
  const results: string[] = [];
  for (const caption of captions) {
    if (caption.length > MAX_PATTERN_CAPTION) {
      results.push(caption);
      continue;
    }
    if (now() > end || !quickEnough(pattern, caption, now)) return { problem: { kind: 'too-slow' } };
    results.push(tidied(caption, caption.replace(pattern, by)));
  }
  return count(captions, results);
}

function count(before: readonly string[], captions: string[]): Replaced {
  return { captions, changed: captions.filter((caption, index) => caption !== before[index]).length };
}

function replacePlain(caption: string, find: string, by: string, options: ReplaceOptions): string {
  if (options.wholeTag) {
    const equal = options.matchCase
      ? (tag: string) => tag === find.trim()
      : (tag: string) => tagKey(tag) === tagKey(find);
    const tags = splitTags(caption);
    if (!tags.some(equal)) return caption;
    return joinTags(splitTags(joinTags(tags.map((tag) => (equal(tag) ? by : tag)))));
  }
  const pattern = new RegExp(find.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), options.matchCase ? 'g' : 'gi');
  // A function, so that a $ in the new text is a dollar sign.
  return tidied(
    caption,
    caption.replace(pattern, () => by),
  );
}

/** Where a tag was replaced by nothing, its comma goes too. */
function tidied(before: string, after: string): string {
  if (after === before) return before;
  return /(^|,)\s*(,|$)/u.test(after) ? joinTags(splitTags(after)) : after.trim();
}

/**
 * Whether a pattern may take exponential time: a repeated group that itself repeats or chooses, or a backreference.
 * It refuses some harmless patterns too.
 */
export function mayHang(source: string): boolean {
  const groups: { repeats: boolean }[] = [{ repeats: false }];
  let closed: { repeats: boolean } | undefined;
  let unbounded = 0;
  let optional = 0;
  for (let at = 0; at < source.length; at++) {
    const letter = source[at];
    const group = groups[groups.length - 1] ?? { repeats: false };
    const wasClosed = closed;
    closed = undefined;
    if (letter === '\\') {
      if (/^\\(\d|k<)/.test(source.slice(at)) && source[at + 1] !== '0') return true;
      at++;
    } else if (letter === '[') {
      at = endOfClass(source, at);
    } else if (letter === '(') {
      groups.push({ repeats: false });
      // (?: (?= (?! (?< are no quantifiers.
      if (source[at + 1] === '?') at++;
    } else if (letter === ')' && groups.length > 1) {
      closed = groups.pop();
      const outer = groups[groups.length - 1];
      if (outer && closed?.repeats) outer.repeats = true;
    } else if (letter === '|') {
      // At the top a choice is tried once from each place; inside a group it may be repeated.
      group.repeats = groups.length > 1 || group.repeats;
    } else if (letter === '*' || letter === '+' || /^\{\d+(,\d*)?\}/.test(source.slice(at))) {
      if (wasClosed?.repeats) return true;
      group.repeats = true;
      if (++unbounded > 5) return true;
      // A lazy quantifier's mark.
      if (source[at + 1] === '?') at++;
    } else if (letter === '?') {
      group.repeats = true;
      if (++optional > 10) return true;
    }
  }
  return false;
}

function endOfClass(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++;
    else if (source[at] === ']') return at;
  }
  return source.length;
}

/** Tries the pattern on longer and longer beginnings: what grows like n^5 is seen long before it hurts. */
function quickEnough(pattern: RegExp, caption: string, now: () => number): boolean {
  for (let length = 16; length < caption.length; length = Math.ceil(length * 1.5)) {
    const start = now();
    caption.slice(0, length).replace(pattern, '');
    if (now() - start > PROBE_MS) return false;
  }
  return true;
}

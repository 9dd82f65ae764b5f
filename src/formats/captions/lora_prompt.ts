// The `<lora:name:0.8>` syntax of WebUI's prompts: which LoRAs a prompt asks for, at which weights, and the words
// that are left for the text encoder. Also what stands under the cursor, for completions. Knows no files.
import { withoutEnds } from '../text/trimmed';

/** One `<lora:…>` of a prompt; `start` and `end` are its place in the text, in UTF-16 units. */
export interface LoraTag {
  readonly name: string;
  readonly weight: number;
  readonly start: number;
  readonly end: number;
}

/** A tag that cannot be used: without a name, or with a weight that is no single number. */
export interface LoraTagProblem {
  readonly code: 'name' | 'weight';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface LoraPrompt {
  /** The prompt without its tags: what the text encoder reads. */
  readonly words: string;
  readonly loras: readonly LoraTag[];
  readonly problems: readonly LoraTagProblem[];
}

/** Beyond this a LoRA only destroys the picture, and a slip of the finger (08 for 0.8) is the likelier reading. */
export const maxLoraWeight = 5;

/**
 * Reads a prompt. A tag without a weight has weight 1, as in WebUI; a name may appear twice, and both count. Wrong tags
 * are problems and are left out of the words as well. Never throws.
 */
export function parseLoraPrompt(text: string): LoraPrompt {
  const loras: LoraTag[] = [];
  const problems: LoraTagProblem[] = [];
  let words = '';
  let at = 0;
  for (const match of text.matchAll(/<lora:([^<>]*)>/gi)) {
    const [whole, inside = ''] = match;
    const [start, end] = [match.index, match.index + whole.length];
    words += text.slice(at, start);
    at = end;
    const colon = inside.indexOf(':');
    const name = (colon < 0 ? inside : inside.slice(0, colon)).trim();
    const weight = colon < 0 ? 1 : readWeight(inside.slice(colon + 1).trim());
    if (name === '') problems.push({ code: 'name', text: whole, start, end });
    else if (weight === undefined) problems.push({ code: 'weight', text: whole, start, end });
    else loras.push({ name, weight, start, end });
  }
  words += text.slice(at);
  return { words: words.replace(/\s+/g, ' ').trim(), loras, problems };
}

function readWeight(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text)) return undefined;
  const weight = Number(text);
  return Math.abs(weight) <= maxLoraWeight ? weight : undefined;
}

/** The tag as text. The name must fit one: see `isLoraName`. */
export function formatLoraTag(name: string, weight: number): string {
  return `<lora:${name}:${Number(weight.toFixed(3))}>`;
}

/** Whether a name can stand in a tag. */
export function isLoraName(name: string): boolean {
  return name === name.trim() && /^[^<>:\n]+$/.test(name);
}

/** A name for a file as prompts call it: without folder and extension, and without what a tag cannot hold. */
export function loraNameOf(fileName: string): string {
  const base = fileName
    .slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1)
    .replace(/\.safetensors$/i, '');
  return withoutEnds(base.replace(/[<>:\s]+/g, '_'), /_/) || 'lora';
}

/** An unfinished `<lora:na|` before the cursor: what has been typed of the name, and the text a completion replaces. */
export interface LoraCompletion {
  readonly typed: string;
  readonly start: number;
  readonly end: number;
}

/** What is being typed at `cursor`, or undefined where that is no LoRA's name. */
export function completionAt(text: string, cursor: number): LoraCompletion | undefined {
  const [whole, typed = ''] = /<(?:lora:?([^<>:]*)|l|lo|lor)?$/i.exec(text.slice(0, cursor)) ?? [];
  if (whole === undefined) return undefined;
  // The rest of a name that the cursor stands in, with its weight, is replaced as well.
  const [rest = ''] = /^[^<>\s,]*>?/.exec(text.slice(cursor)) ?? [];
  return { typed, start: cursor - whole.length, end: cursor + (rest.endsWith('>') ? rest.length : 0) };
}

/** The text with the completion taken, and where the cursor stands afterwards. */
export function complete(
  text: string,
  { start, end }: LoraCompletion,
  name: string,
  weight: number,
): { text: string; cursor: number } {
  const tag = formatLoraTag(name, weight);
  return { text: text.slice(0, start) + tag + text.slice(end), cursor: start + tag.length };
}

/**
 * A line of `sample_prompts` as sd-scripts reads it: words, then `--n` negative prompt, `--w` and `--h` size, `--d` seed,
 * `--s` steps, `--l` guidance; what a line does not say is the configuration's. And what of a prompt is not read as it
 * may be meant. Previews and the results screen draw the same picture from the same line, by this.
 */
import type { TrainConfig } from '../config/config_fields';
import { parseLoraPrompt } from './lora_prompt';

export interface PromptOptions {
  /** Without the options. */
  readonly words: string;
  readonly negative?: string;
  readonly width?: number;
  readonly height?: number;
  readonly seed?: number;
  readonly steps?: number;
  readonly guidance?: number;
}

/** What to say about a line; `text` is the piece that it is about. */
export interface PromptNote {
  readonly code: 'weights' | 'break' | 'lora-tag' | 'option' | 'size';
  readonly text: string;
}

/** A picture to draw: `prompt` are the words, `text` the line as it was written. */
export interface SamplePicture {
  readonly text: string;
  readonly prompt: string;
  readonly negative: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
}

type Defaults = Pick<
  TrainConfig,
  'sample_negative_prompt' | 'resolution' | 'sample_seed' | 'sample_steps' | 'sample_cfg_scale'
>;

/** All pictures of a round of samples. Each line has a seed of its own: the configuration's, counted up. */
export function samplePictures(config: Defaults & Pick<TrainConfig, 'sample_prompts'>): SamplePicture[] {
  return config.sample_prompts.map((text, index) => samplePicture(text, config, index));
}

/** `LoRA` tags are left out of the words: what is trained is drawn, at full strength. */
export function samplePicture(text: string, config: Defaults, index: number): SamplePicture {
  const options = readPromptOptions(text);
  return {
    text,
    prompt: parseLoraPrompt(options.words).words,
    negative: options.negative ?? config.sample_negative_prompt,
    width: options.width ?? config.resolution,
    height: options.height ?? config.resolution,
    seed: options.seed ?? config.sample_seed + index,
    steps: options.steps ?? config.sample_steps,
    guidance: options.guidance ?? config.sample_cfg_scale,
  };
}

/** Reads a line. Numbers out of range come to the nearest that can be drawn. Never throws. */
export function readPromptOptions(line: string): PromptOptions {
  const [words = '', ...pieces] = line.split(/\s--(?=[a-z]+(?:\s|$))/i);
  const found: { -readonly [K in keyof PromptOptions]?: PromptOptions[K] } = {};
  for (const piece of pieces) {
    const { name, value } = optionIn(piece);
    const number = value !== '' && /^(\d+|\d*\.\d+)$/.test(value) ? Number(value) : undefined;
    if (name === 'n') found.negative = value;
    else if (number === undefined) continue;
    else if (name === 'w') found.width = side(number);
    else if (name === 'h') found.height = side(number);
    else if (name === 'd') found.seed = Math.min(4_294_967_295, Math.round(number));
    else if (name === 's') found.steps = between(1, Math.round(number), 1000);
    else if (name === 'l') found.guidance = between(1, number, 30);
  }
  return { words: words.trim(), ...found };
}

/** What of a line is not taken, or not as other programs take it. */
export function promptNotes(line: string): PromptNote[] {
  const { words, negative = '' } = readPromptOptions(line);
  const notes: PromptNote[] = [];
  for (const text of [words, negative]) {
    const weight = /\([^()]*:\s*(\d+|\d*\.\d+)\s*\)/.exec(text)?.[0];
    if (weight) notes.push({ code: 'weights', text: weight });
    const mark = /\b(BREAK|AND)\b/.exec(text)?.[0];
    if (mark) notes.push({ code: 'break', text: mark });
    const tag = /<(?:lora|lyco|hypernet):[^<>]*>/i.exec(text)?.[0];
    if (tag) notes.push({ code: 'lora-tag', text: tag });
  }
  for (const piece of line.split(/\s--(?=[a-z]+(?:\s|$))/i).slice(1)) {
    const { name, value } = optionIn(piece);
    if (!'nwhdsl'.includes(name) || (name !== 'n' && !/^(\d+|\d*\.\d+)$/.test(value)))
      notes.push({ code: 'option', text: `--${piece.trim()}` });
    else if ((name === 'w' || name === 'h') && side(Number(value)) !== Number(value))
      notes.push({ code: 'size', text: `--${name} ${value} → ${side(Number(value))}` });
  }
  return notes;
}

/** Of a list, one of each kind: it is said once. */
export function notesOn(prompts: readonly string[]): PromptNote[] {
  const byCode = new Map(prompts.flatMap(promptNotes).map((note) => [note.code, note]));
  return [...byCode.values()];
}

/** In English, for the command line and its log. */
export function noteSentence({ code, text }: PromptNote): string {
  return `sample_prompts: ${text}: ${SENTENCES[code]}`;
}

const SENTENCES: Readonly<Record<PromptNote['code'], string>> = {
  weights: 'weights are not read here, brackets and numbers count as words.',
  break: 'this is read as a plain word here.',
  'lora-tag': 'the tag is left out; samples show what is trained, at full strength.',
  option: 'this option is not known here; --n, --w, --h, --d, --s and --l are.',
  size: 'sides are multiples of 64, from 64 to 2048.',
};

function optionIn(piece: string): { name: string; value: string } {
  const [, name = '', value = ''] = /^([a-z]+)\s*(.*)$/is.exec(piece) ?? [];
  return { name: name.toLowerCase(), value: value.trim() };
}

/** As near below as can be drawn: sd-scripts takes multiples of 8, the U-Net halves its latents three times. */
function side(pixels: number): number {
  return between(64, Math.floor(pixels / 64) * 64, 2048);
}

function between(least: number, value: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/**
 * What becomes of a caption each time its image is drawn: prefix and suffix, dropout of the whole, the first tags
 * kept, the rest shuffled and dropped one by one. The order of events is that of kohya's `process_caption`.
 */
import { tagParts } from '../../formats/dataset/tags';
import type { RandomStream } from '../step/random';

export interface CaptionConfig {
  prefix: string;
  suffix: string;
  /** Chance that the whole caption becomes "", 0 to 1. */
  dropoutRate: number;
  /** Every caption is "" in every n-th epoch; 0 for never. */
  dropoutEveryNEpochs: number;
  shuffle: boolean;
  /** How many tags at the front are neither shuffled nor dropped. */
  keepTags: number;
  /** Where a caption has it, what is in front of the first one is kept instead, and what is behind the second; '' for none. */
  separator: string;
  /** Chance that each other tag is left out, 0 to 1. */
  tagDropoutRate: number;
}

export const CAPTION_DEFAULTS: Readonly<CaptionConfig> = {
  prefix: '',
  suffix: '',
  dropoutRate: 0,
  dropoutEveryNEpochs: 0,
  shuffle: false,
  keepTags: 0,
  separator: '',
  tagDropoutRate: 0,
};

/**
 * The caption to train on. Only its first line counts. Without shuffling and tag dropout it is not taken apart, so
 * its spaces and commas stay as written; else tags are trimmed and joined by ", ".
 * @param epoch counted from 1
 * @param random a stream of this draw alone, e.g. stream(seed, 'caption', step, sample)
 */
export function processCaption(
  caption: string,
  config: CaptionConfig,
  random: RandomStream,
  epoch: number,
): string {
  // One draw whatever the rate is, so that changing the rate does not reshuffle everything after it.
  const dropped = random.uniform() < config.dropoutRate;
  if (dropped || (config.dropoutEveryNEpochs > 0 && epoch % config.dropoutEveryNEpochs === 0)) return '';
  const whole = [config.prefix, caption, config.suffix].filter((part, i) => part !== '' || i === 1).join(' ');
  const line = firstLine(whole);
  const parts = config.separator === '' ? [line] : line.split(config.separator);
  if (!config.shuffle && config.tagDropoutRate <= 0 && parts.length === 1) return line;
  const { front, rest, back } = parts.length === 1 ? keptByCount(line, config.keepTags) : keptByMark(parts);
  const order = config.shuffle ? random.shuffle(rest) : rest;
  const drawn = order.filter(() => random.uniform() >= config.tagDropoutRate);
  return [...front, ...drawn, ...back].join(', ');
}

interface Kept {
  front: string[];
  rest: string[];
  back: string[];
}

function keptByCount(line: string, count: number): Kept {
  const tags = tagParts(line);
  return { front: tags.slice(0, count), rest: tags.slice(count), back: [] };
}

/** The mark itself is never trained on: kohya leaves it in captions that are not shuffled, which helps nobody. */
function keptByMark([front, rest, ...back]: readonly string[]): Kept {
  const tags = (text: string) => tagParts(text).filter(Boolean);
  return { front: tags(front), rest: tags(rest), back: back.flatMap(tags) };
}

/** Whether a caption is the same text in every epoch, so that its text embedding can be kept. */
export function captionsAreFixed(config: CaptionConfig): boolean {
  return (
    config.dropoutRate <= 0 &&
    config.dropoutEveryNEpochs <= 0 &&
    !config.shuffle &&
    config.tagDropoutRate <= 0
  );
}

function firstLine(text: string): string {
  return text.split(/\r\n|\n|\r/, 1)[0];
}

/**
 * The texts of samples and the length at which they are read: whole up to 225 tokens, whatever captions are cut at, and
 * prompt and negative prompt equally long, as guidance needs them.
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import { samplePictures, type SamplePicture } from '../../formats/captions/sample_prompt';
import type { Tokenizer } from '../../formats/captions/tokenizer';

export type PromptTokens = 75 | 150 | 225;

/** The shortest length that holds all texts; the longest there is, where none does. */
export function lengthFor(tokenizer: Tokenizer, texts: readonly string[]): PromptTokens {
  const tokens = Math.max(...texts.map((text) => tokenizer.encode(text).length));
  return tokens <= 75 ? 75 : tokens <= 150 ? 150 : 225;
}

/** What is encoded for a picture. */
export function textsOf(
  tokenizer: Tokenizer,
  { prompt, negative }: Pick<SamplePicture, 'prompt' | 'negative'>,
): { prompt: string; negative: string; tokens: PromptTokens } {
  return { prompt, negative, tokens: lengthFor(tokenizer, [prompt, negative]) };
}

/** By this an encoded text is found again. */
export function textKey(text: string, tokens: PromptTokens): string {
  return `${tokens} ${text}`;
}

/** All texts that a run's samples need, each once. */
export function sampleTexts(
  tokenizer: Tokenizer,
  config: TrainConfig,
): Map<string, { text: string; tokens: PromptTokens }> {
  const all = samplePictures(config).flatMap((picture) => {
    const { prompt, negative, tokens } = textsOf(tokenizer, picture);
    return [prompt, negative].map((text) => [textKey(text, tokens), { text, tokens }] as const);
  });
  return new Map(all);
}

/** The prompts that are too long to be drawn whole, with their tokens. */
export function cutPrompts(tokenizer: Tokenizer, config: TrainConfig): { text: string; tokens: number }[] {
  return samplePictures(config)
    .flatMap(({ prompt, negative }) => [prompt, negative])
    .map((text) => ({ text, tokens: tokenizer.encode(text).length }))
    .filter(({ tokens }) => tokens > 225);
}

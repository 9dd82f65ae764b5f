/**
 * What a cell of the grid shows: one prompt under one checkpoint. From the prompt's own `<lora:…>` tags, the column and
 * the strength it works out the words and LoRAs, and the key by which two equal pictures are known to be equal.
 */
import { parseLoraPrompt, type LoraTagProblem } from '../../formats/captions/lora_prompt';
import { readPromptOptions, type PromptOptions } from '../../formats/captions/sample_prompt';
import type { PictureRequest } from '../../protocol/trainer';

/** A LoRA that prompts can name. `id` is equal for equal files only. */
export interface NamedLora {
  readonly id: string;
  readonly name: string;
  readonly file: Blob;
  /** A checkpoint of the run that the grid shows: it has a column of its own. */
  readonly own: boolean;
}

/** By the names that prompts use; of two with one name the later. */
export function byName(loras: readonly NamedLora[]): ReadonlyMap<string, NamedLora> {
  return new Map(loras.map((each) => [each.name, each]));
}

export interface UsedLora extends NamedLora {
  readonly weight: number;
}

/** A column: the base model, or one checkpoint. */
export type Column = { readonly kind: 'base' } | { readonly kind: 'checkpoint'; readonly lora: NamedLora };

/** How pictures are made, but for what row and column say. */
export type SamplingSettings = Omit<PictureRequest, 'prompt' | 'seed'> & {
  readonly base: string;
  readonly clipSkip: number;
  readonly vPrediction: boolean;
  readonly zeroTerminalSnr: boolean;
};

/** A picture to draw. */
export interface Wanted {
  readonly key: string;
  readonly words: string;
  readonly seed: number;
  readonly loras: readonly UsedLora[];
  readonly sampling: SamplingSettings;
}

/** What a prompt says of LoRAs, with the names looked up. */
export interface ReadPrompt {
  readonly words: string;
  /** What its options say in place of row and sampling, as in a line of sample_prompts. */
  readonly options: Omit<PromptOptions, 'words'>;
  readonly loras: readonly UsedLora[];
  readonly unknown: readonly string[];
  readonly problems: readonly LoraTagProblem[];
}

export function readPrompt(prompt: string, library: ReadonlyMap<string, NamedLora>): ReadPrompt {
  const { words: text, ...options } = readPromptOptions(prompt);
  const { words, loras, problems } = parseLoraPrompt(text);
  const used: UsedLora[] = [];
  const unknown: string[] = [];
  for (const { name, weight } of loras) {
    const lora = library.get(name);
    if (lora) used.push({ ...lora, weight });
    else unknown.push(name);
  }
  return { words, options, loras: used, unknown, problems };
}

/**
 * The picture in one cell; undefined where the row has none in this column. The base column has no LoRA at all. In a
 * checkpoint's column the prompt's LoRAs come on top of the checkpoint at `strength`, unless the prompt names
 * checkpoints of this run itself: then it is drawn as it is written, once, in the column of the first it names.
 */
export function wantedIn(
  column: Column,
  prompt: ReadPrompt,
  seed: number,
  strength: number,
  sampling: SamplingSettings,
): Wanted | undefined {
  const draw = (loras: readonly UsedLora[]) => wantedBy(prompt, seed, loras, sampling);
  if (column.kind === 'base') return draw([]);
  const named = prompt.loras.find(({ own }) => own);
  if (named && named.id !== column.lora.id) return undefined;
  const loras = named ? prompt.loras : [{ ...column.lora, weight: strength }, ...prompt.loras];
  return draw(loras);
}

/** As the prompt's options have it, in place of `seed` and `sampling`. */
export function wantedBy(
  { words, options }: Pick<ReadPrompt, 'words' | 'options'>,
  seed: number,
  loras: readonly UsedLora[],
  sampling: SamplingSettings,
): Wanted {
  const { seed: own = seed, ...rest } = options;
  return wanted(words, own, loras, { ...sampling, ...rest });
}

/** A LoRA at weight 0 changes nothing, and the order of LoRAs does not matter. */
export function wanted(
  words: string,
  seed: number,
  loras: readonly UsedLora[],
  sampling: SamplingSettings,
): Wanted {
  const working = loras
    .filter(({ weight }) => weight !== 0)
    .toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.weight - b.weight));
  const { base, width, height, steps, guidance, sampler, negative, clipSkip, vPrediction, zeroTerminalSnr } =
    sampling;
  const made = [
    ...[base, width, height, steps, guidance, sampler, negative, clipSkip, vPrediction],
    // Left out where it is off, so that pictures from before there was such a setting are found.
    ...(zeroTerminalSnr ? [zeroTerminalSnr] : []),
  ];
  const key = JSON.stringify([words, seed, working.map(({ id, weight }) => [id, weight]), ...made]);
  return { key, words, seed, loras: working, sampling };
}

/** One string for all that must be equal for two pictures to be drawn in one go. */
export function batchKey({ loras, sampling }: Wanted): string {
  const { base, clipSkip, vPrediction, zeroTerminalSnr } = sampling;
  return JSON.stringify([
    loras.map(({ id, weight }) => [id, weight]),
    ...[base, clipSkip, vPrediction, zeroTerminalSnr],
  ]);
}

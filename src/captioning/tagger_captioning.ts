/** A WD14 tagger as a captioning model: a picture is its tags with their probabilities; captions are tags, surest first. */
import { spokenTag, type Tag } from '../formats/captions/tag_list';
import type { Tokenizer } from '../formats/captions/tokenizer';
import type { CaptionOptions } from '../protocol/captioner';
import { CaptionerError } from './error';
import type { Ranked } from './rank';
import type { ModelBytes, Runtime } from './runtime';
import type { CaptioningModel } from './captioning_model';
import { openTagger } from './tagger_model';
import { taggerTensor } from './tagger_preprocess';
import type { MultiSlot } from './vocabulary/slot';

/** Less probable tags are forgotten: no threshold is below. */
export const leastThreshold = 0.05;
/** Counted up when taggerTensor changes. */
const preprocessing = 1;

export async function openTaggerCaptioning(
  runtime: Runtime,
  file: ModelBytes,
  tags: readonly Tag[],
  tokenizer: Tokenizer,
): Promise<CaptioningModel> {
  const model = await openTagger(runtime, file, tags.length);
  const slots = [slotOf('character', tags), slotOf('tag', tags)];
  return {
    facts: {
      kind: 'tagger',
      provider: model.provider,
      threads: runtime.threads,
      side: model.side,
      slots: slots.map((slot) => ({ name: slot.name, phrases: slot.phrases.length })),
      template: '',
    },
    template: '[character], [tag]',
    tokenizer,
    version: `tagger ${preprocessing}`,
    fits: (encoded) =>
      encoded.length % 2 === 0 && encoded.every((value, i) => i % 2 === 1 || value < tags.length),
    async encodeImage(pixels) {
      return likely(await model.probabilities(taggerTensor(pixels, model.side)));
    },
    async scorerFor(options) {
      return { slots, against: () => (encoded) => spoken(encoded, tags, options) };
    },
    close: () => model.close(),
  };
}

/** Tags a character always has belong to the trigger word; ratings are said by nobody. */
function slotOf(name: 'character' | 'tag', tags: readonly Tag[]): MultiSlot {
  return {
    name,
    kind: 'multi',
    minZ: 0,
    most: Infinity,
    templates: [],
    absorbed: { character: 'constant', object: 'constant' },
    phrases: tags.filter(({ category }) => slotName(category) === name).map((tag) => spokenTag(tag.name)),
  };
}

function slotName(category: Tag['category']): 'character' | 'tag' | undefined {
  if (category === 'general') return 'tag';
  return category === 'character' ? 'character' : undefined;
}

/** Pairs of a tag's number and its probability, for those that a threshold could let through. */
function likely(probabilities: Float32Array): Float32Array {
  const pairs: number[] = [];
  probabilities.forEach((probability, tag) => {
    if (!(probability >= 0 && probability <= 1.001)) {
      throw new CaptionerError(
        'wrong-numbers',
        `The tagger gives ${probability} for a tag, expected 0 to 1: it does not compute rightly here, or its last layer was left out.`,
      );
    }
    if (probability >= leastThreshold) pairs.push(tag, probability);
  });
  return Float32Array.from(pairs);
}

function spoken(
  encoded: Float32Array,
  tags: readonly Tag[],
  { tagThreshold, characterThreshold }: CaptionOptions,
): Ranked[] {
  const found: Ranked[] = [];
  for (let i = 0; i < encoded.length; i += 2) {
    const tag = tags[encoded[i]];
    const slot = slotName(tag.category);
    const threshold = slot === 'character' ? characterThreshold : tagThreshold;
    const confidence = Math.min(1, encoded[i + 1]);
    if (slot && confidence >= threshold) found.push({ slot, phrase: spokenTag(tag.name), confidence });
  }
  return found.sort((a, b) => b.confidence - a.confidence);
}

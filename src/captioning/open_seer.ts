/** Opens whichever model a person chose, from its files to a seer: bytes, then the word list, then sessions. */
import { makeTokenizer } from '../formats/tokenizer';
import { parseTagList, TagListError } from '../formats/tag_list';
import type { CaptionModel, OpenEvent } from '../protocol/captioner';
import type { EmbeddingCache } from './cache';
import { openClipSeer } from './clip_seer';
import { CaptionerError } from './error';
import { readModel } from './model_file';
import type { Runtime } from './runtime';
import type { Seer } from './seer';
import { openTaggerSeer } from './tagger_seer';
import { demoVocabulary, generalVocabulary } from './vocabulary';

export interface OpeningParts {
  readonly runtime: Runtime;
  /** CLIP's merges, as text. */
  readonly wordList: string;
  readonly cache: EmbeddingCache | undefined;
}

/** Token tables: OpenAI's, and the demo's, which is the same list cut short. */
const vocabularySizes = { general: 49408, demo: 512 + 700 + 2 } as const;

/** Rejects with CaptionerError. */
export async function openSeer(
  model: CaptionModel,
  { runtime, wordList, cache }: OpeningParts,
  onEvent: (event: OpenEvent) => void,
): Promise<Seer> {
  const total = model.kind === 'clip' ? model.vision.size + model.text.size : model.model.size;
  let done = 0;
  const onRead = (bytes: number) => {
    done += bytes;
    onEvent({ kind: 'load', done, total });
  };
  onEvent({ kind: 'load', done, total });
  if (model.kind === 'clip') {
    const files = {
      vision: await readModel(model.vision, 'The vision model', onRead),
      text: await readModel(model.text, 'The text model', onRead),
    };
    const vocabulary = model.vocabulary === 'demo' ? demoVocabulary : generalVocabulary;
    const tokenizer = makeTokenizer(wordList, vocabularySizes[model.vocabulary]);
    return openClipSeer(runtime, model, files, vocabulary, tokenizer, cache, onEvent);
  }
  const { bytes } = await readModel(model.model, 'The tagger', onRead);
  const list = new Uint8Array(await model.tags.arrayBuffer());
  try {
    const tags = parseTagList(list);
    return await openTaggerSeer(runtime, bytes, tags, makeTokenizer(wordList, vocabularySizes.general));
  } catch (error) {
    if (error instanceof TagListError) throw new CaptionerError('not-a-tag-list', error.message, error);
    throw error;
  }
}

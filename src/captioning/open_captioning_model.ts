/** Opens whichever model a person chose, from its files to sessions: bytes, then the word list, then the model. */
import { makeTokenizer } from '../formats/captions/tokenizer';
import { parseTagList, TagListError } from '../formats/captions/tag_list';
import type { CaptionModel, OpenEvent } from '../protocol/captioner';
import type { EmbeddingCache } from './cache';
import { openClipCaptioning } from './clip_captioning';
import { CaptionerError } from './error';
import { readModel } from './model_file';
import type { Runtime } from './runtime';
import type { CaptioningModel } from './captioning_model';
import { openTaggerCaptioning } from './tagger_captioning';
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
export async function openCaptioningModel(
  model: CaptionModel,
  { runtime, wordList, cache }: OpeningParts,
  onEvent: (event: OpenEvent) => void,
): Promise<CaptioningModel> {
  const { external = [] } = model;
  const of = (tower: 'vision' | 'text') => external.filter((each) => (each.of ?? tower) === tower);
  const files = model.kind === 'clip' ? [model.vision, model.text] : [model.model];
  const total = [...files, ...external.map(({ file }) => file)].reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const onRead = (bytes: number) => {
    done += bytes;
    onEvent({ kind: 'load', done, total });
  };
  onEvent({ kind: 'load', done, total });
  if (model.kind === 'clip') {
    const towers = {
      vision: await readModel(model.vision, 'The vision model', of('vision'), onRead),
      text: await readModel(model.text, 'The text model', of('text'), onRead),
    };
    const vocabulary = model.vocabulary === 'demo' ? demoVocabulary : generalVocabulary;
    const tokenizer = makeTokenizer(wordList, vocabularySizes[model.vocabulary]);
    return openClipCaptioning(runtime, model, towers, vocabulary, tokenizer, cache, onEvent);
  }
  const file = await readModel(model.model, 'The tagger', external, onRead);
  const list = new Uint8Array(await model.tags.arrayBuffer());
  try {
    const tags = parseTagList(list);
    return await openTaggerCaptioning(runtime, file, tags, makeTokenizer(wordList, vocabularySizes.general));
  } catch (error) {
    if (error instanceof TagListError) throw new CaptionerError('not-a-tag-list', error.message, error);
    throw error;
  }
}

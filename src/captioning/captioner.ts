/**
 * The captioner behind its protocol, wherever it runs: holds the model that is open and what it saw, and does one
 * thing at a time. What differs between a browser and Node (onnxruntime's build, decoding, where embeddings are kept)
 * is given to it.
 */
import type {
  CaptionEvent,
  CaptionImage,
  CaptionOptions,
  CaptionProposal,
  Captioner,
  Composed,
  Similarity,
} from '../protocol/captioner';
import { kept, type EmbeddingCache } from './cache';
import { compose, type ComposeOptions } from './compose';
import { constantsOf, type Constant } from './constants';
import { EmbeddingError } from './embedding';
import { CaptionerError } from './error';
import { openCaptioningModel } from './open_captioning_model';
import type { Pixels } from './preprocess';
import type { Ranked } from './rank';
import type { Runtime } from './runtime';
import { nearDuplicates, nearest, outliers } from './search';
import type { Scorer, CaptioningModel } from './captioning_model';
import { parseTemplate, TemplateError, type Template } from './template';

export interface CaptionerParts {
  /** Rejects with a sentence. Asked once. */
  openRuntime(): Promise<Runtime>;
  /** Upright, straight alpha, sRGB; rejects with a sentence that names the picture. */
  decode(image: CaptionImage): Promise<Pixels>;
  /** CLIP's merges, one a line. */
  wordList(): Promise<string>;
  readonly cache?: EmbeddingCache;
}

/** What is asked where a person has set nothing: all that is encoded is said. */
export const plainOptions: CaptionOptions = {
  purpose: 'object',
  trigger: '',
  template: '',
  terms: {},
  folded: [],
  shown: [],
  tagThreshold: 0.35,
  characterThreshold: 0.85,
};

interface Encoding {
  readonly id: string;
  readonly encoded: Float32Array;
}

export function makeCaptioner(parts: CaptionerParts): Captioner {
  let runtime: Promise<Runtime> | undefined;
  let opened: { model: CaptioningModel; key: string } | undefined;
  let encodings: Encoding[] = [];
  let stopping = false;
  let last: Promise<unknown> = Promise.resolve();

  /** In the order asked, one after another. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  }

  return {
    open: (choice, onEvent) =>
      inTurn(async () => {
        await opened?.model.close();
        opened = undefined;
        encodings = [];
        runtime ??= parts.openRuntime();
        const ready = await runtime.catch((error: unknown) => {
          runtime = undefined;
          throw missing('runtime-missing', 'The part of the studio that runs captioning models', error);
        });
        const wordList = await parts.wordList().catch((error: unknown) => {
          throw missing('word-list-missing', "CLIP's word list", error);
        });
        const model = await openCaptioningModel(
          choice,
          { runtime: ready, wordList, cache: parts.cache },
          onEvent,
        );
        opened = { model, key: choice.key };
        return model.facts;
      }),

    caption: (images, options, onEvent) =>
      inTurn(async () => {
        stopping = false;
        const { model, key } = demandOpen(opened);
        const template = templateOf(model, options);
        const scorer = await model.scorerFor(options);
        const known = new Map(encodings.map((each) => [each.id, each]));
        const progress = { done: 0, total: images.length };
        let [score, scoredBy] = [scorer.against([]), 0];
        for (const image of images) {
          if (stopping) break;
          let event: CaptionEvent;
          try {
            const encoded = await encodedImage(model, key, image);
            known.set(image.id, { id: image.id, encoded });
            encodings = [...known.values()];
            // What is usual in the set hardly moves from one picture to the next.
            if (encodings.length >= 2 * scoredBy) {
              [score, scoredBy] = [scorer.against(encodings.map((each) => each.encoded)), encodings.length];
            }
            const made = composeOne(score(encoded), image.id, model, scorer, template, options, []);
            progress.done++;
            event = { kind: 'proposal', proposal: made, ...progress };
          } catch (error) {
            const failure = failureOf(error);
            if (!failure) throw error;
            progress.done++;
            event = { kind: 'failed', id: image.id, ...failure, ...progress };
          }
          await onEvent(event);
        }
        return composeAll(encodings, model, scorer, template, options);
      }),

    compose: (options) =>
      inTurn(async () => {
        const { model } = demandOpen(opened);
        const template = templateOf(model, options);
        return composeAll(encodings, model, await model.scorerFor(options), template, options);
      }),

    find: (words) =>
      inTurn(async () => {
        const { encodeText } = demandOpen(opened).model;
        if (!encodeText) throw noSearch();
        const matches = nearest(
          await encodeText(words),
          encodings.map((each) => each.encoded),
        );
        return matches.map(({ index, cosine }) => ({ id: encodings[index].id, cosine }));
      }),

    similarity: () =>
      inTurn(async (): Promise<Similarity> => {
        if (!demandOpen(opened).model.encodeText) throw noSearch();
        const pictures = encodings.map((each) => each.encoded);
        return {
          outliers: outliers(pictures).map(({ index }) => encodings[index].id),
          nearDuplicates: nearDuplicates(pictures).map((group) => group.map((index) => encodings[index].id)),
        };
      }),

    stop() {
      stopping = true;
    },
  };

  function encodedImage(model: CaptioningModel, key: string, image: CaptionImage): Promise<Float32Array> {
    return kept(
      parts.cache,
      key,
      `picture ${model.version} ${image.digest}`,
      (encoded) => model.fits(encoded),
      async () => model.encodeImage(await decoded(image)),
    );
  }

  async function decoded(image: CaptionImage): Promise<Pixels> {
    return parts.decode(image).catch((error: unknown) => {
      const sentence = error instanceof Error ? error.message : `${image.name} cannot be decoded.`;
      throw new CaptionerError('undecodable-picture', sentence, error);
    });
  }
}

/** What is a picture's own trouble, and none of the model's: the others go on. */
function failureOf(
  error: unknown,
): { problem: 'undecodable-picture' | 'wrong-numbers'; sentence: string } | undefined {
  if (error instanceof EmbeddingError) return { problem: 'wrong-numbers', sentence: error.message };
  if (error instanceof CaptionerError && error.name === 'undecodable-picture') {
    return { problem: 'undecodable-picture', sentence: error.message };
  }
  return undefined;
}

function composeAll(
  encodings: readonly Encoding[],
  model: CaptioningModel,
  scorer: Scorer,
  template: Template,
  options: CaptionOptions,
): Composed {
  const score = scorer.against(encodings.map((each) => each.encoded));
  const ranked = encodings.map(({ encoded }) => score(encoded));
  const constants = constantsOf(ranked);
  const proposals = encodings.map(({ id }, i) =>
    composeOne(ranked[i], id, model, scorer, template, options, constants),
  );
  return { proposals, constants };
}

function composeOne(
  ranked: readonly Ranked[],
  id: string,
  { tokenizer }: CaptioningModel,
  { slots }: Scorer,
  template: Template,
  { trigger, purpose, shown, folded }: CaptionOptions,
  constants: readonly Constant[],
): CaptionProposal {
  const how: ComposeOptions = {
    template,
    trigger,
    triggerElsewhere: true,
    purpose,
    slots,
    tokenizer,
    constants,
    shown: new Set(shown),
    folded: new Set(folded),
  };
  const { caption, said, hidden, confidence, cut } = compose(ranked, how);
  return { id, caption, said: [...said], hidden: [...hidden], confidence, cut };
}

function templateOf(model: CaptioningModel, { template }: CaptionOptions): Template {
  try {
    return parseTemplate(
      template.trim() || model.template,
      model.facts.slots.map((slot) => slot.name),
    );
  } catch (error) {
    if (error instanceof TemplateError) throw new CaptionerError('bad-template', error.message, error);
    throw error;
  }
}

function demandOpen<T>(opened: T | undefined): T {
  if (opened !== undefined) return opened;
  throw new CaptionerError('no-model-open', 'No captioning model is open. Choose one first.');
}

function noSearch(): CaptionerError {
  return new CaptionerError(
    'no-search',
    'A tagger knows tags, not likeness: searching by words and finding look-alikes need a CLIP model.',
  );
}

function missing(problem: 'runtime-missing' | 'word-list-missing', what: string, cause: unknown): Error {
  if (cause instanceof CaptionerError) return cause;
  return new CaptionerError(problem, `${what} could not be loaded. Go online once and try again.`, cause);
}

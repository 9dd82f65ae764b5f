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
  Kinship,
} from '../protocol/captioner';
import { kept, type EmbeddingCache } from './cache';
import { compose, type ComposeOptions } from './compose';
import { constantsOf, type Constant } from './constants';
import { EmbeddingError } from './embedding';
import { CaptionerError } from './error';
import { openSeer } from './open_seer';
import type { Pixels } from './preprocess';
import type { Ranked } from './rank';
import type { Runtime } from './runtime';
import { nearDuplicates, nearest, outliers } from './search';
import type { Question, Seer } from './seer';
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

/** What is asked where a person has set nothing: all that is seen is said. */
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

interface Looked {
  readonly id: string;
  readonly seen: Float32Array;
}

export function makeCaptioner(parts: CaptionerParts): Captioner {
  let runtime: Promise<Runtime> | undefined;
  let opened: { seer: Seer; key: string } | undefined;
  let looked: Looked[] = [];
  let stopping = false;
  let last: Promise<unknown> = Promise.resolve();

  /** In the order asked, one after another. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  }

  return {
    open: (model, onEvent) =>
      inTurn(async () => {
        await opened?.seer.close();
        opened = undefined;
        looked = [];
        runtime ??= parts.openRuntime();
        const ready = await runtime.catch((error: unknown) => {
          runtime = undefined;
          throw missing('runtime-missing', 'The part of the studio that runs captioning models', error);
        });
        const wordList = await parts.wordList().catch((error: unknown) => {
          throw missing('word-list-missing', "CLIP's word list", error);
        });
        const seer = await openSeer(model, { runtime: ready, wordList, cache: parts.cache }, onEvent);
        opened = { seer, key: model.key };
        return seer.facts;
      }),

    caption: (images, options, onEvent) =>
      inTurn(async () => {
        stopping = false;
        const { seer, key } = demandOpen(opened);
        const template = templateOf(seer, options);
        const question = await seer.ask(options);
        const known = new Map(looked.map((each) => [each.id, each]));
        const progress = { done: 0, total: images.length };
        let [judge, judgedBy] = [question.among([]), 0];
        for (const image of images) {
          if (stopping) break;
          let event: CaptionEvent;
          try {
            const seen = await lookAt(seer, key, image);
            known.set(image.id, { id: image.id, seen });
            looked = [...known.values()];
            // What is usual in the set hardly moves from one picture to the next.
            if (looked.length >= 2 * judgedBy) {
              [judge, judgedBy] = [question.among(looked.map((each) => each.seen)), looked.length];
            }
            const made = composeOne(judge(seen), image.id, seer, question, template, options, []);
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
        return composeAll(looked, seer, question, template, options);
      }),

    compose: (options) =>
      inTurn(async () => {
        const { seer } = demandOpen(opened);
        const template = templateOf(seer, options);
        return composeAll(looked, seer, await seer.ask(options), template, options);
      }),

    find: (words) =>
      inTurn(async () => {
        const { embed } = demandOpen(opened).seer;
        if (!embed) throw noSearch();
        const matches = nearest(
          await embed(words),
          looked.map((each) => each.seen),
        );
        return matches.map(({ index, cosine }) => ({ id: looked[index].id, cosine }));
      }),

    kinship: () =>
      inTurn(async (): Promise<Kinship> => {
        if (!demandOpen(opened).seer.embed) throw noSearch();
        const pictures = looked.map((each) => each.seen);
        return {
          outliers: outliers(pictures).map(({ index }) => looked[index].id),
          nearDuplicates: nearDuplicates(pictures).map((group) => group.map((index) => looked[index].id)),
        };
      }),

    stop() {
      stopping = true;
    },
  };

  function lookAt(seer: Seer, key: string, image: CaptionImage): Promise<Float32Array> {
    return kept(
      parts.cache,
      key,
      `picture ${seer.version} ${image.digest}`,
      (seen) => seer.fits(seen),
      async () => seer.look(await decoded(image)),
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
  looked: readonly Looked[],
  seer: Seer,
  question: Question,
  template: Template,
  options: CaptionOptions,
): Composed {
  const judge = question.among(looked.map((each) => each.seen));
  const ranked = looked.map(({ seen }) => judge(seen));
  const constants = constantsOf(ranked);
  const proposals = looked.map(({ id }, i) =>
    composeOne(ranked[i], id, seer, question, template, options, constants),
  );
  return { proposals, constants };
}

function composeOne(
  ranked: readonly Ranked[],
  id: string,
  { tokenizer }: Seer,
  { slots }: Question,
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

function templateOf(seer: Seer, { template }: CaptionOptions): Template {
  try {
    return parseTemplate(
      template.trim() || seer.template,
      seer.facts.slots.map((slot) => slot.name),
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

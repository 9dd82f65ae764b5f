/**
 * Captions to what the U-Net is told: the text encoders are loaded, used and dropped before the VAE and the U-Net arrive,
 * and once more between steps where a run has more captions than are kept.
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { Tokenizer } from '../../formats/captions/tokenizer';
import type { TextPart } from '../../formats/families/family_facts';
import { trim } from '../../kernels/program';
import type { TrainEvent } from '../../protocol/trainer';
import type { BatchConfig } from '../data/batches';
import { captionIds, encodeCaption, type PlacedImage } from '../data/dataset';
import { captionsAtOnce, KeptTexts } from '../data/kept_texts';
import { sampleTexts } from '../sampling/sample_texts';
import { disposeParts, loadParts, type BaseModelPlan, type LoadOptions } from '../step/base_model';
import { reporting } from '../step/reporting';
import { captionWindow } from './caption_window';

/** What is encoded, and from what. */
export interface Encoding {
  config: TrainConfig;
  plan: BaseModelPlan;
  tokenizer: Tokenizer;
  images: readonly PlacedImage[];
  batching: BatchConfig;
  /** Of the run. */
  steps: number;
  signal: AbortSignal | undefined;
  /** Where not as many as `captionsAtOnce` says. */
  captionsAtOnce?: number;
}

/** The captions of the steps before `until`, encoded. */
export interface EncodedCaptions {
  states: KeptTexts;
  until: number;
}

/** Encodes the captions from step `from` on that are not among those known, and the texts of samples where they are asked for. */
export async function* encodeTexts(
  encoding: Encoding,
  from: number,
  known: EncodedCaptions = {
    states: new KeptTexts(encoding.plan.family.textStates),
    until: from,
  },
  prompts?: KeptTexts,
): AsyncGenerator<TrainEvent, EncodedCaptions> {
  const { config, plan, tokenizer, images, batching, steps, signal } = encoding;
  const { states } = known;
  const chunks = config.max_token_length / 75;
  const most = encoding.captionsAtOnce ?? captionsAtOnce(plan, plan.family.textStates, chunks);
  const { captions, until } = captionWindow(config, images, batching, { from, to: steps, most });
  states.keepOnly(captions);
  const wanted = [...captions].filter((caption) => !states.has(caption));
  const texts = yield* loadedPart(signal, (options) => loadParts<TextPart>(plan, plan.family.texts, options));
  const encode = (text: string, tokens: TrainConfig['max_token_length']) =>
    encodeCaption(texts, captionIds(tokenizer, text, tokens), config.clip_skip);
  try {
    yield { kind: 'phase', phase: 'encode' };
    for (const [done, caption] of wanted.entries()) {
      signal?.throwIfAborted();
      states.set(caption, await encode(caption, config.max_token_length));
      yield { kind: 'progress', phase: 'encode', done: done + 1, total: wanted.length, unit: 'captions' };
    }
    if (prompts)
      for (const [key, { text, tokens }] of sampleTexts(tokenizer, config))
        prompts.set(key, await encode(text, tokens));
  } finally {
    disposeParts(texts);
    trim();
  }
  return { states, until };
}

/** Bytes read so far as events, while parts are loaded. */
export function loadedPart<T>(
  signal: AbortSignal | undefined,
  load: (options: LoadOptions) => Promise<T>,
): AsyncGenerator<TrainEvent, T> {
  return reporting((tell) =>
    load({
      onProgress: (done, total) => tell({ kind: 'progress', phase: 'load', done, total, unit: 'bytes' }),
      ...(signal ? { signal } : {}),
    }),
  );
}

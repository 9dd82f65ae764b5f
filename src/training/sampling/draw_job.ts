/**
 * Pictures as the page asks for them: a base model, any number of LoRA files at their weights, prompts. The base model
 * stays on the GPU between calls (kept_base.ts). What a picture is made by is sample.ts.
 */
import { fromBlob } from '../../formats/safetensors/byte_source';
import { makeTokenizer } from '../../formats/captions/tokenizer';
import { checkGpu, openGpu, OutOfMemoryError, type Tier } from '../../kernels/device';
import type { EngineFacts } from '../../protocol/engine_errors';
import type { DrawEvent, DrawRequest, PictureRequest } from '../../protocol/trainer';
import { applyLoras } from './apply_loras';
import { captionIds, encodeCaption } from '../data/dataset';
import type { TextStates } from '../data/text_states';
import { planBaseModel, type LoadOptions } from '../step/base_model';
import { ownBudget } from '../step/budget';
import { keptBase, releaseBase, throwIfLost, type KeptBase } from '../step/kept_base';
import { reporting } from '../step/reporting';
import { decodeLatents, sampleLatents, sampleNoise, toRgba } from './sample';
import { drawPlan } from './sample_memory';
import { textKey, textsOf, type PromptTokens } from './sample_texts';
import { SAMPLERS, type Sampler } from './samplers';

type Facts = EngineFacts['DrawRequestError'];

/** A picture was asked for that cannot be drawn. */
export class DrawRequestError extends Error {
  override readonly name = 'DrawRequestError';
  constructor(
    readonly code: keyof Facts,
    readonly facts: Facts[keyof Facts],
    sentence: string,
  ) {
    super(sentence);
  }
}

let latest: Promise<void> = Promise.resolve();
/** The memory ran out where it should have been enough: from then on as little is taken as there is to take. */
let least = false;

/**
 * Yields progress and the pictures, in order. Of two calls the second waits for the first. `signal` stops between two
 * steps, with the signal's reason; nothing but the base model is left on the GPU. It stays within what the card has to
 * spare, where that is possible (`drawPlan`); where the memory runs out all the same, the pictures left are drawn with the
 * least. Throws `DrawRequestError`, what `applyLoras` and `loadParts` throw, `GpuUnavailableError` and `OutOfMemoryError`.
 */
export async function* runDraw(
  request: DrawRequest,
  signal?: AbortSignal,
  { tier, budgetBytes = ownBudget(request.cardGb) }: DrawOptions = {},
): AsyncGenerator<DrawEvent, void> {
  for (const picture of request.pictures) check(picture);
  if (request.pictures.length === 0) return;
  const before = latest;
  let finish: () => void = () => {};
  latest = new Promise((resolve) => (finish = resolve));
  try {
    await before;
    signal?.throwIfAborted();
    let drawn = 0;
    for (;;) {
      const tight = least;
      try {
        const memory = { tier, budgetBytes: tight ? 0 : budgetBytes };
        for await (const event of draw(request, signal, memory, drawn)) {
          if (event.kind === 'picture') drawn = event.picture + 1;
          yield event;
        }
        return;
      } catch (error) {
        if (!(await ranOut(error))) throw error;
        if (tight) throw new OutOfMemoryError();
        least = true;
      }
    }
  } catch (error) {
    throwIfLost();
    throw error;
  } finally {
    finish();
  }
}

/** What prompts say to a base model without a LoRA on its text encoders, by `promptKey`: these need not come again. */
const told = new WeakMap<KeptBase, ReadonlyMap<string, TextStates>>();
const toldBy = (kept: KeptBase) => told.get(kept) ?? new Map<string, TextStates>();
/** Of SDXL 0.6 MB each. */
const MOST_TOLD = 200;

interface DrawOptions {
  tier?: Tier;
  /** GPU memory to stay within; 0 takes the least there is. What the request's card has to spare unless given. */
  budgetBytes?: number;
}

/** The pictures from the `first` on. */
async function* draw(
  request: DrawRequest,
  signal: AbortSignal | undefined,
  { tier, budgetBytes }: { tier: Tier | undefined; budgetBytes: number },
  first: number,
): AsyncGenerator<DrawEvent, void> {
  const files = request.base.map(fromBlob);
  const plan = await planBaseModel(files);
  const kept = await keptBase(files, tier);
  const loading = <T>(work: (options: LoadOptions) => Promise<T>) =>
    reporting<DrawEvent, T>((tell) =>
      work({
        ...(signal ? { signal } : {}),
        onProgress: (done, total) => tell({ kind: 'load', done, total }),
      }),
    );
  const stop = signal ? AbortSignal.any([signal, kept.lost]) : kept.lost;
  const tokenizer = makeTokenizer(request.merges, plan.text1.vocabulary);
  const loras = await applyLoras(
    plan,
    request.loras.map(({ file, weight }) => ({ source: fromBlob(file), weight })),
  );
  try {
    const clipSkip = request.clipSkip ?? 1;
    const wanted = request.pictures.map((picture) => ({ ...picture, ...textsOf(tokenizer, picture) }));
    const largest = wanted.reduce((most, one) =>
      one.width * one.height > most.width * most.height ? one : most,
    );
    const chunks = Math.max(...wanted.map(({ tokens }) => tokens)) / 75;
    const economy = drawPlan(plan, largest, { loraBytes: loras.bytes, chunks, budgetBytes });

    if (economy.textsStay) yield* loading((options) => kept.all(plan, options));
    const states = new Map(loras.adaptText ? [] : toldBy(kept));
    const texts = promptsOf(wanted.slice(first), clipSkip).filter(([key]) => !states.has(key));
    if (texts.length > 0) {
      const encoders = yield* loading((options) => kept.texts(plan, options));
      for (const [key, { text, tokens }] of texts) {
        stop.throwIfAborted();
        const ids = captionIds(tokenizer, text, tokens);
        states.set(key, await encodeCaption(encoders, ids, clipSkip, loras.of));
      }
      if (!loras.adaptText) told.set(kept, new Map([...states].slice(-MOST_TOLD)));
    }
    if (!economy.textsStay) kept.dropTexts();
    const base = yield* loading((options) => kept.drawn(plan, options));
    for (const [picture, one] of wanted.entries()) {
      if (picture < first) continue;
      const { width, height, seed, steps, guidance, tokens } = one;
      const statesOf = (text: string) => states.get(promptKey(clipSkip, text, tokens)) ?? missing(text);
      const latents = yield* reporting<DrawEvent, Float32Array>((tell) =>
        sampleLatents(
          base,
          loras.of,
          {
            prompt: statesOf(one.prompt),
            negative: statesOf(one.negative),
            width,
            height,
            steps,
            guidance,
            guidedTogether: economy.guidedTogether,
            sampler: samplerOf(one),
            vPrediction: request.vPrediction ?? false,
            zeroTerminalSnr: request.zeroTerminalSnr ?? false,
            noise: sampleNoise(seed, width, height, base.unet.config.inChannels),
          },
          (done, total) => tell({ kind: 'progress', picture, done, total }),
          stop,
        ),
      );
      stop.throwIfAborted();
      const rgba = toRgba(await decodeLatents(base.vae, latents, width, height, economy.decodeTile));
      checkGpu();
      yield { kind: 'picture', picture, width, height, rgba };
    }
  } finally {
    loras.dispose();
  }
}

interface Prompt {
  text: string;
  tokens: PromptTokens;
}

/** What is encoded for these pictures, each once. */
function promptsOf(
  pictures: readonly { prompt: string; negative: string; tokens: PromptTokens }[],
  clipSkip: number,
): [string, Prompt][] {
  const all = pictures.flatMap(({ prompt, negative, tokens }) =>
    [prompt, negative].map((text): [string, Prompt] => [promptKey(clipSkip, text, tokens), { text, tokens }]),
  );
  return [...new Map(all)];
}

function promptKey(clipSkip: number, text: string, tokens: PromptTokens): string {
  return `${clipSkip} ${textKey(text, tokens)}`;
}

function missing(text: string): never {
  throw new Error(`The prompt "${text}" was not encoded.`);
}

/** Whatever failed, memory that ran out is why; the news of it may come after the failure. The device is given back then. */
async function ranOut(error: unknown): Promise<boolean> {
  const open = openGpu();
  if (!open) return false;
  await open.device.queue.onSubmittedWorkDone().catch(() => undefined);
  if (!open.outOfMemory && !(error instanceof OutOfMemoryError)) return false;
  releaseBase();
  return true;
}

function check(picture: PictureRequest): void {
  const { width, height, steps, guidance, seed } = picture;
  samplerOf(picture);
  const side = (value: number) => Number.isInteger(value / 64) && value >= 64 && value <= 2048;
  if (!side(width) || !side(height)) {
    throw new DrawRequestError(
      'size',
      { width, height },
      `A picture of ${width} x ${height} cannot be drawn: both sides must be multiples of 64, from 64 to 2048.`,
    );
  }
  if (!Number.isInteger(steps) || steps < 1 || steps > 1000 || !(guidance >= 1 && guidance <= 30)) {
    throw new DrawRequestError(
      'steps',
      { steps, guidance },
      `${steps} steps at guidance ${guidance} cannot be drawn: give 1 to 1000 steps and a guidance from 1 to 30.`,
    );
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new DrawRequestError('seed', { seed }, `The seed ${seed} must be a whole number from 0 on.`);
  }
}

function samplerOf({ sampler }: PictureRequest): Sampler {
  const known = SAMPLERS.find((name) => name === sampler);
  if (!known) {
    throw new DrawRequestError(
      'sampler',
      { sampler },
      `There is no sampler "${sampler}"; choose one of ${SAMPLERS.join(', ')}.`,
    );
  }
  return known;
}

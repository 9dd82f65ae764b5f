/**
 * Pictures as the page asks for them: a base model, any number of LoRA files at their weights, prompts. The base model
 * stays on the GPU between calls (kept_base.ts). What a picture is made by is sample.ts.
 */
import { fromBlob } from '../../formats/safetensors/byte_source';
import { makeTokenizer } from '../../formats/captions/tokenizer';
import type { Tier } from '../../kernels/device';
import type { EngineFacts } from '../../protocol/engine_errors';
import type { DrawEvent, DrawRequest, PictureRequest } from '../../protocol/trainer';
import { applyLoras } from './apply_loras';
import { captionIds, encodeCaption } from '../data/dataset';
import { keptBase, throwIfLost, type KeptBase } from '../step/kept_base';
import { reporting } from '../step/reporting';
import { decodeLatents, sampleLatents, sampleNoise, toRgba } from './sample';
import { textsOf } from './sample_texts';
import { SAMPLERS, type Sampler } from './samplers';
import { configOf } from '../step/base_model';

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

/**
 * Yields progress and the pictures, in order. Of two calls the second waits for the first. `signal` stops between two
 * steps, with the signal's reason; nothing but the base model is left on the GPU. Throws `DrawRequestError`, what
 * `applyLoras` and `loadBaseModel` throw, and `GpuUnavailableError`.
 */
export async function* runDraw(
  request: DrawRequest,
  signal?: AbortSignal,
  options: { tier?: Tier } = {},
): AsyncGenerator<DrawEvent, void> {
  for (const picture of request.pictures) check(picture);
  const before = latest;
  let finish: () => void = () => {};
  latest = new Promise((resolve) => (finish = resolve));
  try {
    await before;
    signal?.throwIfAborted();
    yield* draw(request, signal, options);
  } catch (error) {
    throwIfLost();
    throw error;
  } finally {
    finish();
  }
}

async function* draw(
  request: DrawRequest,
  signal: AbortSignal | undefined,
  options: { tier?: Tier },
): AsyncGenerator<DrawEvent, void> {
  const { base, lost } = yield* reporting<DrawEvent, KeptBase>((tell) =>
    keptBase(request.base.map(fromBlob), {
      ...options,
      ...(signal ? { signal } : {}),
      onProgress: (done, total) => tell({ kind: 'load', done, total }),
    }),
  );
  const stop = signal ? AbortSignal.any([signal, lost]) : lost;
  const tokenizer = makeTokenizer(request.merges, base.text1.config.vocabulary);
  const loras = await applyLoras(
    configOf(base),
    request.loras.map(({ file, weight }) => ({ source: fromBlob(file), weight })),
  );
  try {
    for (const [picture, wanted] of request.pictures.entries()) {
      const { width, height, seed, steps, guidance } = wanted;
      const { tokens } = textsOf(tokenizer, wanted);
      const encode = (text: string) =>
        encodeCaption(base, captionIds(tokenizer, text, tokens), request.clipSkip ?? 1, loras.of);
      const [prompt, negative] = [await encode(wanted.prompt), await encode(wanted.negative)];
      const latents = yield* reporting<DrawEvent, Float32Array>((tell) =>
        sampleLatents(
          base,
          loras.of,
          {
            prompt,
            negative,
            width,
            height,
            steps,
            guidance,
            sampler: samplerOf(wanted),
            vPrediction: request.vPrediction ?? false,
            zeroTerminalSnr: request.zeroTerminalSnr ?? false,
            noise: sampleNoise(seed, width, height, base.unet.config.inChannels),
          },
          (done, total) => tell({ kind: 'progress', picture, done, total }),
          stop,
        ),
      );
      stop.throwIfAborted();
      const rgba = toRgba(await decodeLatents(base.vae, latents, width, height));
      yield { kind: 'picture', picture, width, height, rgba };
    }
  } finally {
    loras.dispose();
  }
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

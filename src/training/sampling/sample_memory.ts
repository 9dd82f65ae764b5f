/**
 * What drawing a picture takes of the GPU, found as a run's memory is (plan/memory.ts): by walking the drawing's own code
 * with made-up buffers. Pictures of a run under way and those drawn on demand go by the same.
 */
import * as tf from '@tensorflow/tfjs';
import { BufferTooLargeError } from '../../kernels/buffers';
import { reserve, simulate, trim } from '../../kernels/program';
import { Recorder } from '../../kernels/recording';
import type { VaeConfig } from '../../models/config';
import type { Lora } from '../../kernels/lora/lora';
import { unet } from '../../models/unet';
import { vaeDecode } from '../../models/vae';
import type { PartName } from '../../formats/families/family_facts';
import {
  disposeParts,
  reserveParts,
  textModels,
  type BaseModel,
  type BaseModelConfig,
  type BaseParts,
} from '../step/base_model';
import { PromptInputs } from '../step/prompts';
import { tileSides } from './sample';

/** Pixels. */
export interface PictureSize {
  width: number;
  height: number;
}

export interface SampleEconomy {
  /** The prompt and the negative prompt in one pass, not one after the other. */
  guidedTogether: boolean;
  /** The side, in latents, of the largest square that is decoded at once; 0 where nothing is drawn. */
  decodeTile: number;
}

/** Peaks in bytes, with all that stays on the GPU meanwhile. */
export interface SampleWalks {
  drawing: (guidedTogether: boolean) => number;
  decoding: (tile: number) => number;
}

/** The fastest way that is within what is allowed; the smallest where none is. */
export function sampleEconomy(
  vae: VaeConfig,
  picture: PictureSize,
  walks: SampleWalks,
  allowed: number,
): SampleEconomy & { bytes: number } {
  const guidedTogether = fits(() => walks.drawing(true), allowed);
  const sides = tileSides(vae, picture.width, picture.height);
  const decodeTile = sides.find((side) => walks.decoding(side) <= allowed) ?? sides[sides.length - 1];
  const bytes = Math.max(walks.drawing(guidedTogether), walks.decoding(decodeTile));
  return { guidedTogether, decodeTile, bytes };
}

/** Whether it is within what is allowed, and can be bound. */
function fits(bytes: () => number, allowed: number): boolean {
  try {
    return bytes() <= allowed;
  } catch (error) {
    if (error instanceof BufferTooLargeError) return false;
    throw error;
  }
}

/** Walks through one step of a picture, with guidance: two passes of the U-Net, in one batch or one after the other. */
export function walkDrawing(
  base: BaseParts<'unet'>,
  lora: ((path: string) => Lora | undefined) | undefined,
  { width, height }: PictureSize,
  guidedTogether: boolean,
): void {
  const { weights, blocks, config } = base.unet;
  const at = guidedTogether ? 2 : 1;
  const x = reserve([at, height / 8, width / 8, config.inChannels], 'float32', 'sample');
  const t = reserve([at], 'float32', 'sample');
  const context = reserve([at, 77, config.contextChannels], 'float32', 'sample');
  const added = config.addChannels > 0 ? reserve([at, config.addChannels], 'float32', 'sample') : undefined;
  const recorder = new Recorder();
  try {
    recorder.run(() => void unet({ weights, ...(lora ? { lora } : {}) }, blocks, x, t, context, added));
  } finally {
    recorder.dispose();
    tf.dispose([x, t, context, ...(added ? [added] : [])]);
    // As sampleLatents does at its end.
    trim();
  }
}

/** Walks through the encoding of a prompt of so many chunks. */
export function walkEncoding(
  base: Partial<BaseModel>,
  config: BaseModelConfig,
  chunks: number,
  clipSkip: number,
): void {
  const { family } = config;
  const inputs = new PromptInputs(family, config, 1, chunks, 'captions');
  try {
    tf.tidy(() => void family.encode(textModels(base), config, inputs.with(clipSkip)));
  } finally {
    inputs.dispose();
  }
}

/** Walks through the decoding of a picture, or of one tile of it. */
export function walkDecoding(
  { vae }: Partial<Pick<BaseModel, 'vae'>>,
  { width, height }: PictureSize,
  tile: number,
): void {
  if (!vae) throw new Error('A picture is to be decoded, but the VAE is not loaded.');
  const [h, w] = [Math.min(tile, height / 8), Math.min(tile, width / 8)];
  const latents = reserve([1, h, w, vae.config.latentChannels], 'float32', 'sample');
  try {
    tf.tidy(() => void vaeDecode({ weights: vae.weights }, vae.config, latents));
  } finally {
    latents.dispose();
    trim();
  }
}

/** How pictures are drawn on demand. */
export interface DrawPlan extends SampleEconomy {
  /** The text encoders stay beside the U-Net; else they are there first, and leave before it comes. */
  textsStay: boolean;
  peakBytes: number;
}

/**
 * The fastest way to draw pictures of at most this size that stays within `budgetBytes`; the least there is where none does.
 * `loraBytes` are those of the LoRAs, which are on the GPU all along; `chunks` the prompts' length, each of 75 tokens.
 */
export function drawPlan(
  config: BaseModelConfig,
  picture: PictureSize,
  { loraBytes, chunks, budgetBytes }: { loraBytes: number; chunks: number; budgetBytes: number },
): DrawPlan {
  const { texts } = config.family;
  const peak = (parts: readonly PartName[], work: (base: Partial<BaseModel>) => void) =>
    loraBytes +
    simulate(() => {
      const base = reserveParts(config, parts, 'decoder');
      try {
        work(base);
      } finally {
        disposeParts(base);
      }
    }).peakBytes;
  const drawn: PartName[] = ['unet', 'vae'];
  const beside = peak(texts, () => undefined) - loraBytes;
  const alone: SampleWalks = {
    drawing: remembered((together) =>
      peak(drawn, ({ unet, family, schedule }) => {
        if (unet && family && schedule) walkDrawing({ unet, family, schedule }, undefined, picture, together);
      }),
    ),
    decoding: remembered((tile) => peak(drawn, (base) => walkDecoding(base, picture, tile))),
  };
  const encoding = (parts: readonly PartName[]) =>
    peak(parts, (base) => {
      try {
        walkEncoding(base, config, chunks, 1);
      } finally {
        trim();
      }
    });
  const together: SampleWalks = {
    drawing: (guided) => alone.drawing(guided) + beside,
    decoding: (tile) => alone.decoding(tile) + beside,
  };
  const least = sampleEconomy(config.vae, picture, together, 0);
  const atOnce = Math.max(encoding([...texts, ...drawn]), least.bytes);
  const textsStay = atOnce <= budgetBytes;
  const before = textsStay ? atOnce : encoding(texts);
  const walks = textsStay ? together : alone;
  const allowed = Math.max(budgetBytes, before, walks.drawing(false));
  const { bytes, ...economy } = sampleEconomy(config.vae, picture, walks, allowed);
  return { ...economy, textsStay, peakBytes: Math.max(before, bytes) };
}

/** Asks `work` once a key. */
export function remembered<K, V>(work: (key: K) => V): (key: K) => V {
  const known = new Map<K, { value: V }>();
  return (key) => {
    const found = known.get(key) ?? { value: work(key) };
    known.set(key, found);
    return found.value;
  };
}

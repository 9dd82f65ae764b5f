/**
 * Pictures to latents, once: x0 = scaling x a sample of the VAE's posterior (the scaling is the family's), kept on the host (64 KiB a picture at
 * 512 px). One sample is frozen for the whole run, as kohya's latent cache does.
 */
import type { EngineFacts } from '../../protocol/engine_errors';
import * as tf from '@tensorflow/tfjs';
import { gpu, inFullPrecision } from '../../kernels/device';
import { read } from '../../kernels/program';
import { vaeEncode } from '../../models/vae';
import type { BaseModel } from '../step/base_model';

export class NonFiniteLatentsError extends Error {
  override readonly name = 'NonFiniteLatentsError';
  readonly code = 'latents';
  readonly facts: EngineFacts['NonFiniteLatentsError']['latents'];
  constructor(picture: string) {
    super(
      `${picture}: the VAE gave values that are not finite. Remove the picture, or use a base model with a repaired VAE.`,
    );
    this.facts = { picture };
  }
}

export interface Pixels {
  /** [H, W, 3] in [-1, 1]. */
  values: Float32Array;
  width: number;
  height: number;
}

/**
 * The posterior [H/8, W/8, 2 x 4] of one picture: mean, then log-variance (not clamped). What overflows in f16 is done
 * again in f32. Throws `NonFiniteLatentsError` if that gives no latents either.
 */
export async function encodeMoments(
  vae: BaseModel['vae'],
  pixels: Pixels,
  name: string,
): Promise<Float32Array> {
  const { latentChannels, precision } = vae.config;
  const halves = gpu().f16 && precision === 'half';
  const moments = await encode(vae, pixels, !halves);
  if (usable(moments, latentChannels)) return moments;
  if (halves) {
    const again = await encode(vae, pixels, true);
    if (usable(again, latentChannels)) return again;
  }
  throw new NonFiniteLatentsError(name);
}

/** Latents [H/8, W/8, 4] of one picture; `eps` [H/8, W/8, 4] is the posterior's noise. */
export async function encodeLatents(
  vae: BaseModel['vae'],
  pixels: Pixels,
  eps: Float32Array,
  name: string,
): Promise<Float32Array> {
  const { latentChannels, scaling } = vae.config;
  return posteriorSample(await encodeMoments(vae, pixels, name), eps, latentChannels, scaling);
}

/** A variance without bounds is clamped; a mean is not. */
function usable(moments: Float32Array, channels: number): boolean {
  return moments.every(
    (value, i) => Number.isFinite(value) || (i % (2 * channels) >= channels && !Number.isNaN(value)),
  );
}

/** moments [..., mean 4 | logvar 4], eps [..., 4] -> scaling x (mean + exp(logvar / 2) eps). */
export function posteriorSample(
  moments: Float32Array,
  eps: Float32Array,
  channels: number,
  scaling: number,
): Float32Array {
  return Float32Array.from(eps, (e, i) => {
    const at = Math.floor(i / channels) * 2 * channels + (i % channels);
    const logVariance = Math.min(20, Math.max(-30, moments[at + channels]));
    return scaling * (moments[at] + Math.exp(0.5 * logVariance) * e);
  });
}

async function encode(
  vae: BaseModel['vae'],
  { values, width, height }: Pixels,
  fullPrecision: boolean,
): Promise<Float32Array> {
  const run = () =>
    tf.tidy(() =>
      vaeEncode({ weights: vae.weights }, vae.config, tf.tensor4d(values, [1, height, width, 3])),
    );
  const moments = fullPrecision && gpu().f16 ? inFullPrecision(run) : run();
  const host = await read(moments);
  moments.dispose();
  return host;
}

/**
 * What the VAE says of pictures, kept between runs, so that a second one begins at once. Kept are the posterior's mean and
 * deviation and not a sample of it: they hang neither on the seed nor on the picture's place in the list. An entry's name is
 * a digest of all that they do hang on; its first bytes are a digest of the rest, so that a damaged one is noticed.
 */
import { sha256Hex } from '../../formats/safetensors/sha256';
import type { Placement } from '../../formats/dataset/buckets';
import { gpu } from '../../kernels/device';
import { vaeHalf } from '../../models/vae';
import type { BaseModelPlan } from '../step/base_model';
import { bytesOf, shapeOf } from '../step/located';

/** 2000 pictures of 1024 px, 8000 of 512. */
export const MOST_KEPT_BYTES = 1e9;

/** By content of all that pictures are encoded with. Reads the VAE's encoder from its file. */
export async function encoderDigest({
  tensors,
  vae,
}: Pick<BaseModelPlan, 'tensors' | 'vae'>): Promise<string> {
  const lines: string[] = [];
  for (const [name, at] of [...tensors.vae].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (vaeHalf(name) === 'encoder') {
      const digest = await sha256Hex(new Uint8Array(await bytesOf(at)));
      lines.push(`${name} ${at.entry.dtype} ${shapeOf(at).join('x')} ${digest}`);
    }
  return textDigest([vae.precision, ...lines]);
}

/** What an entry is called: `picture` is the digest of its file, `side` 1 for the mirrored one. */
export function entryName(
  encoder: string,
  picture: string,
  placement: Placement,
  side: number,
): Promise<string> {
  const { adapter, tier, tuning } = gpu();
  const { bucket, resized, crop } = placement;
  // Other adapters, tiers and ways to cut and compute products give other bits.
  const computed = tuning ? [tuning.multiprocessors ?? null, tuning.math ?? null] : [];
  return textDigest([FORMAT, encoder, picture, bucket, resized, crop, side, tier, adapter, ...computed]);
}

export async function packed(moments: Float32Array): Promise<Uint8Array<ArrayBuffer>> {
  const payload = new Uint8Array(moments.slice().buffer);
  const all = new Uint8Array(DIGEST + payload.length);
  all.set(new TextEncoder().encode(await sha256Hex(payload)));
  all.set(payload, DIGEST);
  return all;
}

/** `count` values; undefined where the entry is damaged. */
export async function unpacked(
  entry: Uint8Array<ArrayBuffer>,
  count: number,
): Promise<Float32Array | undefined> {
  const payload = entry.slice(DIGEST);
  if (payload.length !== 4 * count) return undefined;
  const said = new TextDecoder().decode(entry.subarray(0, DIGEST));
  return said === (await sha256Hex(payload)) ? new Float32Array(payload.buffer) : undefined;
}

const FORMAT = 1;
/** Hex digits. */
const DIGEST = 64;

function textDigest(facts: unknown): Promise<string> {
  return sha256Hex(new TextEncoder().encode(JSON.stringify(facts)));
}

/**
 * Pictures to latents, before the U-Net arrives: those that an earlier run left on the disk are taken from there, and the
 * VAE is loaded only where some are missing.
 */
import type { EngineFacts } from '../../protocol/engine_errors';
import type { LatentStore, ToldError, TrainEvent } from '../../protocol/trainer';
import { trim } from '../../kernels/program';
import { cacheLatents, momentsBy, sidesOf, type CachedImage } from '../data/dataset';
import { encoderDigest, entryName, MOST_KEPT_BYTES, packed, unpacked } from '../data/kept_latents';
import { loadParts } from '../step/base_model';
import { loadedPart, type Encoding } from './encode_texts';

/** Where latents are kept, and the digest of each picture's file (null where it is not known: it is encoded anew). */
export interface Keeping {
  store: LatentStore;
  digests: readonly (string | null)[];
}

export async function* encodePictures(
  encoding: Encoding,
  keeping?: Keeping,
  /** Captions were encoded just before: the phase is the same one. */
  begun = false,
): AsyncGenerator<TrainEvent, CachedImage[]> {
  const { config, plan, images, signal } = encoding;
  const sides = sidesOf(config);
  const names = keeping ? await namesOf(encoding, keeping) : new Map<string, string>();
  const found = new Map<string, Float32Array>();
  let damaged = 0;
  if (keeping)
    for (const [key, name] of names) {
      signal?.throwIfAborted();
      const entry = await keeping.store.read(name);
      const moments = entry && (await unpacked(entry, valuesOf(encoding, key)));
      if (moments) found.set(key, moments);
      else if (entry) damaged++;
    }
  if (damaged > 0) yield { kind: 'note', ...damagedTold(damaged) };
  const whole = images.map((_, index) => sides.every((side) => found.has(keyOf(index, side))));
  const missing = whole.filter((each) => !each).length;
  if (missing < images.length) yield { kind: 'note', ...foundTold(images.length - missing, images.length) };

  const cached: CachedImage[] = [];
  const parts =
    missing === 0
      ? undefined
      : yield* loadedPart(signal, (options) => loadParts(plan, ['vae'], { ...options, vae: 'encoder' }));
  const fromVae = parts && momentsBy(parts.vae, images);
  /** Pictures of which something could not be kept. */
  const lost = new Set<number>();
  let encoded = 0;
  const moments = async (index: number, side: number): Promise<Float32Array> => {
    const key = keyOf(index, side);
    const kept = found.get(key);
    // Of a large set they are as much again as the latents.
    found.delete(key);
    if (kept) return kept;
    if (!fromVae) throw new Error('The VAE is not loaded.');
    const made = await fromVae(index, side);
    const name = names.get(key);
    if (keeping && name && !(await keeping.store.write(name, await packed(made)))) lost.add(index);
    return made;
  };
  try {
    if (!begun && missing > 0) yield { kind: 'phase', phase: 'encode' };
    for await (const [index, image] of cacheLatents(plan.vae, images, config, moments)) {
      signal?.throwIfAborted();
      cached[index] = image;
      if (whole[index]) continue;
      encoded++;
      yield { kind: 'progress', phase: 'encode', done: encoded, total: missing, unit: 'images' };
    }
  } finally {
    parts?.vae.weights.dispose();
    trim();
  }
  if (lost.size > 0) yield { kind: 'note', ...lostTold(lost.size, images.length) };
  await keeping?.store.shrink(new Set(names.values()), MOST_KEPT_BYTES);
  return cached;
}

/** The entry of each side of each picture whose file is known; as many as may be kept. */
async function namesOf(encoding: Encoding, { digests }: Keeping): Promise<Map<string, string>> {
  const { config, plan, images } = encoding;
  const names = new Map<string, string>();
  const encoder = await encoderDigest(plan);
  let bytes = 0;
  for (const [index, { placement }] of images.entries()) {
    const digest = digests[index];
    if (digest === null || digest === undefined) continue;
    for (const side of sidesOf(config)) {
      const key = keyOf(index, side);
      bytes += 4 * valuesOf(encoding, key);
      if (bytes > MOST_KEPT_BYTES) return names;
      names.set(key, await entryName(encoder, digest, placement, side));
    }
  }
  return names;
}

function keyOf(index: number, side: number): string {
  return `${index}/${side}`;
}

/** Of the moments of a picture. */
function valuesOf({ images, plan }: Encoding, key: string): number {
  const [width, height] = images[Number(key.split('/')[0])].bucket;
  return (width / 8) * (height / 8) * 2 * plan.vae.latentChannels;
}

function foundTold(found: number, pictures: number): ToldError {
  const facts: EngineFacts['KeptLatents']['found'] = { found, pictures };
  return {
    sentence: `The latents of ${found} of ${pictures} pictures are there from an earlier run and are not computed again.`,
    error: { name: 'KeptLatents', code: 'found', facts },
  };
}

function damagedTold(count: number): ToldError {
  const facts: EngineFacts['KeptLatents']['damaged'] = { count };
  return {
    sentence: `${count} of the latents kept from an earlier run are damaged and are computed again.`,
    error: { name: 'KeptLatents', code: 'damaged', facts },
  };
}

function lostTold(lost: number, pictures: number): ToldError {
  const facts: EngineFacts['KeptLatents']['lost'] = { lost, pictures };
  return {
    sentence: `The latents of ${lost} of ${pictures} pictures could not be kept, so the next run computes them again: the room is full, or may not be written.`,
    error: { name: 'KeptLatents', code: 'lost', facts },
  };
}

/**
 * Which phrases a picture's embedding speaks for. An exclusive slot is a softmax over its phrases and stays blank
 * without a clear lead; a multi slot compares each phrase with its usual score, because CLIP finds some words
 * ("magical") near every picture. Template averaging and hubs: Allingham et al. 2023 (arXiv 2302.06235).
 */
import { cosine, type Embedding } from './embedding';
import type { ExclusiveSlot, MultiSlot, Slot } from './vocabulary/slot';

export interface Ranked {
  readonly slot: string;
  readonly phrase: string;
  /** 0 to 1: the softmax's probability, or how sure it is that the phrase is above its usual score. */
  readonly confidence: number;
}

/** A phrase's usual cosine. */
export interface Usual {
  readonly mean: number;
  readonly deviation: number;
}

export interface EmbeddedSlot<S extends Slot = Slot> {
  readonly slot: S;
  /** One for each phrase of the slot, in order. */
  readonly embeddings: readonly Embedding[];
  /** Of multi slots, from `usualOf`; without it a multi slot stays blank. */
  readonly usual?: readonly Usual[];
}

/** Cosine above which two phrases say the same. */
const samePhrase = 0.9;
/** Fewer pictures tell no usual score. */
const minReference = 8;
/** Keeps a set of nearly equal pictures from making much of little; real phrases vary by 0.01 to 0.02. */
const minDeviation = 0.004;

/**
 * What each slot says of the picture, surest first. `logitScale` is the model's own, as multiplied (100 for OpenAI's),
 * not its logarithm.
 */
export function rank(picture: Embedding, slots: readonly EmbeddedSlot[], logitScale: number): Ranked[] {
  const found = slots.flatMap(({ slot, embeddings, usual }) => {
    if (embeddings.length !== slot.phrases.length) {
      throw new RangeError(
        `${embeddings.length} embeddings for ${slot.phrases.length} phrases of ${slot.name}.`,
      );
    }
    return slot.kind === 'exclusive'
      ? exclusive(picture, { slot, embeddings }, logitScale)
      : several(picture, { slot, embeddings, usual });
  });
  return found.sort((a, b) => b.confidence - a.confidence);
}

/** An exclusive slot's likeliest phrases with their probabilities, lead or no lead: the chips a person picks from. */
export function candidates(
  picture: Embedding,
  { slot, embeddings }: EmbeddedSlot<ExclusiveSlot>,
  logitScale: number,
  count = 5,
): Ranked[] {
  const scores = embeddings.map((phrase) => cosine(picture, phrase));
  const probability = softmax(scores.map((score) => logitScale * score));
  // By score: far phrases' probabilities all become 0.
  return slot.phrases
    .map((phrase, i) => ({
      score: scores[i],
      ranked: { slot: slot.name, phrase, confidence: probability[i] },
    }))
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ ranked }) => ranked);
}

/** Each phrase's usual score over the reference pictures; undefined if they are too few to tell. */
export function usualOf(
  pictures: readonly Embedding[],
  phrases: readonly Embedding[],
): readonly Usual[] | undefined {
  if (pictures.length < minReference) return undefined;
  return phrases.map((phrase) => {
    const scores = pictures.map((picture) => cosine(picture, phrase));
    const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
    const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length;
    return { mean, deviation: Math.sqrt(variance) };
  });
}

function exclusive(picture: Embedding, embedded: EmbeddedSlot<ExclusiveSlot>, logitScale: number): Ranked[] {
  const { minMargin, most = 1 } = embedded.slot;
  // One phrase alone would always have probability 1: that is no question, and the loop has nothing to ask.
  const found = candidates(picture, embedded, logitScale, most + 1);
  for (let n = 1; n < found.length; n++) {
    if (found[n - 1].confidence - found[n].confidence < minMargin) continue;
    const said = found.slice(0, n);
    if (sharesWord(said)) return [];
    // Of n things side by side each has an n-th of the probability at best.
    return said.map((each) => ({ ...each, confidence: Math.min(1, n * each.confidence) }));
  }
  return [];
}

function sharesWord(said: readonly Ranked[]): boolean {
  const words = said.flatMap(({ phrase }) => [...new Set(phrase.split(' '))]);
  return new Set(words).size < words.length;
}

function several(picture: Embedding, { slot, embeddings, usual }: EmbeddedSlot<MultiSlot>): Ranked[] {
  if (!usual) return [];
  const scores = embeddings.map((phrase) => cosine(picture, phrase));
  // Among many phrases some stand out by chance: one must also be near this picture as phrases go.
  const middle = [...scores].sort((a, b) => a - b)[Math.floor(scores.length / 2)];
  const order = scores
    .map((score, i) => ({
      i,
      score,
      z: (score - usual[i].mean) / Math.max(usual[i].deviation, minDeviation),
    }))
    .filter(({ score, z }) => z >= slot.minZ && score >= middle)
    .sort((a, b) => b.z - a.z);

  const taken: { i: number; z: number }[] = [];
  for (const { i, z } of order) {
    if (taken.length >= slot.most) break;
    if (taken.every((other) => cosine(embeddings[i], embeddings[other.i]) <= samePhrase))
      taken.push({ i, z });
  }
  return taken.map(({ i, z }) => ({ slot: slot.name, phrase: slot.phrases[i], confidence: normalCdf(z) }));
}

function softmax(logits: readonly number[]): number[] {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((logit) => Math.exp(logit - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** Share of a normal distribution below z, to 0.01: enough for a bar on a chip. */
function normalCdf(z: number): number {
  return 1 / (1 + Math.exp(-1.702 * z));
}

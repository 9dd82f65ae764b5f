/**
 * Embeddings of the vocabulary's phrases: made once a model, kept under the digest of the sentences they are made
 * from, so that a changed word is made anew and nothing else. A person's own terms are made when they first occur.
 */
import { sha256Hex } from '../formats/safetensors/sha256';
import { kept, type EmbeddingCache } from './cache';
import { meanDirection, type Embedding } from './embedding';
import type { TextTower } from './text_tower';
import { promptsOf } from './vocabulary';
import type { Slot } from './vocabulary/slot';

export class Phrases {
  private readonly known = new Map<string, Embedding>();

  constructor(private readonly text: TextTower) {}

  /** Embeds all phrases of the slots, or finds them kept. `onProgress` counts phrases. */
  async learn(
    slots: readonly Slot[],
    model: string,
    cache: EmbeddingCache | undefined,
    onProgress: (done: number, total: number) => void,
  ): Promise<void> {
    const total = slots.reduce((sum, slot) => sum + slot.phrases.length, 0);
    let done = 0;
    onProgress(0, total);
    for (const slot of slots) {
      const { dimensions } = this.text;
      const prompts = slot.phrases.map((phrase) => promptsOf(slot, phrase));
      const count = prompts.length;
      const numbers = await kept(
        cache,
        model,
        `phrases ${await sha256Hex(new TextEncoder().encode(JSON.stringify(prompts)))}`,
        (found) => found.length === count * dimensions,
        async () => {
          const made = await this.embed(prompts, (part) =>
            onProgress(done + Math.floor(part * count), total),
          );
          return joined(made, dimensions);
        },
      );
      slot.phrases.forEach((phrase, i) => {
        this.known.set(keyOf(slot, phrase), numbers.slice(i * dimensions, (i + 1) * dimensions));
      });
      done += count;
      onProgress(done, total);
    }
  }

  /** One for each phrase of the slot, in order; those not known yet are made on the spot. */
  async of(slot: Slot): Promise<Embedding[]> {
    const missing = slot.phrases.filter((phrase) => !this.known.has(keyOf(slot, phrase)));
    if (missing.length > 0) {
      const made = await this.embed(missing.map((phrase) => promptsOf(slot, phrase)));
      missing.forEach((phrase, i) => this.known.set(keyOf(slot, phrase), made[i]));
    }
    return slot.phrases.flatMap((phrase) => this.known.get(keyOf(slot, phrase)) ?? []);
  }

  /** The mean direction of each phrase's prompts. */
  private async embed(
    prompts: readonly (readonly string[])[],
    onShare?: (share: number) => void,
  ): Promise<Embedding[]> {
    const all = prompts.flat();
    const embeddings = await this.text.embed(all, (done) => onShare?.(done / all.length));
    let at = 0;
    return prompts.map(({ length }) => meanDirection(embeddings.slice(at, (at += length))));
  }
}

function keyOf(slot: Slot, phrase: string): string {
  return `${slot.name}\n${phrase}`;
}

function joined(embeddings: readonly Embedding[], dimensions: number): Float32Array {
  const all = new Float32Array(embeddings.length * dimensions);
  embeddings.forEach((embedding, i) => all.set(embedding, i * dimensions));
  return all;
}

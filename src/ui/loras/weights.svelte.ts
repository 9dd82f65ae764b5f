/** With what weight each LoRA on the shelf goes into what is made of several: as typed, and as it is meant. */
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { MergedLora } from '../../protocol/lora_tools';
import { loraShelf, type ShelfLora } from '../project/lora_shelf.svelte';
import { meant, type TypedWeights } from './typed_weights';

const usual: TypedWeights = { unet: '1', te: '1', blocks: {} };

export class Weights {
  readonly #typed = new SvelteMap<string, TypedWeights>();
  /** Those that are left out: what is laid out is used. */
  readonly #out = new SvelteSet<string>();

  of(id: string): TypedWeights {
    return this.#typed.get(id) ?? usual;
  }
  set(id: string, patch: Partial<TypedWeights>): void {
    this.#typed.set(id, { ...this.of(id), ...patch });
  }
  uses(id: string): boolean {
    return !this.#out.has(id);
  }
  use(id: string, on: boolean): void {
    if (on) this.#out.delete(id);
    else this.#out.add(id);
  }

  get used(): readonly ShelfLora[] {
    return loraShelf.files.filter(({ id }) => this.uses(id));
  }
  /** Undefined where a weight is no number. */
  get merged(): readonly MergedLora[] | undefined {
    const list: MergedLora[] = [];
    for (const { id, name, file } of this.used) {
      const weights = meant(this.of(id));
      if (!weights) return undefined;
      list.push({ file, name, weights });
    }
    return list;
  }
}

export const weights = new Weights();

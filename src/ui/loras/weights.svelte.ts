/** With what weight each LoRA on the shelf goes into what is made of several: as typed, and as it is meant. */
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { LoraWeights, MergedLora } from '../../protocol/lora_tools';
import { loraShelf, type ShelfLora } from '../project/lora_shelf.svelte';

/** As typed. A block that is empty has the weight of its part. */
export interface TypedWeights {
  readonly unet: string;
  readonly te: string;
  readonly blocks: Readonly<Record<string, string>>;
}

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

export function meant({ unet, te, blocks }: TypedWeights): LoraWeights | undefined {
  const typed = {
    unet,
    te,
    ...Object.fromEntries(Object.entries(blocks).filter(([, text]) => text.trim() !== '')),
  };
  const by = new Map(Object.entries(typed).map(([place, text]) => [place, numberIn(text)] as const));
  const read = new Map<string, number>();
  for (const [place, value] of by) {
    if (value === undefined) return undefined;
    read.set(place, value);
  }
  return { all: 1, by: read };
}

/** '0.8', '0,8', '-1'; undefined for what is no number. */
export function numberIn(text: string): number | undefined {
  const value = Number(text.trim().replace(',', '.'));
  return text.trim() === '' || !Number.isFinite(value) ? undefined : value;
}

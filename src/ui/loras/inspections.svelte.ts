/** What was found in the LoRA files that lie on the shelf; each is read once. */
import { SvelteMap } from 'svelte/reactivity';
import type { InspectedLora } from '../../protocol/lora_tools';
import { withLoraWorker } from '../engine/lora_worker';
import { hearing } from '../engine/open_worker';
import type { ShelfLora } from '../project/lora_shelf.svelte';
import { sentenceOf } from '../sentence';

export type Inspection =
  | { readonly state: 'reading'; readonly done: number; readonly total: number }
  | { readonly state: 'read'; readonly lora: InspectedLora }
  | { readonly state: 'failed'; readonly sentence: string };

class Inspections {
  readonly #known = new SvelteMap<string, Inspection>();
  /** One after the other: each may take some hundred MB. */
  #last: Promise<unknown> = Promise.resolve();

  of(id: string): Inspection | undefined {
    return this.#known.get(id);
  }

  begin({ id, file }: ShelfLora): void {
    if (this.#known.has(id)) return;
    this.#known.set(id, { state: 'reading', done: 0, total: 0 });
    const progress = (done: number, total: number) =>
      void this.#known.set(id, { state: 'reading', done, total });
    this.#last = this.#last
      .then(() => hearing(progress, (heard) => withLoraWorker((tools) => tools.inspect(file, heard))))
      .then(
        (lora) => this.#known.set(id, { state: 'read', lora }),
        (error: unknown) => this.#known.set(id, { state: 'failed', sentence: sentenceOf(error) }),
      );
  }

  forget(id: string): void {
    this.#known.delete(id);
  }
}

export const inspections = new Inspections();

/**
 * The LoRA files that a person has laid out to look into and make others of. Any screen puts files here; the LoRA files
 * screen shows them. Gone with the page.
 */
import { studio } from '../studio.svelte';

export interface ShelfLora {
  readonly id: string;
  /** Of its file, ending included. */
  readonly name: string;
  readonly file: Blob;
}

class LoraShelf {
  files: readonly ShelfLora[] = $state.raw([]);
  #pickedId: string | undefined = $state();
  readonly picked: ShelfLora | undefined = $derived(
    this.files.find(({ id }) => id === this.#pickedId) ?? this.files[0],
  );

  /** The last one put is the one picked. A file that lies there already is only picked. */
  put(name: string, file: Blob): void {
    const id = [name, file.size, file instanceof File ? file.lastModified : ''].join(' ');
    if (!this.files.some((each) => each.id === id)) this.files = [...this.files, { id, name, file }];
    this.#pickedId = id;
  }

  pick(id: string): void {
    this.#pickedId = id;
  }

  remove(id: string): void {
    this.files = this.files.filter((each) => each.id !== id);
  }

  /** Puts it there and goes there. */
  open(name: string, file: Blob): void {
    this.put(/\.safetensors$/i.test(name) ? name : `${name}.safetensors`, file);
    studio.go('loras');
  }
}

export const loraShelf = new LoraShelf();

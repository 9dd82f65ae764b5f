/** LoRA files from the person's disk, for prompts to name: what became of each. */
import { ADAPTER_CONFIG, ADAPTER_FILE } from '../../formats/lora/adapter_config';
import { results } from './results.svelte';
import { sentenceOf } from '../sentence';

export type Added =
  | { readonly state: 'added'; readonly name: string }
  | { readonly state: 'refused'; readonly file: string; readonly sentence: string };

/** An adapter_config.json among them belongs to the adapter_model.safetensors, and is no LoRA itself. */
export function addFiles(files: Iterable<File>): Promise<Added[]> {
  const all = [...files];
  const config = all.find(({ name }) => name === ADAPTER_CONFIG);
  const beside = (file: File) => (file.name === ADAPTER_FILE ? config : undefined);
  const loras = all.some(({ name }) => name === ADAPTER_FILE) ? all.filter((file) => file !== config) : all;
  return Promise.all(
    loras.map((file) =>
      results.addFile(file, beside(file)).then(
        (name): Added => ({ state: 'added', name }),
        (error: unknown): Added => ({
          state: 'refused',
          file: file.name,
          sentence: sentenceOf(error),
        }),
      ),
    ),
  );
}

/** LoRA files from the person's disk, for prompts to name: what became of each. */
import { results } from './results.svelte';
import { sentenceOf } from '../sentence';

export type Added =
  | { readonly state: 'added'; readonly name: string }
  | { readonly state: 'refused'; readonly file: string; readonly sentence: string };

export function addFiles(files: Iterable<File>): Promise<Added[]> {
  return Promise.all(
    [...files].map((file) =>
      results.addFile(file).then(
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

/** LoRA files from the person's disk, for prompts to name: what became of each. */
import { lorasAmong, withConfig } from '../project/lora_pairs';
import { results } from './results.svelte';
import { sentenceOf } from '../sentence';

export type Added =
  | { readonly state: 'added'; readonly name: string; readonly file: File }
  | { readonly state: 'refused'; readonly file: string; readonly sentence: string };

export function addFiles(files: Iterable<File>): Promise<Added[]> {
  return Promise.all(
    lorasAmong(files).map(async (given): Promise<Added> => {
      try {
        const file = await withConfig(given);
        return { state: 'added', name: await results.addFile(file), file };
      } catch (error) {
        return { state: 'refused', file: given.file.name, sentence: sentenceOf(error) };
      }
    }),
  );
}

/** Asks whether to train on from a LoRA file that a person has. Mounted on its own: it may come from any screen. */
import { mount, unmount } from 'svelte';
import { sentenceOf } from '../sentence';
import FurtherDialog from './FurtherDialog.svelte';
import { lorasAmong, withConfig, type GivenLora } from './lora_pairs';

export async function openFurther(given: GivenLora): Promise<void> {
  const { name } = given.file;
  const told = await withConfig(given).then(
    (lora) => ({ lora }),
    (error: unknown) => ({ lora: given.file, refused: sentenceOf(error) }),
  );
  const { lora, ...refused } = told;
  const dialog = mount(FurtherDialog, {
    target: document.body,
    props: { checkpoint: { name, lora }, ...refused, onclose: () => void unmount(dialog) },
  });
}

/** The first LoRA among what was given, peft's configuration with it. */
export async function openFurtherFrom(files: Iterable<File>): Promise<void> {
  const [given] = lorasAmong(files);
  if (given) await openFurther(given);
}

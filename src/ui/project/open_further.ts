/** Asks whether to train on from a LoRA file that a person has. Mounted on its own: it may come from any screen. */
import { mount, unmount } from 'svelte';
import FurtherDialog from './FurtherDialog.svelte';

export function openFurther(file: File): void {
  const dialog = mount(FurtherDialog, {
    target: document.body,
    props: { checkpoint: { name: file.name, lora: file }, onclose: () => void unmount(dialog) },
  });
}

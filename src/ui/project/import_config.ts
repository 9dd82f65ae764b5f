/** Settings from a file of this or another trainer: opened here, or handed over by whoever was given the file. */
import { mount, unmount } from 'svelte';
import { studio } from '../studio.svelte';

/** A settings file, or a LoRA for its own metadata, that was dropped, pasted or chosen anywhere. Shows it in the settings, and asks. */
export async function importConfig(file: File): Promise<void> {
  // Of a LoRA only the header is read, whatever its size; the head of any other file is enough to see that it holds no settings.
  const isLora = file.name.toLowerCase().endsWith('.safetensors');
  const given = isLora ? file : await file.slice(0, 1_000_000).text();
  studio.go('settings');
  await showImport(given);
}

/** The empty dialog, to open a file or paste one. */
export function openImport(): Promise<void> {
  return showImport('');
}

/** The readers of other programs' files are long, and seldom wanted: they come with the dialog. */
export async function showImport(given: string | File): Promise<void> {
  const { default: ImportDialog } = await import('./ImportDialog.svelte');
  const dialog = mount(ImportDialog, {
    target: document.body,
    props: { given, onclose: () => void unmount(dialog) },
  });
}

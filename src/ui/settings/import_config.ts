/** Settings from a file of this or another trainer: opened here, or handed over by whoever was given the file. */
import { mount, unmount } from 'svelte';
import { studio } from '../studio.svelte';
import ImportDialog from './ImportDialog.svelte';

/** A settings file that was dropped, pasted or chosen anywhere. Shows it in the settings, and asks. */
export async function importConfig(file: File): Promise<void> {
  // The head of a file is enough to see that it holds no settings.
  const text = await file.slice(0, 1_000_000).text();
  studio.go('settings');
  show(text);
}

/** The empty dialog, to open a file or paste one. */
export function openImport(): void {
  show('');
}

function show(text: string): void {
  const dialog = mount(ImportDialog, {
    target: document.body,
    props: { given: text, onclose: () => void unmount(dialog) },
  });
}

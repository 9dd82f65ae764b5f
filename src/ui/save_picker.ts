/** The system's dialog of where to save a file, in browsers that have one: what is written then goes there directly. */

/** Not in TypeScript's library yet. */
interface WithSavePicker {
  showSaveFilePicker?(options: {
    suggestedName: string;
    types: { description: string; accept: Record<string, string[]> }[];
  }): Promise<FileSystemFileHandle>;
}

/** Call it from a click: the dialog needs one. `closed`: the person chose nothing; `none`: this browser has no such dialog. */
export async function whereToSave(
  suggestedName: string,
  description: string,
  accept: Record<string, string[]>,
): Promise<FileSystemFileHandle | 'closed' | 'none'> {
  const { showSaveFilePicker } = window as WithSavePicker;
  if (!showSaveFilePicker) return 'none';
  const options = { suggestedName, types: [{ description, accept }] };
  return showSaveFilePicker.call(window, options).catch((error: unknown) => {
    // The person closed the dialog. Of a write, an abort would be no wish of theirs.
    if (error instanceof DOMException && error.name === 'AbortError') return 'closed' as const;
    throw error;
  });
}

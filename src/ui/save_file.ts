/**
 * Saves a file where the person says: through the system's dialog where the browser has one, and then read back from the
 * disk; else as a download.
 */
import { sha256Hex } from '../formats/safetensors/sha256';
import { failedSave } from '../storage/failed_write';
import { saveAs } from './save_as';

export type SavedState =
  | { readonly state: 'no' }
  | { readonly state: 'saving' }
  /** `compared`: read back from the disk and found the same. */
  | { readonly state: 'saved'; readonly compared: boolean }
  | { readonly state: 'failed'; readonly sentence: string };

/** A file chosen in the dialog holds other bytes than were written to it. */
class ReadBackError extends Error {
  override name = 'ReadBackError';
}

/** Not in TypeScript's library yet. */
interface WithSavePicker {
  showSaveFilePicker?(options: {
    suggestedName: string;
    types: { description: string; accept: Record<string, string[]> }[];
  }): Promise<FileSystemFileHandle>;
}

export function hasSaveDialog(): boolean {
  return (window as WithSavePicker).showSaveFilePicker !== undefined;
}

/** Undefined if the person closed the dialog, or the browser has none. Call from a click: the dialog needs one. */
export async function choosePlace(name: string): Promise<FileSystemFileHandle | undefined> {
  const { showSaveFilePicker } = window as WithSavePicker;
  if (!showSaveFilePicker) return undefined;
  const [ending = '.safetensors'] = /\.\w+$/.exec(name) ?? [];
  try {
    return await showSaveFilePicker.call(window, {
      suggestedName: name,
      types: [{ description: ending.slice(1), accept: { 'application/octet-stream': [ending] } }],
    });
  } catch (error) {
    // The person closed the dialog. Of a write, an abort would be no wish of theirs.
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}

export async function saveFile(file: Blob, name: string, sha256: string): Promise<SavedState> {
  if (!hasSaveDialog()) {
    saveAs(file, name);
    return { state: 'saved', compared: false };
  }
  const handle = await choosePlace(name);
  if (!handle) return { state: 'no' };
  await writeTo(handle, file);
  const back = new Uint8Array(await (await handle.getFile()).arrayBuffer());
  if ((await sha256Hex(back)) !== sha256) {
    throw new ReadBackError(`${handle.name} does not read back as it was written. Save it on another disk.`);
  }
  return { state: 'saved', compared: true };
}

/** Whole, or as it was before. */
async function writeTo(handle: FileSystemFileHandle, file: Blob): Promise<void> {
  let writer: FileSystemWritableFileStream | undefined;
  try {
    writer = await handle.createWritable();
    await writer.write(file);
    await writer.close();
  } catch (error) {
    await writer?.abort().catch(() => undefined);
    throw failedSave(handle.name, file.size, error);
  }
}

/**
 * The file that a checkpoint is given away as: written with the chosen metadata, read back, verified, and only then
 * offered. Saving goes through the system's dialog where the browser has one, and is then read back from the disk too.
 */
import { saveAs } from '../save_as';
import { sha256Hex } from '../../formats/safetensors/sha256';
import type { MetadataChoice } from '../../formats/lora/private_metadata';
import type { Known, Offered } from '../../formats/reading/offered';
import { failedSave } from '../../storage/failed_write';
import type { Checkpoint } from '../../storage/runs';
import { withReader } from '../engine/reader';
import { sentenceOf } from '../sentence';

export type OfferState = { readonly state: 'checking' } | Offered;

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

export class Offer {
  now: OfferState = $state.raw({ state: 'checking' });
  saved: SavedState = $state.raw({ state: 'no' });
  #turn = 0;

  /** Makes the file anew. Of several calls only the last one counts. */
  async make(checkpoint: Checkpoint, choice: MetadataChoice, known: Known): Promise<void> {
    const turn = ++this.#turn;
    this.now = { state: 'checking' };
    this.saved = { state: 'no' };
    const { lora, name } = checkpoint;
    // All of it is read, several times over: seconds, where the rank is high.
    const made = await withReader<Offered>(async (reader) =>
      reader.offered({ lora, name }, choice, known),
    ).catch((error: unknown): Offered => ({ state: 'refused', code: 'other', sentence: sentenceOf(error) }));
    if (turn === this.#turn) this.now = made;
  }

  /** Call from a click: the dialog needs one. */
  async save(): Promise<void> {
    if (this.now.state !== 'ready') return;
    const turn = this.#turn;
    const { file, name, report } = this.now;
    this.saved = { state: 'saving' };
    const saved = await saveFile(file, name, report.sha256).catch((error: unknown): SavedState => {
      return { state: 'failed', sentence: sentenceOf(error) };
    });
    if (turn === this.#turn) this.saved = saved;
  }
}

/** Not in TypeScript's library yet. */
interface WithSavePicker {
  showSaveFilePicker?(options: {
    suggestedName: string;
    types: { description: string; accept: Record<string, string[]> }[];
  }): Promise<FileSystemFileHandle>;
}

export async function saveFile(file: Blob, name: string, sha256: string): Promise<SavedState> {
  const { showSaveFilePicker } = window as WithSavePicker;
  if (!showSaveFilePicker) {
    saveAs(file, name);
    return { state: 'saved', compared: false };
  }
  const chosen = showSaveFilePicker.call(window, {
    suggestedName: name,
    types: [{ description: 'LoRA', accept: { 'application/octet-stream': ['.safetensors'] } }],
  });
  const handle = await chosen.catch((error: unknown) => {
    // The person closed the dialog. Of a write, an abort would be no wish of theirs.
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  });
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

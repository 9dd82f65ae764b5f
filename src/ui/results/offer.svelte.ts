/**
 * The file that a checkpoint is given away as: written with the chosen metadata, read back, verified, and only then
 * offered. Saving goes through the system's dialog where the browser has one, and is then read back from the disk too.
 */
import { saveAs } from '../save_as';
import { fromBlob } from '../../formats/safetensors/byte_source';
import { sha256Hex } from '../../formats/safetensors/sha256';
import { loraNameOf } from '../../formats/captions/lora_prompt';
import { chooseMetadata, rewriteLora, type MetadataChoice } from '../../formats/lora/private_metadata';
import { readHeader } from '../../formats/safetensors/safetensors';
import {
  VerificationError,
  verifyLora,
  type LoraReport,
  type VerificationCode,
} from '../../formats/lora/verify_lora';
import { failedSave } from '../../storage/failed_write';
import type { Checkpoint } from '../../storage/runs';
import { sentenceOf } from '../sentence';

export type OfferState =
  | { readonly state: 'checking' }
  | {
      readonly state: 'ready';
      readonly file: Blob;
      readonly name: string;
      readonly report: LoraReport;
      readonly metadata: Readonly<Record<string, string>>;
    }
  | { readonly state: 'refused'; readonly code: VerificationCode | 'other'; readonly sentence: string };

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

/** What is known of the run beside its checkpoint. */
export interface Known {
  readonly trigger: string;
  /** How many layers it trained. */
  readonly modules: number | undefined;
  /** Of the base model's file. */
  readonly baseSha256: string | undefined;
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
    const made = await makeFile(checkpoint, choice, known);
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

export async function makeFile(
  { lora, name }: Pick<Checkpoint, 'lora' | 'name'>,
  choice: MetadataChoice,
  { trigger, modules, baseSha256 }: Known,
): Promise<OfferState> {
  const source = fromBlob(lora);
  try {
    const written = (await readHeader(source)).metadata;
    const full = baseSha256 === undefined ? written : { ...written, ss_new_sd_model_hash: baseSha256 };
    const metadata = chooseMetadata(full, choice, trigger);
    const file = new Blob([await rewriteLora(source, metadata)], { type: 'application/octet-stream' });
    const made = fromBlob(file);
    const report = await verifyLora(made, { source, ...(modules === undefined ? {} : { modules }) });
    const fileName = `${loraNameOf(name)}.safetensors`;
    return { state: 'ready', file, name: fileName, report, metadata: (await readHeader(made)).metadata };
  } catch (error) {
    // Where the checkpoint itself cannot be read, the verification says it best.
    const reason =
      error instanceof VerificationError
        ? error
        : await verifyLora(source).then(
            () => error,
            (better: unknown) => better,
          );
    const sentence = reason instanceof Error ? reason.message : String(reason);
    return { state: 'refused', code: reason instanceof VerificationError ? reason.code : 'other', sentence };
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

/**
 * The file that a checkpoint is given away as: written with the chosen metadata, read back, verified, and only then
 * offered. Saving goes through the system's dialog where the browser has one, and is then read back from the disk too.
 */
import { saveFile, type SavedState } from '../save_file';
import type { MetadataChoice } from '../../formats/lora/private_metadata';
import type { Known, Offered } from '../../formats/reading/offered';
import type { Checkpoint } from '../../storage/runs';
import { withReader } from '../engine/reader';
import { sentenceOf } from '../sentence';
import { thumbnailOf } from './thumbnail';

export type OfferState = { readonly state: 'checking' } | Offered;

export class Offer {
  now: OfferState = $state.raw({ state: 'checking' });
  saved: SavedState = $state.raw({ state: 'no' });
  #turn = 0;

  /**
   * Makes the file anew. Of several calls only the last one counts. `picture`: the address of one that it drew, read only
   * where it is to stand in the file.
   */
  async make(
    checkpoint: Checkpoint,
    choice: MetadataChoice,
    known: Omit<Known, 'thumbnail'>,
    picture?: string,
  ): Promise<void> {
    const turn = ++this.#turn;
    this.now = { state: 'checking' };
    this.saved = { state: 'no' };
    const { lora, name } = checkpoint;
    // All of it is read, several times over: seconds, where the rank is high.
    const made = await withReader<Offered>(async (reader) => {
      const thumbnail = choice.thumbnail && picture !== undefined ? await thumbnailOf(picture) : undefined;
      return reader.offered({ lora, name }, choice, { ...known, thumbnail });
    }).catch((error: unknown): Offered => ({ state: 'refused', code: 'other', sentence: sentenceOf(error) }));
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

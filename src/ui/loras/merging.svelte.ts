/**
 * LoRAs merged into a base model: what would be written, then written piece by piece, to a place that the person chose or
 * into the browser's own files, from where it is downloaded.
 */
import type { MergedLora, MergedPart } from '../../protocol/lora_tools';
import { deleteFile, openFile } from '../../storage/files';
import { withLoraWorker } from '../engine/lora_worker';
import { hearing } from '../engine/open_worker';
import { isAbort } from '../is_abort';
import { fileNames } from '../project/made_file';
import { choosePlace, hasSaveDialog } from '../save_file';
import { saveAs } from '../save_as';
import { sentenceOf } from '../sentence';

export interface KeptFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

export type MergingNow =
  | { readonly state: 'idle' }
  | { readonly state: 'planning' }
  | { readonly state: 'planned' }
  | { readonly state: 'writing'; readonly done: number; readonly total: number }
  /** To a place of the person's, under `name`. */
  | { readonly state: 'written'; readonly name: string }
  | { readonly state: 'kept'; readonly files: readonly KeptFile[] }
  | { readonly state: 'failed'; readonly sentence: string };

/** While a weight is being typed. */
const SETTLE_MS = 300;

class Merging {
  now: MergingNow = $state.raw({ state: 'idle' });
  /** What would be written: the changed files. None while that is not known. */
  parts: readonly MergedPart[] = $state.raw([]);
  #stop: AbortController | undefined;

  /** Of what the rest tells: what is written goes on, and what was written stays in sight, where a person looks elsewhere meanwhile. */
  #about = '';

  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Plans what is new, a moment after the last change: what is known of anything else holds no longer. */
  consider(base: readonly File[], loras: readonly MergedLora[]): void {
    const about = JSON.stringify([
      base.map(({ name, size, lastModified }) => [name, size, lastModified]),
      loras.map(({ name, file, weights }) => [name, file.size, ...weights.by]),
    ]);
    if (this.now.state === 'writing' || about === this.#about) return;
    this.clear();
    this.#about = about;
    this.now = { state: 'planning' };
    this.#timer = setTimeout(() => void this.#plan(base, loras), SETTLE_MS);
  }

  async #plan(base: readonly File[], loras: readonly MergedLora[]): Promise<void> {
    await this.#under({ state: 'planning' }, async (tell, stop) => {
      const parts = await withLoraWorker((tools) => tools.planMerge(base, loras), stop);
      if (stop.aborted) return;
      this.parts = parts.filter(({ changed }) => changed > 0);
      tell({ state: 'planned' });
    });
  }

  /** What was planned. Call from a click: the dialog needs one. */
  async write(base: readonly File[], loras: readonly MergedLora[]): Promise<void> {
    const changed = this.parts;
    const names = changed.map(({ index }) => fileNames.merged(base[index].name));
    const total = changed.reduce((sum, { bytes }) => sum + bytes, 0);
    const alone = changed.length === 1 && hasSaveDialog();
    const to = alone ? await choosePlace(names[0]) : undefined;
    if (alone && !to) return;
    if (this.now.state === 'kept') for (const { path } of this.now.files) await deleteFile(path);
    await this.#under({ state: 'writing', done: 0, total }, async (tell, stop) => {
      const progress = (done: number) => tell({ state: 'writing', done, total });
      try {
        const paths = await hearing(progress, (heard) =>
          withLoraWorker((tools) => tools.merge(base, loras, to, heard), stop),
        );
        if (to) tell({ state: 'written', name: to.name });
        else {
          const files = paths.map((path, i) => ({ name: names[i], path, bytes: changed[i].bytes }));
          tell({ state: 'kept', files });
        }
      } catch (error) {
        if (!isAbort(error)) throw error;
        tell({ state: 'planned' });
      }
    });
  }

  stop(): void {
    this.#stop?.abort();
  }

  clear(): void {
    this.stop();
    this.#stop = undefined;
    this.parts = [];
    clearTimeout(this.#timer);
    this.#about = '';
    this.now = { state: 'idle' };
  }

  async save({ path, name }: KeptFile): Promise<void> {
    try {
      saveAs(await openFile(path), name);
    } catch (error) {
      this.now = { state: 'failed', sentence: sentenceOf(error) };
    }
  }

  async remove(file: KeptFile): Promise<void> {
    await deleteFile(file.path);
    if (this.now.state !== 'kept') return;
    const files = this.now.files.filter((each) => each !== file);
    this.now = files.length > 0 ? { state: 'kept', files } : { state: 'planned' };
  }

  async #under(
    now: MergingNow,
    work: (tell: (now: MergingNow) => void, stop: AbortSignal) => Promise<void>,
  ): Promise<void> {
    this.stop();
    const stop = (this.#stop = new AbortController());
    this.now = now;
    const tell = (next: MergingNow) => {
      if (this.#stop === stop) this.now = next;
    };
    try {
      await work(tell, stop.signal);
    } catch (error) {
      if (!isAbort(error)) tell({ state: 'failed', sentence: sentenceOf(error) });
    }
  }
}

export const merging = new Merging();

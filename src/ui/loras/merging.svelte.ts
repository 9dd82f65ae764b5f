/**
 * LoRAs merged into a base model: what would be written, then written piece by piece, to a place that the person chose or
 * into the browser's own files, from where it is downloaded.
 */
import * as Comlink from 'comlink';
import type { MergedLora, MergedPart } from '../../protocol/lora_tools';
import { deleteFile, openFile } from '../../storage/files';
import { isAbort, withLoraWorker } from '../engine/lora_worker';
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
  | { readonly state: 'planned'; readonly parts: readonly MergedPart[] }
  | { readonly state: 'writing'; readonly done: number; readonly total: number }
  /** To a place of the person's, under `name`. */
  | { readonly state: 'written'; readonly name: string }
  | { readonly state: 'kept'; readonly files: readonly KeptFile[] }
  | { readonly state: 'failed'; readonly sentence: string };

export class Merging {
  now: MergingNow = $state.raw({ state: 'idle' });
  #stop: AbortController | undefined;

  /** Of several calls the last one counts. Fit does not hang on weights: it is asked once for the same files. */
  async plan(base: readonly File[], loras: readonly MergedLora[]): Promise<void> {
    await this.#under({ state: 'planning' }, async (tell, stop) => {
      const parts = await withLoraWorker((tools) => tools.planMerge(base, loras), stop);
      tell({ state: 'planned', parts });
    });
  }

  /** Call from a click: the dialog needs one. */
  async write(
    base: readonly File[],
    loras: readonly MergedLora[],
    parts: readonly MergedPart[],
  ): Promise<void> {
    const changed = parts.filter((part) => part.changed > 0);
    const names = changed.map(({ index }) => fileNames.merged(base[index].name));
    const total = changed.reduce((sum, { bytes }) => sum + bytes, 0);
    const alone = changed.length === 1 && hasSaveDialog();
    const to = alone ? await choosePlace(names[0]) : undefined;
    if (alone && !to) return;
    const before = this.now;
    await this.#under({ state: 'writing', done: 0, total }, async (tell, stop) => {
      const progress = (done: number) => tell({ state: 'writing', done, total });
      try {
        const paths = await withLoraWorker(
          (tools) => tools.merge(base, loras, to, Comlink.proxy(progress)),
          stop,
        );
        if (to) tell({ state: 'written', name: to.name });
        else {
          const files = paths.map((path, i) => ({ name: names[i], path, bytes: changed[i].bytes }));
          tell({ state: 'kept', files });
        }
      } catch (error) {
        if (!isAbort(error)) throw error;
        tell(before);
      }
    });
  }

  stop(): void {
    this.#stop?.abort();
  }

  clear(): void {
    this.stop();
    this.#stop = undefined;
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
    this.now = files.length > 0 ? { state: 'kept', files } : { state: 'idle' };
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

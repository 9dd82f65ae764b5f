/** One LoRA being made of one or several: how far it is, what came of it, how it is saved. */
import type { Remote } from 'comlink';
import type { LoraTools, MadeLora, Progress } from '../../protocol/lora_tools';
import { withLoraWorker } from '../engine/lora_worker';
import { hearing } from '../engine/open_worker';
import { isAbort } from '../is_abort';
import { asOneFile, type OneFile } from '../project/made_file';
import { saveFile, type SavedState } from '../save_file';
import { sentenceOf } from '../sentence';

export type MakingNow =
  | { readonly state: 'idle' }
  | { readonly state: 'making'; readonly done: number; readonly total: number }
  | { readonly state: 'made'; readonly made: OneFile }
  | { readonly state: 'failed'; readonly sentence: string };

type Work = (tools: Remote<LoraTools>, progress: Progress) => Promise<MadeLora>;

export class Making {
  now: MakingNow = $state.raw({ state: 'idle' });
  saved: SavedState = $state.raw({ state: 'no' });
  #stop: AbortController | undefined;

  /** `name` of the file, without ending. */
  async make(name: string, work: Work): Promise<void> {
    this.clear();
    const stop = (this.#stop = new AbortController());
    const tell = (now: MakingNow) => {
      if (this.#stop === stop) this.now = now;
    };
    tell({ state: 'making', done: 0, total: 0 });
    const progress: Progress = (done, total) => tell({ state: 'making', done, total });
    try {
      const made = await hearing(progress, (heard) =>
        withLoraWorker((tools) => work(tools, heard), stop.signal),
      );
      tell({ state: 'made', made: await asOneFile(name, made) });
    } catch (error) {
      tell(isAbort(error) ? { state: 'idle' } : { state: 'failed', sentence: sentenceOf(error) });
    }
  }

  stop(): void {
    this.#stop?.abort();
  }

  /** What was made belongs to what was asked then. */
  clear(): void {
    this.stop();
    this.#stop = undefined;
    this.now = { state: 'idle' };
    this.saved = { state: 'no' };
  }

  /** Call from a click: the dialog needs one. */
  async save(): Promise<void> {
    if (this.now.state !== 'made') return;
    const { file, name, sha256 } = this.now.made;
    this.saved = { state: 'saving' };
    this.saved = await saveFile(file, name, sha256).catch((error: unknown): SavedState => {
      return { state: 'failed', sentence: sentenceOf(error) };
    });
  }
}

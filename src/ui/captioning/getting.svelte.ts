/**
 * A known captioning model being got by one press: its files one after the other, progress together. What has arrived
 * stays when it stops, whole files too, and is gone on with. One for the page: it goes on while the dialog is closed.
 */
import { dropBegun } from '../../storage/begun_downloads';
import type { CaptionerFile } from '../../storage/captioners';
import { Downloading, type DownloadState } from '../downloading/downloading.svelte';
import { sizeOf, type KnownModel } from './known_models';
import { captionModels, type Adding } from './models.svelte';

export type GettingState =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly model: KnownModel }
  | { readonly state: 'failed'; readonly model: KnownModel; readonly sentence: string };

export class Getting {
  now: GettingState = $state.raw({ state: 'idle' });
  #before = $state(0);
  #stopped = false;

  constructor(readonly downloading: Downloading = new Downloading()) {}

  /** Bytes that have arrived of all files. */
  readonly done: number = $derived.by(() => {
    const { now } = this.downloading;
    return this.#before + (now.state === 'running' ? now.done : 0);
  });

  /** Of all files, at the present one's speed; undefined while that is not known. */
  readonly secondsLeft: number | undefined = $derived.by(() => {
    const { now: file } = this.downloading;
    if (this.now.state !== 'running' || file.state !== 'running') return undefined;
    if (file.secondsLeft === undefined || file.total === undefined || file.done >= file.total)
      return undefined;
    return (file.secondsLeft * (sizeOf(this.now.model) - this.done)) / (file.total - file.done);
  });

  /** Gives the key of the model, which is kept and chosen; undefined if it was stopped or failed, which `now` says. */
  async get(model: KnownModel): Promise<string | undefined> {
    if (this.now.state === 'running') return undefined;
    this.now = { state: 'running', model };
    this.#before = 0;
    this.#stopped = false;
    const files: CaptionerFile[] = [];
    for (const { role, address, sha256, byteLength: most } of model.files) {
      const file = await this.downloading.get(address, { sha256, most, oneOfSeveral: true });
      if (!file || this.#stopped) return this.#ended(model, failureOf(this.downloading.now));
      files.push({ role, ...file });
      this.#before += file.byteLength;
    }
    const key = await captionModels.add(model.kind, model.name, files);
    if (key === undefined) return this.#ended(model, failureOf(captionModels.adding));
    for (const { address } of model.files) await dropBegun(address);
    await this.downloading.look();
    this.now = { state: 'idle' };
    return key;
  }

  cancel(): void {
    this.#stopped = true;
    this.downloading.cancel();
  }

  dismiss(): void {
    if (this.now.state === 'failed') this.now = { state: 'idle' };
    this.downloading.dismiss();
  }

  /** Bytes of the model that are here from before. */
  have({ files }: KnownModel): number {
    const part = ({ address, byteLength }: (typeof files)[number]) =>
      Math.min(byteLength, this.downloading.parts.find((each) => each.address === address)?.done ?? 0);
    return files.reduce((sum, file) => sum + part(file), 0);
  }

  #ended(model: KnownModel, sentence: string | undefined): undefined {
    this.now = sentence === undefined ? { state: 'idle' } : { state: 'failed', model, sentence };
    return undefined;
  }
}

function failureOf(now: Adding | DownloadState): string | undefined {
  return now.state === 'failed' ? now.sentence : undefined;
}

export const getting = new Getting();

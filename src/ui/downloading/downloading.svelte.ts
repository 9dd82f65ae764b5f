/**
 * One download from an address a person gave, as the page sees it: under way, stopped half-way, failed. The asking is
 * done by a worker of its own, which is ended with the download: nobody else gets a way out through it.
 */
import * as Comlink from 'comlink';
import type { Download, Downloader, DownloadWish } from '../../protocol/downloader';
import { begunDownloads, type BegunDownload } from '../../storage/begun_downloads';
import type { DownloadCode } from '../../storage/download_error';
import { isAbort } from '../is_abort';
import { inLanguage } from '../language.svelte';
import { sentenceOf } from '../sentence';
import { openWorker } from '../engine/open_worker';
import { sent } from '../sent.svelte';
import { messages } from '../controls/messages';

export type DownloadState =
  | { readonly state: 'idle' }
  | {
      readonly state: 'running';
      readonly address: string;
      readonly done: number;
      readonly total: number | undefined;
      readonly secondsLeft: number | undefined;
    }
  | { readonly state: 'failed'; readonly address: string; readonly sentence: string };

/** What has arrived of a file. */
export type Part = BegunDownload & { readonly done: number };

export class Downloading {
  now: DownloadState = $state.raw({ state: 'idle' });
  /** Downloads that stopped half-way, as of the last look. */
  parts: readonly Part[] = $state.raw([]);
  #remote: Comlink.Remote<Downloader> | undefined;

  /** Undefined if it was stopped or failed, which `now` says. Does nothing while another one is under way. */
  async get(address: string, wish: DownloadWish = {}): Promise<Download | undefined> {
    if (this.now.state === 'running') return undefined;
    this.now = { state: 'running', address, done: 0, total: undefined, secondsLeft: undefined };
    // eslint-disable-next-line svelte/prefer-svelte-reactivity -- an address, and the form that Vite looks for
    const worker = new Worker(new URL('../../../workers/download.worker.ts', import.meta.url), {
      type: 'module',
      name: 'download',
    });
    const { remote, gone, end } = openWorker<Downloader>(worker);
    const broken = gone.catch(() => {
      throw new Error(inLanguage(messages).notStarted);
    });
    this.#remote = remote;
    const count = oncePerDownload();
    try {
      const follow = this.#follow(address);
      const onProgress = Comlink.proxy<typeof follow>((progress) => {
        count();
        follow(progress);
      });
      const download = await Promise.race([remote.download(address, wish, onProgress), broken]);
      this.now = { state: 'idle' };
      return download;
    } catch (error) {
      if (!refusedHere(error)) count();
      const stopped = isAbort(error);
      this.now = stopped ? { state: 'idle' } : { state: 'failed', address, sentence: sentenceOf(error) };
      return undefined;
    } finally {
      this.#remote = undefined;
      end();
      await this.look();
    }
  }

  /** Stops; what has arrived is kept. */
  cancel(): void {
    void this.#remote?.cancel();
  }

  /** Takes the failure off the screen. */
  dismiss(): void {
    if (this.now.state === 'failed') this.now = { state: 'idle' };
  }

  /** What was begun before and can be gone on with. */
  async look(): Promise<void> {
    this.parts = await begunDownloads().catch(() => []);
  }

  #follow(address: string): Parameters<Downloader['download']>[2] {
    let first: { at: number; done: number } | undefined;
    return ({ done, total }) => {
      if (this.now.state !== 'running') return;
      first ??= { at: performance.now(), done };
      const perSecond = (1000 * (done - first.done)) / (performance.now() - first.at);
      const secondsLeft = total !== undefined && perSecond > 0 ? (total - done) / perSecond : undefined;
      this.now = { state: 'running', address, done, total, secondsLeft };
    };
  }
}

/** For the rail: what went out counts once, however it ended. */
function oncePerDownload(): () => void {
  let counted = false;
  return () => {
    if (!counted) sent.downloads += 1;
    counted = true;
  };
}

const askedNobody: readonly unknown[] = [
  'not-an-address',
  'has-password',
  'not-https',
  'offline',
  'busy',
] satisfies DownloadCode[];

function refusedHere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && askedNobody.includes(error.code);
}

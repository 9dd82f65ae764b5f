/**
 * The pictures drawn on demand: what is waiting, what is being drawn, what is there. Kept in memory by the key of what
 * made them, the oldest let go first; a reload draws anew. Which picture a cell wants is combine.ts.
 */
import * as Comlink from 'comlink';
import { SvelteMap } from 'svelte/reactivity';
import type { DrawEvent } from '../../protocol/trainer';
import type { BaseModelRef } from '../../storage/projects';
import { isAbort } from '../is_abort';
import { mergeList } from '../merge_list';
import { card } from '../engine/card.svelte';
import { openBase } from '../engine/open_base';
import { pngOf } from '../engine/png';
import { withTrainer } from '../engine/trainer_worker';
import { batchKey, type Wanted } from './combine';
import { sentenceOf } from '../sentence';

export interface Drawn {
  readonly url: string;
  readonly width: number;
  readonly height: number;
  /** Taken while training, not drawn here. */
  readonly sample: boolean;
}

export type DrawingNow =
  | { readonly state: 'idle' }
  /** The base model's files are being opened. */
  | { readonly state: 'opening' }
  /** The base model is on its way to the GPU. */
  | { readonly state: 'loading'; readonly key: string; readonly done: number; readonly total: number }
  | { readonly state: 'drawing'; readonly key: string; readonly done: number; readonly total: number };

/** At half a megabyte a picture, 200 MB. */
const MOST_KEPT = 400;

class Drawing {
  readonly pictures = new SvelteMap<string, Drawn>();
  now: DrawingNow = $state.raw({ state: 'idle' });
  /** Not begun yet, in order. */
  waiting: readonly Wanted[] = $state.raw([]);
  /** Why the last picture could not be drawn. */
  failure: string | undefined = $state();
  /** What one picture takes, by the last ones drawn; undefined before the first. */
  seconds: number | undefined = $state();

  #working = false;
  #base: { ref: BaseModelRef; files: Promise<Blob[]> } | undefined;

  /** Puts pictures into the queue that are neither there nor in it. Called from a click: the browser may ask. */
  draw(wanted: readonly Wanted[], base: BaseModelRef): void {
    this.failure = undefined;
    const known = new Set(this.waiting.map(({ key }) => key));
    const busy = 'key' in this.now ? this.now.key : undefined;
    const fresh = wanted.filter(({ key }) => !known.has(key) && key !== busy && !this.pictures.has(key));
    this.waiting = [...this.waiting, ...new Map(fresh.map((each) => [each.key, each])).values()];
    if (this.#base?.ref !== base) this.#base = { ref: base, files: openBase(base, true) };
    void this.#work();
  }

  /** Empties the queue and ends the picture under way after its step. */
  stop(): void {
    this.waiting = [];
    if (this.now.state !== 'idle') void withTrainer((trainer) => trainer.ask('stop'));
  }

  /** Adds a picture that was made elsewhere. */
  add(key: string, image: Blob, width: number, height: number): void {
    if (!this.pictures.has(key)) this.#keep(key, image, width, height, true);
  }

  /** Forgets everything: another project. */
  clear(): void {
    this.stop();
    for (const { url } of this.pictures.values()) URL.revokeObjectURL(url);
    this.pictures.clear();
    this.failure = undefined;
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    this.now = { state: 'opening' };
    while (this.waiting.length > 0) {
      // All at the front that share their LoRAs go in one request.
      const group = batchKey(this.waiting[0]);
      const other = this.waiting.findIndex((each) => batchKey(each) !== group);
      try {
        await this.#drawBatch(other < 0 ? this.waiting : this.waiting.slice(0, other));
      } catch (error) {
        // A stop was asked for, and is no failure; what was put in the queue since then is drawn.
        if (isAbort(error)) continue;
        this.waiting = [];
        this.#base = undefined;
        this.failure = sentenceOf(error);
      }
    }
    this.now = { state: 'idle' };
    this.#working = false;
  }

  async #drawBatch(batch: readonly Wanted[]): Promise<void> {
    const [first] = batch;
    const { clipSkip, vPrediction, zeroTerminalSnr } = first.sampling;
    const [base, merges] = [await this.#base?.files, await mergeList()];
    // Stopped while the files were being opened.
    if (!base || !this.waiting.includes(first)) return;
    this.#begin(first.key);
    let started = performance.now();
    const follow = async (event: DrawEvent) => {
      if (event.kind === 'load') {
        this.now = { state: 'loading', key: first.key, done: event.done, total: event.total };
        if (event.done === event.total) this.#begin(first.key);
        started = performance.now();
        return;
      }
      const { key, sampling } = batch[event.picture];
      if (event.kind === 'progress') {
        if (event.done === 1) this.#begin(key);
        this.now = { state: 'drawing', key, done: event.done, total: event.total };
        return;
      }
      this.seconds = (performance.now() - started) / 1000;
      started = performance.now();
      this.#keep(
        key,
        await pngOf(event.rgba, event.width, event.height),
        sampling.width,
        sampling.height,
        false,
      );
      const next = batch.at(event.picture + 1);
      if (next) this.#begin(next.key);
    };
    await withTrainer((trainer) =>
      trainer.draw(
        {
          base,
          baseName: first.sampling.base,
          merges,
          loras: first.loras.map(({ file, weight }) => ({ file, weight })),
          clipSkip,
          vPrediction,
          zeroTerminalSnr,
          ...(card.gb === undefined ? {} : { cardGb: card.gb }),
          pictures: batch.map(({ words, seed, sampling }) => {
            const { negative, width, height, steps, guidance, sampler } = sampling;
            return { prompt: words, seed, negative, width, height, steps, guidance, sampler };
          }),
        },
        Comlink.proxy(follow),
      ),
    );
    // Whatever happened, none of these is waiting any more.
    const done = new Set(batch.map(({ key }) => key));
    this.waiting = this.waiting.filter(({ key }) => !done.has(key));
  }

  #begin(key: string): void {
    if (this.now.state === 'drawing' && this.now.key === key) return;
    this.now = { state: 'drawing', key, done: 0, total: 0 };
    this.waiting = this.waiting.filter((each) => each.key !== key);
  }

  #keep(key: string, image: Blob, width: number, height: number, sample: boolean): void {
    this.pictures.set(key, { url: URL.createObjectURL(image), width, height, sample });
    for (const [oldest, { url, sample: kept }] of this.pictures) {
      if (this.pictures.size <= MOST_KEPT) break;
      if (kept || oldest === key) continue;
      URL.revokeObjectURL(url);
      this.pictures.delete(oldest);
    }
  }
}

export const drawing = new Drawing();

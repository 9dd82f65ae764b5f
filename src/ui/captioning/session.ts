/**
 * A model open in the worker, and what the worker is asked: one thing after the other. A worker that is gone is started
 * anew by the next `open`; one that has nothing to do for two minutes is ended. It knows nothing of what is offered.
 */
import * as Comlink from 'comlink';
import type {
  CaptionEvent,
  CaptionImage,
  CaptionModelFacts,
  CaptionOptions,
  Composed,
  Similarity,
  OpenEvent,
} from '../../protocol/captioner';
import {
  CaptionerGone,
  captionerWorker,
  endCaptionerWorker,
  type HeldCaptioner,
} from '../engine/captioner_worker';
import { openModel, type OnBytes } from './model_files';
import { captionerSentence } from './problem_messages';

const IDLE_MS = 120_000;

/** The model itself is to blame: asking again brings nothing. */
export class ModelUnusable extends Error {
  override name = 'ModelUnusable';
}

export class Session {
  #open: { key: string; held: HeldCaptioner; facts: CaptionModelFacts } | undefined;
  #opening: AbortController | undefined;
  #busy = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;

  /** The model is open and the worker alive: what is asked is answered at once. */
  get alive(): boolean {
    return this.#open !== undefined;
  }

  /** Rejects with ModelUnusable, CaptionerGone, or an AbortError after `end`. */
  async open(
    key: string,
    onBytes: OnBytes,
    onPhrases: (event: OpenEvent) => void,
  ): Promise<CaptionModelFacts> {
    if (this.#open?.key === key) return this.#open.facts;
    if (this.#open) this.end();
    const opening = (this.#opening = new AbortController());
    const model = await openModel(key, onBytes, opening.signal).catch(unusable);
    opening.signal.throwIfAborted();
    const held = captionerWorker();
    held.gone.catch(() => {
      if (this.#open?.held === held) this.#open = undefined;
    });
    const onEvent = Comlink.proxy((event: OpenEvent) =>
      event.kind === 'load' ? onBytes(event.done, event.total) : onPhrases(event),
    );
    const facts = await this.#ask(held, held.remote.open(model, onEvent)).catch(unusable);
    this.#open = { key, held, facts };
    return facts;
  }

  caption(
    images: CaptionImage[],
    options: CaptionOptions,
    onEvent: (event: CaptionEvent) => void,
  ): Promise<Composed> {
    return this.#with(({ remote }) => remote.caption(images, options, Comlink.proxy(onEvent)));
  }

  compose(options: CaptionOptions): Promise<Composed> {
    return this.#with(({ remote }) => remote.compose(options));
  }

  find(words: string): Promise<{ id: string; cosine: number }[]> {
    return this.#with(({ remote }) => remote.find(words));
  }

  similarity(): Promise<Similarity> {
    return this.#with(({ remote }) => remote.similarity());
  }

  /** After the picture under way. A model that is still being opened is given up. */
  stop(): void {
    if (this.#open) void this.#open.held.remote.stop();
    else this.end();
  }

  /** Gives its memory back. What waits is rejected. */
  end(): void {
    this.#opening?.abort();
    this.#open = undefined;
    endCaptionerWorker();
  }

  /** Nobody looks any more: ends what is not at work. */
  leave(): void {
    if (this.#busy === 0) this.end();
  }

  #with<T>(work: (held: HeldCaptioner) => Promise<T>): Promise<T> {
    if (!this.#open) return Promise.reject(new CaptionerGone(false, 'No model is open.'));
    const { held } = this.#open;
    return this.#ask(held, work(held));
  }

  async #ask<T>(held: HeldCaptioner, answer: Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    this.#busy++;
    try {
      // A call to a worker that is gone would never settle.
      return await Promise.race([answer, held.gone]);
    } finally {
      this.#busy--;
      if (this.#busy === 0) this.#idle = setTimeout(() => this.end(), IDLE_MS);
    }
  }
}

function unusable(error: unknown): never {
  if (error instanceof CaptionerGone || (error instanceof DOMException && error.name === 'AbortError'))
    throw error;
  throw new ModelUnusable(captionerSentence(error), { cause: error });
}

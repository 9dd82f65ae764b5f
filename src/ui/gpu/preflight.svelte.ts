/**
 * The preflight: is there a GPU, which, how fast. What it finds goes to `studio.adapter`; what is missing is a reason
 * with a sentence and a remedy (messages.ts). The speed is measured once per adapter and remembered.
 */
import { withTrainer } from '../engine/trainer_worker';
import { studio } from '../studio.svelte';
import { recall, remember } from '../remembered';
import { askAdapter } from './adapter';
import type { AdapterFacts } from '../facts';
import { lockedUntil } from '../engine/losses';
import { whyNoAdapter, whyNoWebGpu, type Missing } from './reasons';
import { sentenceOf } from '../sentence';

export type Preflight =
  | { readonly state: 'asking' }
  | { readonly state: 'missing'; readonly why: Missing; readonly until?: number }
  | { readonly state: 'found'; readonly facts: AdapterFacts };

export type Measuring =
  | { readonly state: 'idle' }
  | { readonly state: 'measuring' }
  | { readonly state: 'failed'; readonly sentence: string };

const ASK_AGAIN_MS = 10_000;

class GpuPreflight {
  now: Preflight = $state.raw({ state: 'asking' });
  measuring: Measuring = $state.raw({ state: 'idle' });
  #tried = false;

  /** Asks for the adapter; asks again by itself while the browser keeps the GPU locked. */
  async ask(): Promise<void> {
    const surroundings = { secure: isSecureContext, userAgent: navigator.userAgent };
    // In old browsers it is missing, whatever the type says.
    const gpu = (navigator as { gpu?: GPU }).gpu;
    if (!gpu) {
      this.now = { state: 'missing', why: whyNoWebGpu(surroundings) };
      return;
    }
    const facts = await askAdapter(gpu).catch(() => undefined);
    if (!facts) {
      const until = lockedUntil();
      this.now = { state: 'missing', why: whyNoAdapter(surroundings, until !== undefined), until };
      if (until !== undefined) setTimeout(() => void this.ask(), ASK_AGAIN_MS);
      return;
    }
    this.#found(withRemembered(facts));
  }

  /** Measures by itself, once a visit, where the speed is not known: for a moment when the GPU has nothing else to do. */
  measureOnce(): void {
    if (this.#tried || this.now.state !== 'found' || this.now.facts.gflops !== undefined) return;
    this.#tried = true;
    void this.measure();
  }

  /** Three seconds on the GPU. */
  async measure(): Promise<void> {
    if (this.now.state !== 'found' || this.measuring.state === 'measuring') return;
    const { facts } = this.now;
    this.measuring = { state: 'measuring' };
    try {
      const probe = await withTrainer((trainer) => trainer.probe());
      const measured = { ...facts, tier: probe.tier, gflops: probe.gflops, measuredAt: Date.now() };
      remember('probe', JSON.stringify(measured));
      this.#found(measured);
      this.measuring = { state: 'idle' };
    } catch (error) {
      const sentence = sentenceOf(error);
      this.measuring = { state: 'failed', sentence };
    }
  }

  #found(facts: AdapterFacts): void {
    this.now = { state: 'found', facts };
    studio.adapter = facts;
  }
}

export const preflight = new GpuPreflight();

/** The speed measured before, if it was on this adapter. */
function withRemembered(facts: AdapterFacts): AdapterFacts {
  try {
    const before: unknown = JSON.parse(recall('probe') ?? 'null');
    if (typeof before !== 'object' || before === null) return facts;
    const { adapter, tier, gflops, measuredAt } = before as Record<string, unknown>;
    if (adapter !== facts.adapter || tier !== facts.tier) return facts;
    if (typeof gflops !== 'number' || typeof measuredAt !== 'number') return facts;
    return { ...facts, gflops, measuredAt };
  } catch {
    return facts;
  }
}

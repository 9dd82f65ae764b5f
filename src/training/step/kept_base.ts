/**
 * The base model that pictures are drawn with, left on the GPU between calls: until another is asked for,
 * `releaseBase` is called, or somebody else opens the device (a training run does), which frees it by itself. Its text
 * encoders and the rest come together or by turns, as the memory allows.
 */
import type { EngineFacts } from '../../protocol/engine_errors';
import type { ByteSource } from '../../formats/safetensors/byte_source';
import { sha256Hex } from '../../formats/safetensors/sha256';
import { closeDevice, openDevice, openGpu, type Gpu, type Tier } from '../../kernels/device';
import {
  disposeParts,
  loadParts,
  type BaseModelPlan,
  type BaseParts,
  type LoadOptions,
  type TextEncoders,
} from './base_model';
import type { PartName } from '../../formats/families/family_facts';

type Drawn = BaseParts<'unet' | 'vae'>;

/** What is there of a base model; of its VAE only the decoder. It is on the device that was opened with it. */
export class KeptBase {
  #texts: TextEncoders | undefined;
  #drawn: Drawn | undefined;

  /** `lost` is aborted, with a sentence, when the GPU is lost. */
  constructor(readonly lost: AbortSignal) {}

  /** Loads all that is not there yet, in one go. `plan` is of the same model, its files opened anew. */
  async all(plan: BaseModelPlan, options: LoadOptions): Promise<void> {
    const missing = [...(this.#drawn ? [] : DRAWN), ...(this.#texts ? [] : plan.family.texts)];
    if (missing.length === 0) return;
    const loaded = await loadParts<PartName>(plan, missing, { ...options, vae: 'decoder' });
    this.#drawn ??= loaded;
    this.#texts ??= loaded;
  }

  /** The text encoders; where they are not there, what else is there makes room for them. */
  async texts(plan: BaseModelPlan, options: LoadOptions): Promise<TextEncoders> {
    if (this.#texts) return this.#texts;
    disposeParts(this.#drawn ?? {});
    this.#drawn = undefined;
    const loaded = await loadParts<PartName>(plan, plan.family.texts, options);
    return (this.#texts = loaded);
  }

  /** The U-Net and the decoder. */
  async drawn(plan: BaseModelPlan, options: LoadOptions): Promise<Drawn> {
    return (this.#drawn ??= await loadParts(plan, DRAWN, { ...options, vae: 'decoder' }));
  }

  dropTexts(): void {
    disposeParts(this.#texts ?? {});
    this.#texts = undefined;
  }
}

const DRAWN = ['unet', 'vae'] as const;

let kept: { base: KeptBase; digest: string; device: Gpu } | undefined;

/** What is kept of this model where it is still there, else nothing yet, on a device opened anew. */
export async function keptBase(files: readonly ByteSource[], tier?: Tier): Promise<KeptBase> {
  const digest = `${tier ?? 'best'} ${await digestOf(files)}`;
  if (kept && kept.digest === digest && kept.device === openGpu()) return kept.base;
  kept = undefined;
  const lost = new AbortController();
  const device = await openDevice({
    ...(tier ? { tier } : {}),
    onLost: (reason) => lost.abort(new DrawingLostError(reason)),
  });
  const base = new KeptBase(lost.signal);
  kept = { digest, base, device };
  return base;
}

/** Gives back the model's GPU memory and the device, if they are still there. */
export function releaseBase(): void {
  if (kept && kept.device === openGpu()) closeDevice();
  kept = undefined;
}

/** Whatever failed, a lost device is why. The next call then starts anew. */
export function throwIfLost(): void {
  if (!kept?.base.lost.aborted) return;
  const { lost } = kept.base;
  kept = undefined;
  lost.throwIfAborted();
}

export class DrawingLostError extends Error {
  override readonly name = 'DrawingLostError';
  readonly code = 'lost';
  readonly facts: EngineFacts['DrawingLostError']['lost'];
  constructor(reason: string) {
    super(`The GPU was lost (${reason}). Draw again.`);
    this.facts = { reason };
  }
}

/**
 * Tells base models apart without reading them whole: by length, and 64 windows of 1 KB spread evenly. Blobs that come
 * from another thread have no identity of their own.
 */
async function digestOf(files: readonly ByteSource[]): Promise<string> {
  const parts: string[] = [];
  for (const file of files) {
    const bytes = new Uint8Array(WINDOWS * WINDOW_BYTES);
    for (let i = 0; i < WINDOWS; i++) {
      const start = Math.floor((i / WINDOWS) * file.byteLength);
      const window = await file.slice(start, Math.min(start + WINDOW_BYTES, file.byteLength));
      bytes.set(new Uint8Array(window), i * WINDOW_BYTES);
    }
    parts.push(`${file.byteLength}-${await sha256Hex(bytes)}`);
  }
  return parts.join(' ');
}

const WINDOWS = 64;
const WINDOW_BYTES = 1024;

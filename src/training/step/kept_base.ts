/**
 * The base model that pictures are drawn with, left on the GPU between calls: until another is asked for,
 * `releaseBase` is called, or somebody else opens the device (a training run does), which frees it by itself.
 */
import type { EngineFacts } from '../../protocol/engine_errors';
import type { ByteSource } from '../../formats/safetensors/byte_source';
import { sha256Hex } from '../../formats/safetensors/sha256';
import { closeDevice, openDevice, openGpu, type Gpu, type Tier } from '../../kernels/device';
import { loadBaseModel, type BaseModel, type LoadOptions } from './base_model';

export interface KeptBase {
  base: BaseModel;
  /** Aborted, with a sentence, when the GPU is lost. */
  lost: AbortSignal;
}

let kept: (KeptBase & { digest: string; device: Gpu }) | undefined;

/** The kept model where it is the same and still there, else loaded anew on a device opened anew. */
export async function keptBase(
  files: readonly ByteSource[],
  { tier, ...options }: LoadOptions & { tier?: Tier } = {},
): Promise<KeptBase> {
  const digest = `${tier ?? 'best'} ${await digestOf(files)}`;
  if (kept && kept.digest === digest && kept.device === openGpu()) return kept;
  kept = undefined;
  const lost = new AbortController();
  const device = await openDevice({
    ...(tier ? { tier } : {}),
    onLost: (reason) => lost.abort(new DrawingLostError(reason)),
  });
  const base = await loadBaseModel(files, options);
  kept = { digest, base, device, lost: lost.signal };
  return kept;
}

/** Gives back the model's GPU memory and the device, if they are still there. */
export function releaseBase(): void {
  if (kept && kept.device === openGpu()) closeDevice();
  kept = undefined;
}

/** Whatever failed, a lost device is why. The next call then starts anew. */
export function throwIfLost(): void {
  if (!kept?.lost.aborted) return;
  const { lost } = kept;
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

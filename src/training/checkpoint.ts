/**
 * The state of an interrupted run as a safetensors file: LoRA masters, optimizer moments, the optimizer's scalars, the
 * step. Everything random is a function of (seed, step), so nothing else is needed to go on bit for bit.
 */
import type { EngineFacts } from '../protocol/engine_errors';
import type { ByteSource } from '../formats/byte_source';
import { readHeader } from '../formats/safetensors';
import { writeSafetensors } from '../formats/safetensors_write';

export interface RunState {
  /** Updates done. */
  step: number;
  /** What must be equal for the state to fit: a digest of settings and data. */
  fingerprint: string;
  /** When the run began, in milliseconds since 1970, so that a resumed run's metadata equals the whole run's. */
  startedAt: number;
  averageLoss: number;
  /** Losses in that average. */
  averageCount: number;
  /** Pictures that went through the GPU at once; missing in states from before there was a choice. */
  microBatch?: number;
  tensors: Record<StateTensor, Float32Array>;
}

export type StateTensor = 'values' | 'moment1' | 'moment2' | 'optimizer';
const NAMES: readonly StateTensor[] = ['values', 'moment1', 'moment2', 'optimizer'];
const FORMAT = 'lora-studio-state-1';

/** A saved state that cannot be resumed. */
export class ResumeError extends Error {
  override readonly name = 'ResumeError';
  readonly facts = {};
  constructor(
    readonly code: keyof EngineFacts['ResumeError'],
    sentence: string,
  ) {
    super(sentence);
  }
}

export function writeState(state: RunState): Uint8Array<ArrayBuffer> {
  const { step, fingerprint, startedAt, averageLoss, averageCount, microBatch, tensors } = state;
  return writeSafetensors(
    NAMES.map((name) => ({
      name,
      dtype: 'F32' as const,
      shape: [tensors[name].length],
      data: new Uint8Array(
        tensors[name].buffer as ArrayBuffer,
        tensors[name].byteOffset,
        tensors[name].byteLength,
      ),
    })),
    {
      format: FORMAT,
      step: String(step),
      fingerprint,
      startedAt: String(startedAt),
      averageLoss: String(averageLoss),
      averageCount: String(averageCount),
      ...(microBatch === undefined ? {} : { microBatch: String(microBatch) }),
    },
  );
}

/** A state's step and `RunState.microBatch` alone, before anything is loaded; what it does not say is left out. */
export async function savedFacts(source: ByteSource): Promise<{ step: number; microBatch?: number }> {
  const { metadata } = await readHeader(source);
  const [step, microBatch] = [Number(metadata['step']), Number(metadata['microBatch'])];
  return {
    step: Number.isSafeInteger(step) && step > 0 ? step : 0,
    ...(Number.isSafeInteger(microBatch) && microBatch > 0 ? { microBatch } : {}),
  };
}

/** Throws `SafetensorsError` for a damaged file, `ResumeError` for one of another kind, run or size. */
export async function readState(
  source: ByteSource,
  expected: { fingerprint: string; sizes: Record<StateTensor, number> },
): Promise<RunState> {
  const { metadata, tensors } = await readHeader(source);
  if (metadata['format'] !== FORMAT)
    throw new ResumeError(
      'not-a-state',
      'This is not a saved training state. Choose the .state.safetensors file of the run.',
    );
  if (metadata['fingerprint'] !== expected.fingerprint) {
    throw new ResumeError(
      'other-run',
      'The saved state belongs to a run with other settings, pictures or base model. Restore them, or start a new run with pretrained_lora.',
    );
  }
  const step = Number(metadata['step']);
  const startedAt = Number(metadata['startedAt']);
  const averageLoss = Number(metadata['averageLoss']);
  // States from before it was counted took every step for a loss.
  const averageCount = Number(metadata['averageCount'] ?? step);
  if (!Number.isSafeInteger(step) || step < 0 || !Number.isFinite(startedAt)) {
    throw new ResumeError(
      'damaged',
      `The saved state says step "${metadata['step']}", begun at "${metadata['startedAt']}": it is damaged.`,
    );
  }
  const load = async (name: StateTensor): Promise<Float32Array> => {
    const entry = tensors.get(name);
    if (!entry || entry.dtype !== 'F32' || (entry.end - entry.start) / 4 !== expected.sizes[name]) {
      throw new ResumeError(
        'other-size',
        `The saved state's "${name}" is missing or of another size; the rank or the trained parts differ.`,
      );
    }
    return new Float32Array(await source.slice(entry.start, entry.end));
  };
  return {
    step,
    fingerprint: expected.fingerprint,
    startedAt,
    averageLoss,
    averageCount,
    tensors: {
      values: await load('values'),
      moment1: await load('moment1'),
      moment2: await load('moment2'),
      optimizer: await load('optimizer'),
    },
  };
}

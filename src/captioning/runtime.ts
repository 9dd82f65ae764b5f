/**
 * onnxruntime as the captioner uses it, and opening a session with it. Which build runs is the caller's: the browser's
 * is in browser_runtime.ts, Node has its own.
 */
import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-web';
import { f16ToF32, f32ToF16 } from '../formats/safetensors/halves';
import { cosine, unit } from './embedding';
import { CaptionerError, reasonOf } from './error';

export interface Runtime {
  readonly ort: {
    readonly InferenceSession: {
      create(bytes: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
    };
    readonly Tensor: typeof Tensor;
  };
  readonly threads: number;
  /** There is a GPU that is none of the CPU's making, and a build that can use it. */
  readonly webgpu: boolean;
}

/** A model's file, or that with the further files that its weights lie in, by the names it gives them. */
export type ModelBytes =
  | Uint8Array
  | {
      readonly bytes: Uint8Array;
      readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
    };

export type Provider = 'webgpu' | 'wasm';

export interface Opened {
  readonly session: InferenceSession;
  readonly provider: Provider;
}

/** Cosine between what two providers make of one input, below which the GPU's is wrong. */
const rightCosine = 0.999;

/** A session on the CPU. Rejects with CaptionerError. */
export async function openSession(
  runtime: Runtime,
  model: ModelBytes,
  what: string,
): Promise<InferenceSession> {
  try {
    return await create(runtime, model, 'wasm');
  } catch (error) {
    throw refusal(error, what);
  }
}

/**
 * The CPU's session, or one on the GPU if that gives the same for `look` and gives it sooner; the other is let go.
 * `look` runs the session on one fixed input.
 */
export async function fastest(
  runtime: Runtime,
  model: ModelBytes,
  cpu: InferenceSession,
  look: (session: InferenceSession) => Promise<Float32Array>,
): Promise<Opened> {
  const plain: Opened = { session: cpu, provider: 'wasm' };
  if (!runtime.webgpu) return plain;
  let gpu: InferenceSession | undefined;
  try {
    gpu = await create(runtime, model, 'webgpu');
    const [there, here] = [await timed(gpu, look), await timed(cpu, look)];
    if (there.ms < here.ms && cosine(unit(there.numbers), unit(here.numbers)) >= rightCosine) {
      await cpu.release();
      return { session: gpu, provider: 'webgpu' };
    }
  } catch {
    // A GPU that cannot do it leaves the CPU's session, which can; the facts say which one runs.
  }
  await gpu?.release().catch(() => undefined);
  return plain;
}

/** A tensor of numbers in the type that an input takes. */
export function tensorOf(
  { ort }: Runtime,
  type: string,
  values: Float32Array | readonly number[],
  dims: readonly number[],
): Tensor {
  switch (type) {
    case 'float32':
      return new ort.Tensor('float32', Float32Array.from(values), dims);
    case 'float16':
      return new ort.Tensor('float16', f32ToF16(Float32Array.from(values)), dims);
    case 'int32':
      return new ort.Tensor('int32', Int32Array.from(values), dims);
    case 'int64':
      return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), dims);
    default:
      throw new CaptionerError('unknown-model', `The model takes ${type}, which no CLIP or tagger does.`);
  }
}

/** A tensor's numbers as float32. */
export function numbersOf(tensor: Tensor): Float32Array {
  const { data, type } = tensor as TypedTensor<'float32' | 'float16'>;
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array) return f16ToF32(data);
  if (type === 'float16') return Float32Array.from(data);
  throw new CaptionerError('unknown-model', `The model gives ${String(type)}, expected float32 or float16.`);
}

function create(runtime: Runtime, model: ModelBytes, provider: Provider): Promise<InferenceSession> {
  const { bytes, external } = model instanceof Uint8Array ? { bytes: model, external: [] } : model;
  return runtime.ort.InferenceSession.create(bytes, {
    executionProviders: [provider],
    ...(external.length > 0 ? { externalData: external } : {}),
    // What goes wrong is thrown; printed it would frighten whoever looks into the console.
    logSeverityLevel: 4,
    // Threads that spin while they wait take the processor from the page, and on a busy machine from each other.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

async function timed(
  session: InferenceSession,
  look: (session: InferenceSession) => Promise<Float32Array>,
): Promise<{ numbers: Float32Array; ms: number }> {
  // The first run compiles shaders and finds its memory.
  await look(session);
  const start = performance.now();
  const numbers = await look(session);
  return { numbers, ms: performance.now() - start };
}

function refusal(error: unknown, what: string): CaptionerError {
  const reason = reasonOf(error);
  if (/no available backend/i.test(reason)) {
    return new CaptionerError(
      'runtime-missing',
      `The part of the studio that runs captioning models could not be loaded (${reason}). Go online once and try again.`,
      error,
    );
  }
  if (isMemory(error)) return outOfMemory(what, error);
  return new CaptionerError(
    'model-not-loadable',
    `${what} cannot be opened: it is damaged, or made of operations that are not known here (${reason}). Download it again, or choose another export.`,
    error,
  );
}

export function isMemory(error: unknown): boolean {
  return /bad_alloc|out of memory|allocation failed|failed to allocate|memory access out of bounds/i.test(
    error instanceof Error ? error.message : String(error),
  );
}

export function outOfMemory(what: string, cause: unknown): CaptionerError {
  return new CaptionerError(
    'out-of-memory',
    `There was not enough memory for ${what}. Close other tabs, or choose a smaller or a quantized model.`,
    cause,
  );
}

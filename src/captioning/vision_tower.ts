/**
 * CLIP's vision part as an ONNX session: pictures as tensors to embeddings. Takes float32 or float16, a fixed or free
 * batch, and the side from the file or by trying. Not the preprocessing, which is preprocess.ts.
 */
import type { InferenceSession } from 'onnxruntime-web';
import { guarded, inBatches, rows } from './batches';
import type { Embedding } from './embedding';
import { CaptionerError, reasonOf } from './error';
import {
  fastest,
  isMemory,
  numbersOf,
  openSession,
  outOfMemory,
  tensorOf,
  type ModelBytes,
  type Provider,
  type Runtime,
} from './runtime';
import { demandRole, embeddingOutput, signatureOf, type Value } from './signature';

export interface VisionTower {
  readonly provider: Provider;
  /** Pixels of the square picture it sees. */
  readonly side: number;
  readonly dimensions: number;
  /** From `clipTensors`, each [1, 3, side, side]. */
  embed(tensors: readonly Float32Array[]): Promise<Embedding[]>;
  close(): Promise<void>;
}

/** Sides to try where the file does not say: B and L, L/14@336, and those of other families. */
const usualSides = [224, 336, 256, 240, 288, 384, 448];

/** Rejects with CaptionerError. */
export async function openVision(runtime: Runtime, file: ModelBytes): Promise<VisionTower> {
  const cpu = await openSession(runtime, file, 'The vision model');
  const signature = signatureOf(cpu);
  demandRole(signature, 'vision');
  const [input] = signature.inputs;
  const output = embeddingOutput(signature, 'image_embeds');
  const look = async (session: InferenceSession, tensors: readonly Float32Array[], side: number) => {
    const dims = [tensors.length, 3, side, side];
    const results = await session.run({ [input.name]: tensorOf(runtime, input.type, joined(tensors), dims) });
    return numbersOf(results[output.name]);
  };
  const [fixed] = input.shape;
  const probes = (size: number) => Array.from({ length: fixed ?? 1 }, () => probe(size));
  const { side, numbers } = await sideOf(input, (size) => look(cpu, probes(size), size));
  const { session, provider } = await fastest(runtime, file, cpu, (each) => look(each, probes(side), side));
  const dimensions = numbers.length / (fixed ?? 1);
  return {
    provider,
    side,
    dimensions,
    close: () => session.release(),
    embed: (tensors) =>
      inBatches(tensors, fixed, async (part) =>
        rows(await guarded('this picture', () => look(session, part, side)), dimensions),
      ),
  };
}

/** From the input's shape, else the first usual one that the model takes; with what it made of the probes. */
async function sideOf(
  { shape: [, , height, width] }: Value,
  look: (side: number) => Promise<Float32Array>,
): Promise<{ side: number; numbers: Float32Array }> {
  if (height !== undefined && width !== undefined && height !== width) {
    throw new CaptionerError('unknown-model', `The model sees pictures of ${width} x ${height}, no square.`);
  }
  const told = height ?? width;
  let last: unknown;
  for (const side of told === undefined ? usualSides : [told]) {
    try {
      return { side, numbers: await look(side) };
    } catch (error) {
      if (error instanceof CaptionerError) throw error;
      if (isMemory(error)) throw outOfMemory('the vision model', error);
      last = error;
    }
  }
  throw new CaptionerError(
    'unknown-model',
    `The vision model takes no picture of a usual size (${reasonOf(last)}). Choose another export.`,
    last,
  );
}

/** A fixed picture of no meaning that uses all of a tensor's range. [1, 3, side, side] */
function probe(side: number): Float32Array {
  return Float32Array.from(
    { length: 3 * side * side },
    (_, i) => 1.7 * Math.sin(i * 0.37 + (i % side) * 0.011),
  );
}

function joined(tensors: readonly Float32Array[]): Float32Array {
  if (tensors.length === 1) return tensors[0];
  const all = new Float32Array(tensors.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of tensors) {
    all.set(each, at);
    at += each.length;
  }
  return all;
}

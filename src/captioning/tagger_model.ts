/** A WD14 tagger as an ONNX session: a picture to a probability for each of its tags. */
import type { InferenceSession } from 'onnxruntime-web';
import { guarded } from './batches';
import { CaptionerError } from './error';
import {
  fastest,
  numbersOf,
  openSession,
  tensorOf,
  type ModelBytes,
  type Provider,
  type Runtime,
} from './runtime';
import { demandRole, signatureOf } from './signature';

export interface TaggerModel {
  readonly provider: Provider;
  readonly side: number;
  /** From `taggerTensor`. Each 0 to 1. */
  probabilities(tensor: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Of the v3 taggers; used where the file does not say. */
const usualSide = 448;

/** Rejects with CaptionerError. */
export async function openTagger(runtime: Runtime, file: ModelBytes, tags: number): Promise<TaggerModel> {
  const cpu = await openSession(runtime, file, 'The tagger');
  const signature = signatureOf(cpu);
  demandRole(signature, 'tagger');
  const [input] = signature.inputs;
  const [output] = signature.outputs;
  const [fixed = 1, height, width] = input.shape;
  if (height !== width || fixed !== 1) {
    throw new CaptionerError(
      'unknown-model',
      `The tagger takes ${fixed} pictures of ${width} x ${height} at once, expected one square. Choose another export.`,
    );
  }
  const side = height ?? usualSide;
  const look = async (session: InferenceSession, tensor: Float32Array) => {
    const results = await session.run({
      [input.name]: tensorOf(runtime, input.type, tensor, [1, side, side, 3]),
    });
    return numbersOf(results[output.name]);
  };
  const probe = Float32Array.from({ length: side * side * 3 }, (_, i) => 128 + 120 * Math.sin(i * 0.37));
  const first = await guarded('the tagger', () => look(cpu, probe));
  if (first.length !== tags) {
    throw new CaptionerError(
      'tags-differ',
      `The tagger knows ${first.length} tags, the list has ${tags}: they are not of one model. Choose both from the same one.`,
    );
  }
  const { session, provider } = await fastest(runtime, file, cpu, (each) => look(each, probe));
  return {
    provider,
    side,
    probabilities: (tensor) => guarded('this picture', () => look(session, tensor)),
    close: () => session.release(),
  };
}

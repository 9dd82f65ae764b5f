/**
 * What a session takes and gives, and which part of which model that makes it: told from names and shapes, never from
 * the file's name.
 */
import type { InferenceSession } from 'onnxruntime-web';
import { CaptionerError } from './error';

export interface Value {
  readonly name: string;
  readonly type: string;
  /** undefined where the model takes any size. */
  readonly shape: readonly (number | undefined)[];
}

export interface Signature {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

export type Role = 'vision' | 'text' | 'whole-clip' | 'tagger' | 'other';

export function signatureOf(session: InferenceSession): Signature {
  return { inputs: session.inputMetadata.map(value), outputs: session.outputMetadata.map(value) };
}

export function roleOf({ inputs, outputs }: Signature): Role {
  const pixels = inputs.some(({ name }) => name === 'pixel_values');
  const words = inputs.some(({ name }) => name === 'input_ids');
  if (pixels && words) return 'whole-clip';
  if (words) return 'text';
  const [first, ...more] = inputs;
  if (first === undefined || more.length > 0 || first.shape.length !== 4) return 'other';
  // Taggers take height, width, channels; CLIP channels first.
  const channelsLast = first.shape[3] === 3 && first.shape[1] !== 3;
  if (channelsLast) return outputs.length === 1 && outputs[0].shape.length === 2 ? 'tagger' : 'other';
  return pixels || first.shape[1] === 3 ? 'vision' : 'other';
}

const roleWords: Readonly<Record<Role, string>> = {
  vision: "CLIP's vision part (pictures in)",
  text: "CLIP's text part (words in)",
  'whole-clip':
    'both parts of CLIP in one file; the studio needs them apart, vision_model.onnx and text_model.onnx',
  tagger: 'a tagger (pictures in, tags out)',
  other: 'neither CLIP nor a tagger',
};

/** Throws CaptionerError if the session is another part than the one wanted. */
export function demandRole(signature: Signature, wanted: 'vision' | 'text' | 'tagger'): void {
  const role = roleOf(signature);
  if (role === wanted) return;
  if (wanted === 'tagger' && role === 'vision' && !isClipVision(signature)) {
    throw new CaptionerError(
      'tagger-channels-first',
      'This tagger takes its picture channels first (NCHW): such exports differ in the order of colours and the range of ' +
        'numbers, and the file does not say how. Choose the model.onnx of a WD14 tagger, which takes channels last (NHWC).',
    );
  }
  const problem =
    wanted === 'vision' && role === 'text'
      ? 'text-as-vision'
      : wanted === 'text' && role === 'vision'
        ? 'vision-as-text'
        : wanted !== 'tagger' && role === 'tagger'
          ? 'tagger-as-clip'
          : wanted === 'tagger' && (role === 'vision' || role === 'text' || role === 'whole-clip')
            ? 'clip-as-tagger'
            : 'unknown-model';
  const names = signature.inputs.map(({ name }) => name).join(', ') || 'nothing';
  throw new CaptionerError(
    problem,
    `The file given as ${roleWords[wanted]} is ${roleWords[role]}: it takes ${names}. Choose the other file.`,
  );
}

/** By what exports of CLIP call things; taggers that take channels first call them otherwise. */
function isClipVision({ inputs, outputs }: Signature): boolean {
  return (
    outputs.some(({ name }) => /embed|hidden_state|pooler/.test(name)) ||
    (inputs[0].name === 'pixel_values' && !outputs.some(({ name }) => /logits|prediction|probs/.test(name)))
  );
}

/**
 * The output that holds embeddings: the one of that name, else the only one, if it is a vector. Throws CaptionerError where
 * there is none: a tower exported without its projection gives hidden states, which mean nothing to the other tower.
 */
export function embeddingOutput({ outputs }: Signature, name: 'image_embeds' | 'text_embeds'): Value {
  const named = outputs.find((output) => output.name === name);
  const [only, ...more] = outputs;
  const alone = more.length === 0 && only?.shape.length === 2 && !/hidden|pooler/.test(only.name);
  const output = named ?? (alone ? only : undefined);
  if (output) return output;
  throw new CaptionerError(
    'unknown-model',
    `This CLIP gives ${outputs.map((each) => each.name).join(', ')}, but no ${name}: it was exported without its ` +
      'projection. Choose an export with projection.',
  );
}

function value(metadata: InferenceSession.ValueMetadata): Value {
  if (!metadata.isTensor) return { name: metadata.name, type: 'no tensor', shape: [] };
  const shape = metadata.shape.map((size) => (typeof size === 'number' && size > 0 ? size : undefined));
  return { name: metadata.name, type: metadata.type, shape };
}

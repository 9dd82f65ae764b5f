/**
 * A model's file to memory, checked before anything is made of it: a person may have chosen a checkpoint, a web page
 * that a download gave, or half a file, and each has its sentence.
 */
import { fromBlob } from '../formats/byte_source';
import { readOnnxFile, type OnnxFileProblem } from '../formats/onnx_file';
import type { CaptionerProblem } from '../protocol/captioner';
import { CaptionerError } from './error';
import { outOfMemory } from './runtime';

const piece = 8 * 2 ** 20;

export interface ModelFile {
  readonly bytes: Uint8Array;
  /** What its makers wrote beside the graph. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** `onRead` is told the bytes of each piece. `what`: "The vision model". Rejects with CaptionerError. */
export async function readModel(
  file: Blob,
  what: string,
  onRead: (bytes: number) => void,
): Promise<ModelFile> {
  const reading = await readOnnxFile(fromBlob(file)).catch((error: unknown) => {
    throw new CaptionerError(
      'model-not-loadable',
      `${what} can no longer be read: it was moved, changed or deleted. Choose it again.`,
      error,
    );
  });
  if (!reading.ok) {
    const { problem, sentence } = refusals[reading.problem];
    throw new CaptionerError(problem, sentence(what, reading.offset, file.size));
  }
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(file.size);
  } catch (error) {
    throw outOfMemory(what.toLowerCase(), error);
  }
  for (let at = 0; at < file.size; at += piece) {
    const part = new Uint8Array(await file.slice(at, at + piece).arrayBuffer());
    bytes.set(part, at);
    onRead(part.length);
  }
  return { bytes, metadata: reading.metadata };
}

interface Refusal {
  readonly problem: CaptionerProblem;
  readonly sentence: (what: string, offset: number, size: number) => string;
}

const refusals: Readonly<Record<OnnxFileProblem, Refusal>> = {
  empty: {
    problem: 'empty-model',
    sentence: (what) => `${what} is an empty file. Download it again.`,
  },
  safetensors: {
    problem: 'checkpoint-as-model',
    sentence: (what) =>
      `${what} is a .safetensors file, a checkpoint or LoRA, which cannot caption. Choose the CLIP or tagger as .onnx.`,
  },
  pickle: {
    problem: 'pickle-as-model',
    sentence: (what) =>
      `${what} is a file of PyTorch's (.pt, .ckpt or .bin), which may run code when it is opened and is refused. Choose the model as .onnx.`,
  },
  'web-page': {
    problem: 'web-page-as-model',
    sentence: (what) =>
      `${what} is a web page: the download gave a page about the file, not the file. Download the file itself.`,
  },
  pointer: {
    problem: 'pointer-as-model',
    sentence: (what) =>
      `${what} is only the stand-in that Git LFS leaves for a big file. Download the file itself, or run "git lfs pull".`,
  },
  'not-onnx': {
    problem: 'not-onnx',
    sentence: (what, offset) =>
      `${what} is no ONNX file (at byte ${offset}). Choose a model that ends in .onnx.`,
  },
  'cut-short': {
    problem: 'model-cut-short',
    sentence: (what, offset, size) =>
      `${what} ends too early or is damaged: it has ${size} bytes, and what is written at byte ${offset} does not fit. Download it again.`,
  },
};

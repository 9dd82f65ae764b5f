/**
 * A model's file to memory, checked before anything is made of it: a person may have chosen a checkpoint, a web page
 * that a download gave, or half a file, and each has its sentence.
 */
import { fromBlob } from '../formats/safetensors/byte_source';
import { fileNameOf } from '../formats/onnx/onnx_external';
import { readOnnxFile, type OnnxFileProblem } from '../formats/onnx/onnx_file';
import type { CaptionerProblem, ExternalFile } from '../protocol/captioner';
import { CaptionerError } from './error';
import { outOfMemory } from './runtime';

const piece = 8 * 2 ** 20;

export interface ModelFile {
  readonly bytes: Uint8Array;
  /** The further files that its weights lie in, by the names it gives them. */
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** What its makers wrote beside the graph. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** `onRead` is told the bytes of each piece. `what`: "The vision model". Rejects with CaptionerError. */
export async function readModel(
  file: Blob,
  what: string,
  external: readonly ExternalFile[],
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
  const missing = reading.external.filter((location) => !named(external, location));
  if (missing.length > 0) {
    const names = missing.map(fileNameOf).join(', ');
    throw new CaptionerError(
      'external-missing',
      `${what} has its weights in ${names}, which is not there. Give that file too, or an export in a single file.`,
    );
  }
  const bytes = await readWhole(file, what, onRead);
  const weights: { path: string; data: Uint8Array }[] = [];
  for (const path of reading.external) {
    const found = named(external, path);
    if (found) weights.push({ path, data: await readWhole(found.file, found.name, onRead) });
  }
  return { bytes, external: weights, metadata: reading.metadata };
}

/** Without its folder: files that were chosen have none. */
function named(external: readonly ExternalFile[], location: string): ExternalFile | undefined {
  return external.find(({ name }) => name === fileNameOf(location));
}

async function readWhole(file: Blob, what: string, onRead: (bytes: number) => void): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(file.size);
  } catch (error) {
    throw outOfMemory(what.replace(/^The /, 'the '), error);
  }
  for (let at = 0; at < file.size; at += piece) {
    const part = new Uint8Array(await file.slice(at, at + piece).arrayBuffer());
    bytes.set(part, at);
    onRead(part.length);
  }
  return bytes;
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

/** The captioner without a page: the same engine on onnxruntime's WebAssembly in Node, pictures decoded by sharp. */
import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-web';
import type { EmbeddingCache } from '../src/captioning/cache';
import { makeCaptioner } from '../src/captioning/captioner';
import type { Captioner } from '../src/protocol/captioner';
import { decodeRgba } from './images';

const MERGES = new URL('../public/clip/merges.txt', import.meta.url);

/** `threads` holds for the whole process: onnxruntime takes it once. */
export function nodeCaptioner(threads = 1, cache?: EmbeddingCache): Captioner {
  return makeCaptioner({
    openRuntime() {
      ort.env.wasm.numThreads = threads;
      return Promise.resolve({ ort, threads, webgpu: false });
    },
    decode: async ({ file, name }) => decodeRgba(new Uint8Array(await file.arrayBuffer()), name),
    wordList: () => readFile(MERGES, 'utf8'),
    ...(cache ? { cache } : {}),
  });
}

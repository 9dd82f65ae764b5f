/** The captioner's worker, to be ended and started again: a lost session of onnxruntime cannot be mended in its realm. */
import '../src/protocol/own_scripts';
import * as Comlink from 'comlink';
import { openRuntime } from '../src/captioning/browser_runtime';
import { makeCaptioner } from '../src/captioning/captioner';
import type { Captioner } from '../src/protocol/captioner';
import { getEmbedding, putEmbedding } from '../src/storage/embeddings';
import { pixelsOf } from './pixels';
import { ownFile } from '../src/protocol/studio_root';

const captioner = makeCaptioner({
  openRuntime,
  decode: pixelsOf,
  async wordList() {
    const response = await fetch(ownFile('clip/merges.txt'));
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    return response.text();
  },
  cache: { get: getEmbedding, put: putEmbedding },
}) satisfies Captioner;

// Held as long as the worker lives: by its release the page learns of an end that says nothing.
void navigator.locks?.request(self.name, () => new Promise(() => undefined));
Comlink.expose(captioner);

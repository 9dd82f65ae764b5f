/** What tests of the captioner share: the small models that reference/make_tiny_onnx.py makes, and pictures of a colour. */
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-web';
import type { CaptionImage } from '../protocol/captioner';
import { makeCaptioner, plainOptions, type CaptionerParts } from './captioner';
import type { Pixels } from './preprocess';
import type { Runtime } from './runtime';

export const runtime: Runtime = { ort, threads: 1, webgpu: false };
ort.env.wasm.numThreads = 1;
// The tests' set-up gives Node a worker's scope for tfjs's sake; onnxruntime would take itself to be in a browser.
Reflect.deleteProperty(globalThis, 'WorkerGlobalScope');

export const merges = readFileSync(new URL('../../public/clip/merges.txt', import.meta.url), 'utf8');

export function fixture(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
}

export const file = (name: string) => new Blob([fixture(name)]);

export const clip = {
  kind: 'clip',
  key: 'tiny',
  vision: file('vision.onnx'),
  text: file('text.onnx'),
  vocabulary: 'demo',
} as const;

export const tagger = {
  kind: 'tagger',
  key: 'tags',
  model: file('tagger.onnx'),
  tags: file('tags.csv'),
} as const;

/** A picture whose file is its colour, as text: "255,0,0". */
export function picture(id: string, colour: readonly [number, number, number] = [200, 40, 40]): CaptionImage {
  return { id, name: `${id}.png`, digest: id, file: new Blob([colour.join()]) };
}

export function plain(width: number, height: number, [r, g, b]: readonly number[]): Pixels {
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < data.length; i += 4) data.set([r, g, b, 255], i);
  return { width, height, data };
}

export const options = plainOptions;

export function captionerOn(parts: Partial<CaptionerParts> = {}) {
  return makeCaptioner({
    openRuntime: () => Promise.resolve(runtime),
    async decode({ name, file: bytes }) {
      const colour = (await bytes.text()).split(',').map(Number);
      if (colour.length !== 3) throw new Error(`${name} cannot be decoded.`);
      return plain(40, 40, colour);
    },
    wordList: () => Promise.resolve(merges),
    ...parts,
  });
}

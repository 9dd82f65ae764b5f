/** Decoding, preprocessing and the demo CLIP against transformers and onnxruntime: reference/make_clip_golden.py. */
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { cosine, unit } from '../src/captioning/embedding';
import { runtime } from '../src/captioning/models.testing';
import { clipTensor } from '../src/captioning/preprocess';
import { openVision, type VisionTower } from '../src/captioning/vision_tower';
import { decodeRgba } from './images';

const files = unzipSync(readFileSync(new URL('../src/captioning/fixtures/clip_golden.zip', import.meta.url)));
const embeddings = JSON.parse(new TextDecoder().decode(files['embeddings.json'])) as Record<string, number[]>;
const side = 128;
const mean = [0.48145466, 0.4578275, 0.40821073];
const deviation = [0.26862954, 0.26130258, 0.27577711];

let tower: VisionTower;
beforeAll(async () => {
  const file = new Uint8Array(readFileSync(new URL('../public/demo/clip_vision.onnx', import.meta.url)));
  tower = await openVision(runtime, file);
});

describe.each(Object.keys(embeddings))('%s', (name) => {
  it('is cropped as transformers crops it, and embedded as onnxruntime embeds that', async () => {
    const tensor = clipTensor(await decodeRgba(files[name], name), side);
    const crop = files[`${name}.crop`]; // [3, side, side]
    const off = Array.from(tensor, (value, i) => {
      const channel = Math.floor(i / (side * side));
      return Math.abs(Math.round((value * deviation[channel] + mean[channel]) * 255) - crop[i]);
    });
    // JPEG decoders differ by a little; of the rest every byte is the same but where alpha is rounded.
    const most = name.endsWith('.jpg') ? 3 : name === 'alpha.png' ? 1 : 0;
    expect(off.reduce((a, b) => Math.max(a, b), 0)).toBeLessThanOrEqual(most);
    const [embedding] = await tower.embed([tensor]);
    expect(cosine(embedding, unit(embeddings[name]))).toBeGreaterThanOrEqual(0.9999);
  });
});

/**
 * How fast a CLIP captions pictures on WebAssembly in Node: `npm run bench:captions -- --vision vision_model.onnx --text
 * text_model.onnx [--threads N] [--pictures N]`; without files the demo's. The pictures are noise of 512 px, as JPEG. One
 * process per number of threads, for onnxruntime takes it once.
 */
import { randomBytes } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import sharp from 'sharp';
import { plainOptions } from '../src/captioning/captioner';
import type { CaptionImage, CaptionModel } from '../src/protocol/captioner';
import { nodeCaptioner } from './captioner';
import { optionsOf, runCommand, UsageError } from './command';

const SIDE = 512;
const USAGE =
  'Usage: npm run bench:captions -- [--vision vision_model.onnx --text text_model.onnx] [--threads N] [--pictures N]';

async function main(): Promise<void> {
  const values = optionsOf({
    options: {
      vision: { type: 'string' },
      text: { type: 'string' },
      threads: { type: 'string', default: '1' },
      pictures: { type: 'string', default: '20' },
    },
  });
  for (const name of ['threads', 'pictures'] as const)
    if (!(Number.isInteger(Number(values[name])) && Number(values[name]) >= 1))
      throw new UsageError(`--${name} takes a whole number from 1 up.`);
  const images = await Promise.all(Array.from({ length: Number(values.pictures) }, (_, i) => noise(i)));
  const model = await modelOf(values);
  const captioner = nodeCaptioner(Number(values.threads));
  const start = performance.now();
  const facts = await captioner.open(model, () => undefined);
  const opened = performance.now();
  let first = 0;
  await captioner.caption(images, plainOptions, () => {
    first ||= performance.now();
  });
  const seconds = (performance.now() - first) / 1000;
  const phrases = facts.slots.reduce((sum, slot) => sum + slot.phrases, 0);
  const peak = process.resourceUsage().maxRSS / 2 ** 20;
  console.log(
    [
      `${facts.provider}, threads ${facts.threads}, ${facts.side} px, ${phrases} phrases`,
      `opened with its phrases in ${((opened - start) / 1000).toFixed(1)} s`,
      `first caption after ${((first - start) / 1000).toFixed(1)} s`,
      `${((images.length - 1) / seconds).toFixed(2)} images/s after it`,
      `peak memory of the process ${peak.toFixed(2)} GiB`,
    ].join('\n'),
  );
}

async function noise(i: number): Promise<CaptionImage> {
  const raw = { width: SIDE, height: SIDE, channels: 3 as const };
  const file = await sharp(randomBytes(SIDE * SIDE * 3), { raw })
    .jpeg()
    .toBuffer();
  return { id: String(i), name: `${i}.jpg`, digest: String(i), file: new Blob([new Uint8Array(file)]) };
}

async function modelOf({ vision, text }: { vision?: string; text?: string }): Promise<CaptionModel> {
  const vocabulary = vision && text ? 'general' : 'demo';
  const demo = (name: string) => new URL(`../public/demo/${name}`, import.meta.url);
  return {
    kind: 'clip',
    key: 'measured',
    vision: await openAsBlob(vision ?? demo('clip_vision.onnx')),
    text: await openAsBlob(text ?? demo('clip_text.onnx')),
    vocabulary,
  };
}

runCommand(main, USAGE);

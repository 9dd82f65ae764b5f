/** What `npm run handover -- --back FOLDER` says of a folder that came back. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { smallLora } from '../src/formats/handover/returned.testing';
import { recordBytes } from '../src/formats/tensorboard/run_events';
import { handoverBack } from './handover_back';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'back-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}
const lora = async (steps: number) =>
  smallLora(3, { ss_output_name: 'ink', ss_steps: String(steps), ss_max_train_steps: '8', ss_network_dim: '3' }).bytes(); // prettier-ignore
const loss = (step: number, scalar: number) =>
  recordBytes({ time: 100 + step, step, what: { kind: 'values', values: [{ tag: 'loss/current', scalar }] } }); // prettier-ignore

async function said(): Promise<string[]> {
  const lines: string[] = [];
  await handoverBack(root, (line) => lines.push(line));
  return lines;
}

test('LoRAs, log and samples are told; what is damaged is named', async () => {
  const png = await sharp({ create: { width: 64, height: 32, channels: 3, background: '#123' } }).png().toBuffer(); // prettier-ignore
  await put('output/ink.safetensors', await lora(8));
  await put('output/ink-step00000004.safetensors', await lora(4));
  await put('logs/20260529/network_train/events.out.tfevents.1.h', Buffer.concat([loss(1, 0.5), loss(2, 0.25)])); // prettier-ignore
  await put('output/sample/ink_000004_00_20260529011400_9.png', png);
  await put('output/sample/ink_000008_00_20260529011500_9.png', png.subarray(0, png.length - 30));
  const lines = await said();
  expect(lines).toEqual([
    'note: output/sample/ink_000008_00_20260529011500_9.png is damaged, or no PNG',
    expect.stringMatching(/^ink: 8 of 8 steps/),
    'LoRA of step 4, 8: ink-step00000004.safetensors, ink.safetensors',
    'log of 2 steps: loss 0.5000 at first, 0.2500 over the last 1',
    expect.stringMatching(/^1 samples; \d+ settings known$/),
    expect.stringContaining(`pretrained_lora: ${join(root, 'output/ink.safetensors')}`),
  ]);
});

test('a LoRA that is not what the job asked for, and a folder without anything of a run', async () => {
  await put('config.toml', 'network_dim = 16\npretrained_model_name_or_path = "base/x"\n');
  await expect(said()).rejects.toThrow('There is no LoRA, log or sample');
  await put('output/ink.safetensors', await lora(8));
  await expect(said()).rejects.toThrow('ink.safetensors has rank 3, and the job asked for 16');
  root = join(root, 'none');
  await expect(said()).rejects.toThrow('cannot be read');
});

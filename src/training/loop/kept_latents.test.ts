/** A second run takes from the disk what the VAE said of its pictures: nothing is encoded, and the bytes are the same. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import type { LatentStore, TrainEvent } from '../../protocol/trainer';
import type { TrainConfig } from '../../formats/config/config_fields';
import type { TrainingImage } from '../data/dataset';
import { bytesOf, of, pictures, QUICK, shortRun } from '../run.testing';
import { train } from './train';

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

/** Nothing more can be written. */
let full = false;
const disk = new Map<string, Uint8Array<ArrayBuffer>>();
const store: LatentStore = {
  read: (name) => Promise.resolve(disk.get(name)),
  write: (name, bytes) => {
    if (full) return Promise.resolve(false);
    disk.set(name, bytes);
    return Promise.resolve(true);
  },
  shrink: () => Promise.resolve(),
};
let decoded: string[] = [];
const images = (): TrainingImage[] =>
  pictures()
    .slice(0, 3)
    .map((image) => ({
      ...image,
      digest: () => Promise.resolve(`content of ${image.name}`),
      pixels: (placement) => {
        decoded.push(image.name);
        return image.pixels(placement);
      },
    }));

async function run(settings: Partial<TrainConfig> = {}, more: Parameters<typeof shortRun>[1] = {}) {
  decoded = [];
  const events: TrainEvent[] = [];
  const labels = new Set<string>();
  const job = shortRun(
    { ...QUICK, max_train_steps: 2, ...settings },
    { images: images(), latents: store, ...more },
  );
  for await (const event of train(job)) {
    events.push(event);
    for (const label of Object.keys(gpu().buffers.ledger().byLabel)) labels.add(label);
  }
  const told = of(events, 'note').map(({ error }) => [error?.code, error?.facts]);
  const [saved] = of(events, 'saved');
  const encoded = of(events, 'progress').filter(({ phase, unit }) => phase === 'encode' && unit === 'images');
  return {
    told,
    encoded: encoded.map(({ done, total }) => `${done} of ${total}`),
    vae: labels.has('VAE'),
    lora: await bytesOf(saved?.lora),
    state: await bytesOf(saved?.state),
  };
}

test('nothing is encoded twice, whatever the seed; what is damaged is', async () => {
  const first = await run();
  expect([first.told, first.vae, decoded]).toEqual([[], true, ['0.png', '1.png', '2.png']]);
  // With their mirror images.
  expect(disk.size).toBe(6);

  const second = await run();
  expect(second.told).toEqual([['found', { found: 3, pictures: 3 }]]);
  expect([second.vae, decoded, second.encoded]).toEqual([false, [], []]);
  expect(second.lora).toEqual(first.lora);
  expect(second.state).toEqual(first.state);

  // Another seed, one picture's entry cut and one's with a bit flipped.
  const [one, two] = [...disk.keys()];
  disk.set(one, disk.get(one)?.subarray(0, 100) as Uint8Array<ArrayBuffer>);
  const flipped = disk.get(two)?.slice() as Uint8Array<ArrayBuffer>;
  flipped[flipped.length - 5] ^= 1;
  disk.set(two, flipped);
  const third = await run({ seed: 7 });
  expect(third.told).toEqual([
    ['damaged', { count: 2 }],
    ['found', { found: 2, pictures: 3 }],
  ]);
  expect(decoded).toEqual(['0.png']);
  const alone = shortRun({ ...QUICK, max_train_steps: 2, seed: 7 }, { images: images() });
  const events: TrainEvent[] = [];
  for await (const event of train(alone)) events.push(event);
  expect(third.lora).toEqual(await bytesOf(of(events, 'saved')[0]?.lora));
  expect(disk.size).toBe(6);
});

test('another picture of the same name is encoded anew', async () => {
  const before = new Set(disk.keys());
  const [first, ...rest] = images();
  const other = { ...first, digest: () => Promise.resolve('repainted') };
  const again = () => run({ max_train_steps: 1 }, { images: [other, ...rest] });
  // What cannot be kept is told, and the run goes on.
  full = true;
  const { told, encoded } = await again();
  full = false;
  expect(told).toEqual([
    ['found', { found: 2, pictures: 3 }],
    ['lost', { lost: 1, pictures: 3 }],
  ]);
  expect([encoded, decoded]).toEqual([['1 of 1'], ['0.png']]);
  expect((await again()).told).toEqual([['found', { found: 2, pictures: 3 }]]);
  expect([...disk.keys()].filter((name) => !before.has(name))).toHaveLength(2);
});

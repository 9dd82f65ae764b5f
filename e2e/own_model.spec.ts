/**
 * Someone with a Stable Diffusion 1.5 of their own and twenty pictures, on Chromium's and on Firefox's adapter: with every
 * preset Start is enabled, untouched, and the run needs no more than a card of 4 GB has. The model is a sparse file of
 * 2.1 GB; the browser's copy of it is deleted afterwards.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, expect, test } from '@playwright/test';
import sharp from 'sharp';
import { inChromium, inFirefox, type Person } from './person';
import { writeSparseSd15 } from './sparse_sd15';

test.setTimeout(900_000);

const PRESETS = ['A face or figure that stays itself', 'One thing, placed in any scene', 'The hand, not the'];
const LONG_MS = 600_000;
let folder: string;
let files: { model: string; pictures: string[] };

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'studio-own-model-'));
  const model = join(folder, 'mine.safetensors');
  await writeSparseSd15(model);
  // Upright, wide and square, smaller than a bucket and larger.
  const pictures = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const path = join(folder, `photo${i}.jpg`);
      const [width, height] = [400 + 37 * i, 400 + ((53 * i) % 700)];
      const background = { r: 10 * i, g: 255 - 9 * i, b: (70 * i) % 255 };
      await sharp({ create: { width, height, channels: 3, background } })
        .jpeg()
        .toFile(path);
      return path;
    }),
  );
  files = { model, pictures };
});
test.afterAll(() => rm(folder, { recursive: true, force: true }));

test('Start is enabled with every preset, untouched, in Chromium', async () => {
  // A profile on disk: what a private one keeps lies in memory, which has no room for gigabytes.
  const { launchOptions } = test.info().project.use;
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), launchOptions);
  try {
    const page = await context.newPage();
    // As in a browser that cannot keep a file's handle: the model is copied.
    await page.addInitScript(() => Reflect.deleteProperty(window, 'showOpenFilePicker'));
    await journey(inChromium(page), () => page.evaluate(used));
  } finally {
    await context.close();
  }
});

test('the same in Firefox', () => inFirefox((person, page) => journey(person, () => page.evaluate(used))));

async function journey(person: Person, stored: () => Promise<number>): Promise<void> {
  const address = test.info().project.use.baseURL ?? '';
  await person.goTo(address);
  await person.sees('heading', 'Drop your pictures here');
  await person.give('Pictures, captions or a zip', files.pictures);
  await person.sees('heading', 'Images and captions');
  await person.reads('photo19.jpg');
  await person.goTo(`${address}/#start`);
  await person.give('Base model file', [files.model]);
  await person.goTo(`${address}/#settings`);
  await person.sees('heading', 'Settings');
  await person.reads('The base model is being copied.');
  for (const preset of PRESETS) {
    await person.pressText(preset);
    await expect.poll(() => person.attribute(MEMORY, 'aria-busy'), { timeout: LONG_MS }).toBe('false');
    await person.reads('to spare', LONG_MS);
    const said = (await person.attribute(`${MEMORY} .vram`, 'aria-label')) ?? '';
    const [, peak, unit] = /^([\d.]+) (\w+) of 3.5 GB$/.exec(said) ?? [];
    expect(unit, said).toBe('GB');
    expect(Number(peak)).toBeGreaterThan(2);
    expect(Number(peak)).toBeLessThanOrEqual(3.5);
    expect(await person.attribute('.start-it button', 'disabled')).toBeNull();
    await person.reads(`ready`);
  }
  await person.goTo(`${address}/#start`);
  await person.press('button', 'Use the demo model');
  await expect.poll(stored, { timeout: 60_000 }).toBeLessThan(5e8);
}

/** The part of the panel that is about memory. */
const MEMORY = 'section[aria-busy]';

/** Runs in the page. */
async function used(): Promise<number> {
  return (await navigator.storage.estimate()).usage ?? Infinity;
}

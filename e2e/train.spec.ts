/** From a base model and pictures to a LoRA file, in the page, in the trainer's worker. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import sharp from 'sharp';
import { fromBytes } from '../src/formats/byte_source';
import { parseLora } from '../src/formats/kohya_lora';

const TINY = fileURLToPath(new URL('../reference/golden/tiny-sd15.safetensors', import.meta.url));

test('trains three steps and hands back a LoRA that parses', async ({ page }) => {
  const elsewhere: string[] = [];
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol !== 'blob:' && hostname !== '127.0.0.1') elsewhere.push(request.url());
  });
  await page.goto('/');
  await page.getByLabel('Base model').setInputFiles(TINY);
  await page.getByLabel('Pictures and captions').setInputFiles([
    { name: 'red.png', mimeType: 'image/png', buffer: await picture('#c02020') },
    { name: 'red.txt', mimeType: 'text/plain', buffer: Buffer.from('a red square') },
    { name: 'blue.png', mimeType: 'image/png', buffer: await picture('#2040c0') },
  ]);
  await page.getByLabel('Resolution').fill('128');
  await page.getByRole('button', { name: 'Train' }).click();
  await expect(page.getByRole('status', { name: 'Training' })).toHaveText('Done after 3 steps.', {
    timeout: 150_000,
  });
  await expect(page.getByRole('list', { name: 'Steps' }).getByRole('listitem')).toHaveCount(3);

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: /Download/ }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('my_lora.safetensors');
  const lora = await parseLora(fromBytes(new Uint8Array(await readFile(await download.path()))));
  expect(lora.modules).toHaveLength(192);
  expect(lora.metadata['ss_steps']).toBe('3');
  // Up starts at zero: after three steps of a warm optimizer it must have moved, and be finite.
  const moved = lora.modules.filter(({ up }) => up.some((value) => value !== 0));
  expect(moved.length).toBe(192);
  expect(lora.modules.every(({ up, down }) => [...up, ...down].every(Number.isFinite))).toBe(true);

  // A reload loses nothing.
  await page.reload();
  const [again] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: /Download/ }).click(),
  ]);
  expect(await readFile(await again.path())).toEqual(await readFile(await download.path()));
  expect(elsewhere).toEqual([]);
});

test('a file that is no base model is named for what it is', async ({ page }) => {
  await page.goto('/');
  await page.getByLabel('Base model').setInputFiles({
    name: 'model.ckpt.safetensors',
    mimeType: '',
    buffer: Buffer.from('PK\x03\x04 and more of a zip archive'),
  });
  await page
    .getByLabel('Pictures and captions')
    .setInputFiles([{ name: 'red.png', mimeType: 'image/png', buffer: await picture('#c02020') }]);
  await page.getByRole('button', { name: 'Train' }).click();
  await expect(page.getByRole('status', { name: 'Training' })).toContainText(/pickle|zip/i);
});

function picture(colour: string): Promise<Buffer> {
  return sharp({ create: { width: 150, height: 150, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

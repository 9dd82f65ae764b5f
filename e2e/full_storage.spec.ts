/**
 * The browser's room for the studio runs out, by a quota set from outside the page: while pictures come in, while a
 * base model is copied, while a run saves. Each time a sentence and a remedy, and nothing that was there is lost.
 */
import { randomBytes } from 'node:crypto';
import { expect, test, type Page } from '@playwright/test';
import sharp from 'sharp';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { inChromium } from './person';
import { chooseTinyModel, goTo, prepareRun, says, start, stepsDone, tinyModel } from './small_run';
import { storedLora } from './stored_runs';

test.setTimeout(1_500_000);
// It would put eleven megabytes of the studio's own files into the room that is measured here, sooner or later.
test.use({ serviceWorkers: 'block' });

const HALF_A_MINUTE = 35_000;

const NO_ROOM = 'This browser has no room left for';
const REMEDY = 'Delete a project or old checkpoints under Storage, or free space on the disk, and try again.';

/**
 * So many bytes more than are used now; without them as much as the browser has. Chromium asks for a database's room once
 * in half a minute, so that much later this counts for what goes there.
 */
async function leaveRoom(page: Page, bytes?: number): Promise<void> {
  const { origin } = new URL(page.url());
  const client = await page.context().newCDPSession(page);
  const { usage: used } = await client.send('Storage.getUsageAndQuota', { origin });
  const quotaSize = bytes === undefined ? undefined : used + bytes;
  await client.send('Storage.overrideQuotaForOrigin', {
    origin,
    ...(quotaSize === undefined ? {} : { quotaSize }),
  });
  // A session that ends takes its override with it: this one stays open as long as the page.
}

/** Noise, which no format makes smaller. */
function noise(name: string): Promise<{ name: string; mimeType: string; buffer: Buffer }> {
  const raw = { width: 400, height: 400, channels: 3 as const };
  return sharp(randomBytes(400 * 400 * 3), { raw })
    .png()
    .toBuffer()
    .then((buffer) => ({ name, mimeType: 'image/png', buffer }));
}

test('pictures: those that found room stay, and the rest comes when there is more', async ({ page }) => {
  const pictures = await Promise.all(Array.from({ length: 80 }, (_, i) => noise(`noise${i + 10}.png`)));
  await page.goto('/#images');
  await expect(page.getByRole('heading', { name: 'Images and captions' })).toBeVisible();
  // Of some 38 MB.
  await leaveRoom(page, 18e6);
  await page.waitForTimeout(HALF_A_MINUTE);
  await page.getByLabel('Choose pictures').setInputFiles(pictures);
  const note = page.getByRole('status').filter({ hasText: 'Adding ended after' });
  await expect(note).toContainText(`${NO_ROOM} these pictures`);
  await expect(note).toContainText(REMEDY);
  const stayed = Number(/ended after (\d+) pictures/.exec(await note.innerText())?.[1]);
  expect(stayed).toBeGreaterThan(0);
  expect(stayed).toBeLessThan(80);
  const all = (n: number) => page.getByRole('button', { name: `All ${n}`, exact: true });
  await expect(all(stayed)).toBeVisible();

  await page.reload();
  await expect(all(stayed)).toBeVisible();
  await leaveRoom(page);
  await page.getByLabel('Choose pictures').setInputFiles(pictures);
  await expect(all(80)).toBeVisible();
  await expect(note).toHaveCount(0);
  await expect(page.getByText(`${stayed} pictures were here already.`)).toBeVisible();
});

test('a base model: not half of it is copied', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
  await leaveRoom(page, 1e6);
  await page.getByLabel('Base model file').setInputFiles(tinyModel);
  const says = page.getByRole('region', { name: 'Base model' });
  await expect(says).toContainText('The base model was not taken.');
  await expect(says).toContainText(`${NO_ROOM} tiny-sd15.safetensors`);
  await expect(says).toContainText(REMEDY);
  await leaveRoom(page);
  await chooseTinyModel(page);
});

test('a run goes on in memory, its file can be had, and is kept once there is room', async ({ page }) => {
  await page.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  await prepareRun(page, { max_train_steps: 8, sample_prompts: [] });
  // Enough to write down what happens, too little for a checkpoint.
  await leaveRoom(page, 200e3);
  await page.waitForTimeout(HALF_A_MINUTE);
  await start(page);
  await expect.poll(() => stepsDone(page), { timeout: 600_000, intervals: [100] }).toBeGreaterThanOrEqual(1);

  // A pause saves.
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(says(page)).toContainText('Paused', { timeout: 300_000 });
  const paused = await stepsDone(page);
  const notice = page.getByRole('status').filter({ hasText: 'This browser has no room for the checkpoint.' });
  await expect(notice).toContainText('Training goes on.');
  await expect(notice).toContainText(NO_ROOM);
  await expect(notice).toContainText(REMEDY);
  await expect(notice.getByRole('button', { name: 'Delete old runs' })).toBeVisible();
  await expect(page.getByText('not saved yet')).toBeVisible();

  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(says(page)).toContainText('Finished', { timeout: 600_000 });
  expect(await stepsDone(page)).toBe(8);
  expect(paused).toBeLessThan(8);
  const { name, bytes } = await inChromium(page).save('Download squares.safetensors');
  expect(name).toBe('squares.safetensors');
  const { modules, metadata } = await parseLora(fromBytes(bytes));
  expect(modules).toHaveLength(192);
  expect(metadata.ss_steps).toBe('8');

  await leaveRoom(page);
  await notice.getByRole('button', { name: 'Keep it now' }).click();
  await expect(notice).toHaveCount(0);
  await expect(page.getByText('step 8, just now')).toBeVisible();
  expect(Buffer.from(await storedLora(page, 8)).equals(Buffer.from(bytes))).toBe(true);
  // What was written down meanwhile is kept as well.
  await page.reload();
  await goTo(page, 'Training');
  await expect(says(page)).toContainText('Finished');
  await expect(page.getByRole('table', { name: 'The curve as a table' }).getByRole('row')).toHaveCount(9);
  await goTo(page, 'Results');
  await expect(page.getByRole('button', { name: 'Download' })).toBeEnabled();
});

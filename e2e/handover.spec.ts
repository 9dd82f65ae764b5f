/**
 * A run goes to another machine and comes back: the zip that the page makes is the command line's for the same settings, and
 * what sd-scripts would leave becomes a run beside the first, to be looked at, compared and trained further.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import sharp from 'sharp';
import { parse } from 'smol-toml';
import { parseConfig } from '../src/formats/config/config';
import { rewriteLora } from '../src/formats/lora/private_metadata';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { recordBytes } from '../src/formats/tensorboard/run_events';
import { openZip } from '../src/formats/zip/zip';
import { writeZip, type ZipInput } from '../src/formats/zip/zip_write';
import { handoverFilesOf } from '../tools/handover_zip';
import { scanImageFolder } from '../tools/image_folder';
import { axeFinds } from './axe';
import { goTo, squares } from './small_run';
import { test } from './trained';

test.setTimeout(600_000);

test('a job goes out as the command line writes it, and comes back as a run', async ({ trained: page }) => {
  await goTo(page, 'Results');
  await page.getByRole('button', { name: /^Runs/ }).click();
  const history = page.getByRole('dialog', { name: 'Runs of this project' });
  await history.getByText('Configuration', { exact: true }).click();
  const yaml = (await history.getByRole('region', { name: 'Configuration' }).textContent()) ?? '';
  await history.getByRole('button', { name: /^Take the run of .* to another machine$/ }).click();
  const out = page.getByRole('dialog', { name: 'Take this job elsewhere' });

  const job = await test.step('pictures, captions, settings and the LoRA so far, byte for byte', async () => {
    await expect(out.getByText(/^2 pictures, .* in all\.$/)).toBeVisible();
    await expect(
      out.getByRole('checkbox', { name: /^Go on from squares\.safetensors \(step 4\)/ }),
    ).toBeChecked();
    await fineIn(page);
    const made = await packed(page);
    await page.keyboard.press('Escape');
    const folder = await mkdtemp(join(tmpdir(), 'squares-'));
    try {
      for (const { name, buffer } of await squares()) await writeFile(join(folder, name), buffer);
      const lora = join(folder, 'squares.safetensors');
      await writeFile(lora, made.get('lora/squares.safetensors') ?? '');
      const config = { ...parseConfig(yaml), base_model: 'models/tiny-sd15.safetensors' };
      const { images } = await scanImageFolder(folder);
      const theirs = new Map<string, Buffer>();
      for await (const { path, file } of await handoverFilesOf(config, images, {
        lora,
        processes: 1,
        cpu: false,
      }))
        theirs.set(path, Buffer.from(await file.arrayBuffer()));
      expect([...made.keys()]).toEqual([...theirs.keys()]);
      // Our own page of a base model has no ending; where it lies is no part of a job.
      const told = (text = '') => text.replace(/^\| `base_model` .*$/m, '').replace(/.*README\.md\n/, '');
      for (const [path, bytes] of theirs)
        if (path === 'README.md' || path === 'SHA256SUMS')
          expect(told(made.get(path)?.toString())).toBe(told(bytes.toString()));
        else expect(made.get(path)?.equals(bytes), path).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return made;
  });

  await test.step('what came back: a curve, samples, LoRAs; what is damaged is named', async () => {
    await history.getByRole('button', { name: 'Open a run from elsewhere' }).click();
    const back = page.getByRole('dialog', { name: 'Open a run from elsewhere' });
    await back
      .locator('input[type=file]')
      .last()
      .setInputFiles({
        name: 'back.zip',
        mimeType: 'application/zip',
        buffer: await cameBack(job),
      });
    await expect(back.getByText(/^8 of 8 steps, 1 min, trained on tiny-sd15$/)).toBeVisible();
    await expect(back.getByText('2 LoRAs, a loss curve of 8 points, 2 samples')).toBeVisible();
    await expect(back.getByText(/^\d+ files of the job are as they were sent\.$/)).toBeVisible();
    await expect(back.getByText('is damaged, or no PNG.')).toBeVisible();
    await fineIn(page);
    await back.getByRole('button', { name: 'Add as a run' }).click();
  });

  await test.step('it stands beside ours: grid, history, comparison, training further', async () => {
    const grid = page.getByRole('region', { name: 'Checkpoints' });
    await expect(grid.getByRole('img', { name: /^a red square.*, Step 8$/ })).toBeVisible();
    await expect(page.getByRole('complementary', { name: 'The picked checkpoint' })).toContainText(/Written, read back and compared/); // prettier-ignore
    await page.getByRole('button', { name: /^Runs 2/ }).click();
    await expect(history.getByText('trained elsewhere, by sd-scripts')).toBeVisible();
    for (const box of await history.getByRole('checkbox').all()) await box.check();
    await expect(history.getByRole('img', { name: /loss/i })).toBeVisible();
    await expect(history.getByRole('row', { name: /^Steps 8 4$/ })).toBeVisible();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Train further' }).click();
    await expect(page.getByRole('dialog')).toContainText('Its rank, 2, comes from the file');
    await page.keyboard.press('Escape');
    await goTo(page, 'Training');
    await expect(page.getByText('Finished').first()).toBeVisible();
    await expect(page.getByRole('img', { name: /^a red square.*8$/ })).toBeVisible();
  });

  await test.step('from the settings: pictures cut as here, for a machine without a GPU', async () => {
    await goTo(page, 'Settings');
    await page.getByRole('button', { name: 'Take this job elsewhere' }).click();
    await out.getByRole('radio', { name: /^Cut as they are trained on here/ }).check();
    await out.getByRole('checkbox', { name: 'it has none: train on the CPU' }).check();
    const made = await packed(page);
    const picture = made.get('images/1_times/00001-blue.png');
    expect(await sharp(picture).metadata()).toMatchObject({ width: 64, height: 64 });
    expect([...(await sharp(picture).raw().toBuffer()).subarray(0, 3)]).toEqual([0x20, 0x40, 0xc0]);
    expect(parse(made.get('config.toml')?.toString() ?? '')).toMatchObject({ mixed_precision: 'no' });
    expect(made.get('README.md')?.toString()).toContain('It begins from nothing.');
  });
});

/** Makes the zip of the open dialog. */
async function packed(page: Page): Promise<Map<string, Buffer>> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('dialog').getByRole('button', { name: 'Make the zip' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('squares-handover.zip');
  await expect(page.getByText('squares-handover.zip is made.')).toBeVisible();
  const { entries } = await openZip(new Blob([await readFile(await download.path())]));
  const files = new Map<string, Buffer>();
  for (const { path, open } of entries) files.set(path, Buffer.from(await (await open()).arrayBuffer()));
  return files;
}

/** The folder of the job as sd-scripts leaves it: 8 steps, LoRAs at 4 and 8, a sample at each, one of them cut short. */
async function cameBack(job: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const own = Uint8Array.from(job.get('lora/squares.safetensors') ?? []);
  const { metadata } = await readHeader(fromBytes(own));
  // After the run that is here, so that it is the project's latest.
  const begun = Math.round(Date.now() / 1000);
  const lora = async (steps: number) =>
    new Blob([
      await rewriteLora(fromBytes(own), {
        ...metadata,
        ss_steps: String(steps),
        ss_max_train_steps: '8',
        ss_training_started_at: String(begun),
        ss_training_finished_at: String(begun + 80),
      }),
    ]);
  const png = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#c02020' } }).png().toBuffer(); // prettier-ignore
  const curve = Array.from({ length: 8 }, (_, i) =>
    recordBytes({
      time: begun + 10 * i,
      step: i + 1,
      what: { kind: 'values', values: [{ tag: 'loss/current', scalar: 1 / (i + 1) }] },
    }),
  );
  const sample = (step: number) => `output/sample/squares_00000${step}_00_20260528202${step}00_42.png`;
  const files: ZipInput[] = [
    ...[...job].map(([path, bytes]) => ({ path, file: new Blob([Uint8Array.from(bytes)]) })),
    { path: 'output/squares-step00000004.safetensors', file: await lora(4) },
    { path: 'output/squares.safetensors', file: await lora(8) },
    { path: 'logs/20260528202640/network_train/events.out.tfevents.1780000000.host', file: new Blob(curve) },
    ...[4, 8].map((step) => ({ path: sample(step), file: new Blob([Uint8Array.from(png)]) })),
    { path: sample(6), file: new Blob([Uint8Array.from(png.subarray(0, png.length - 40))]) },
  ];
  return Buffer.from(await (await writeZip(files)).arrayBuffer());
}

/** Nothing for axe in the open dialog, in both themes. */
async function fineIn(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await axeFinds(page, { within: 'dialog[open]:last-of-type' })).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

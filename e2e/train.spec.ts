/** A training run on the page, in its worker, on a software adapter: watched, paused, sampled, stopped, kept. */
import { readFile } from 'node:fs/promises';
import { expect, test, type Download, type Page } from '@playwright/test';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { goTo, prepareRun, says, start, stepsDone } from './small_run';
import { storedLora } from './stored_runs';

// Software rendering on a shared machine: minutes where a GPU takes seconds.
test.setTimeout(1_500_000);

async function saved(page: Page, press: () => Promise<void>): Promise<Download> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return download;
}

test('from pictures to a LoRA that parses: phases, samples, pause, log, curve, file', async ({ page }) => {
  const elsewhere: string[] = [];
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol !== 'blob:' && hostname !== '127.0.0.1') elsewhere.push(request.url());
  });
  await prepareRun(page, { sample_every_n_steps: 4, resolution: 128 });
  await start(page);

  // Pictures before any change, then steps; the title counts.
  const samples = page.getByRole('region', { name: 'Run so far' });
  await expect(samples.getByRole('button', { name: 'Show larger: a red square, step 0' })).toBeVisible({
    timeout: 600_000,
  });
  await expect.poll(() => stepsDone(page), { timeout: 600_000 }).toBeGreaterThanOrEqual(2);
  await expect(page).toHaveTitle(/^\d+ % · LoRA Studio$/);

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(says(page)).toContainText('Paused', { timeout: 300_000 });
  await expect(page.getByRole('button', { name: 'Go on' })).toBeVisible();
  const paused = await stepsDone(page);
  // A paused run is kept, draws on request, and takes no step.
  await expect(page.getByText(`step ${paused}, just now`)).toBeVisible();
  await page.getByRole('button', { name: 'Sample now' }).click();
  await expect(
    samples.getByRole('button', { name: `Show larger: a red square, step ${paused}` }),
  ).toBeVisible({ timeout: 300_000 });
  expect(await stepsDone(page)).toBe(paused);
  await page.getByRole('button', { name: 'Go on' }).click();

  await expect(says(page)).toContainText('Finished', { timeout: 600_000 });
  await expect(page).toHaveTitle('LoRA Studio');
  await expect(samples.getByRole('button', { name: 'Show larger: a red square, step 6' })).toBeVisible();
  await samples.getByRole('button', { name: 'Show larger: a red square, step 0' }).click();
  const larger = page.getByRole('dialog', { name: 'a red square' });
  await larger.getByRole('button', { name: 'Later' }).click();
  await expect(larger.getByText(/^step [1-6]/)).toBeVisible();
  await page.keyboard.press('Escape');

  const log = await saved(page, () => page.getByRole('button', { name: 'Save the log' }).click());
  expect(log.suggestedFilename()).toBe('train.log');
  const lines = (await readFile(await log.path(), 'utf8')).trimEnd().split('\n');
  for (const part of ['Run squares started', '2 pictures encoded', `Paused at step ${paused}`, 'Finished in'])
    expect(lines.some((line) => /^\d{4}-\d\d-\d\dT[\d:.]+Z /.test(line) && line.includes(part))).toBe(true);

  const curve = await saved(page, () => page.getByRole('button', { name: 'Save as CSV' }).click());
  expect(curve.suggestedFilename()).toBe('squares.csv');
  const rows = (await readFile(await curve.path(), 'utf8')).trimEnd().split('\r\n').slice(1);
  expect(rows.map((row) => Number(row.split(',')[0]))).toEqual([1, 2, 3, 4, 5, 6]);
  for (const row of rows) expect(row.split(',').map(Number).every(Number.isFinite)).toBe(true);

  // A reload loses nothing of it.
  await page.reload();
  await goTo(page, 'Training');
  await expect(says(page)).toContainText('Finished');
  // The one asked for may have been due as well.
  const drawn = new Set([0, paused, 4, 6]).size;
  await expect(samples.getByRole('button', { name: /^Show larger/ })).toHaveCount(drawn);
  const lora = await loraOf(page, 6);
  expect(lora.modules).toHaveLength(192);
  expect(lora.metadata['ss_steps']).toBe('6');
  // Up starts at zero: after six steps it must have moved, and be finite.
  expect(lora.modules.every(({ up }) => up.some((value) => value !== 0))).toBe(true);
  expect(lora.modules.every(({ up, down }) => [...up, ...down].every(Number.isFinite))).toBe(true);
  expect(elsewhere).toEqual([]);
});

test('stop and keep finishes the step and keeps what there is', async ({ page }) => {
  await prepareRun(page, { max_train_steps: 500, sample_prompts: [] });
  await start(page);
  await expect.poll(() => stepsDone(page), { timeout: 600_000 }).toBeGreaterThanOrEqual(1);
  await page.getByRole('button', { name: 'Stop and keep' }).click();
  await expect(says(page)).toContainText(/Stopped at step \d+ of 500; kept/, { timeout: 300_000 });
  const steps = await stepsDone(page);
  expect(steps).toBeLessThan(500);
  expect((await loraOf(page, steps)).metadata['ss_steps']).toBe(String(steps));
});

/** The checkpoint of a step, as it lies in storage. */
async function loraOf(page: Page, step: number) {
  return parseLora(fromBytes(await storedLora(page, step)));
}

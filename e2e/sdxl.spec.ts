/**
 * SDXL on the page, in miniature: recognised with what it says of itself, its settings, a run, and the LoRA that comes out; and
 * an SD 2.x, which is asked for what its files do not say.
 */
import { expect, test } from '@playwright/test';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { describedModel } from '../src/training/described.testing';
import { hashedCheckpoint } from '../src/training/hashed_weights.testing';
import { goTo, says, smallSettings, squares, start, tickAll } from './small_run';
import { storedLora } from './stored_runs';

test.setTimeout(600_000);

const described = describedModel('sdxl');

test('a checkpoint that predicts v, from choosing it to the LoRA', async ({ page }) => {
  const checkpoint = hashedCheckpoint({ ...described.tensors, v_pred: [0], ztsnr: [0] });
  const buffer = Buffer.from(await checkpoint.slice(0, checkpoint.byteLength));
  await page.goto('/');
  await page
    .getByLabel('Base model file')
    .setInputFiles({ name: 'noob.safetensors', mimeType: 'application/octet-stream', buffer });
  await expect(page.getByText('SDXL · noob')).toBeVisible();
  await page.getByLabel('Pictures, captions or a zip').setInputFiles(await squares());
  await expect(page.getByRole('heading', { name: 'Images', level: 1 })).toBeVisible();

  await goTo(page, 'Settings');
  await expect(page.getByText('The checkpoint says that it predicts v.')).toBeVisible();
  const from = page.getByRole('group', { name: 'Base model from' });
  await from.getByText('NoobAI').click();
  await expect(from.getByRole('radio', { name: 'NoobAI' })).toBeChecked();
  await expect(page.getByText('SDXL learned at 1024.')).toBeAttached();

  await page.getByRole('button', { name: 'Import kohya or YAML' }).click();
  await page
    .getByLabel('Or paste its text here')
    .fill(smallSettings({ max_train_steps: 2, sample_prompts: [] }));
  await tickAll(page);
  await page.getByRole('button', { name: /^Take \d+ settings?$/ }).click();
  await start(page);
  await expect(says(page)).toContainText('Finished', { timeout: 500_000 });

  const lora = await parseLora(fromBytes(await storedLora(page, 2)));
  expect(lora.family).toBe('sdxl');
  expect(lora.modules.map(({ name }) => name).toSorted()).toEqual(
    Object.keys(described.lora)
      .filter((name) => name.startsWith('lora_unet_'))
      .toSorted(),
  );
  expect(lora.modules.every(({ up }) => up.some((value) => value !== 0))).toBe(true);
  expect(lora.metadata).toMatchObject({
    ss_base_model_version: 'sdxl_base_v1-0',
    ss_v2: 'False',
    ss_zero_terminal_snr: 'True',
    'modelspec.architecture': 'stable-diffusion-xl-v1-base/lora',
    'modelspec.prediction_type': 'v',
  });
});

test('an SD 2.x whose files do not say what it predicts: Start waits for the answer', async ({ page }) => {
  const checkpoint = hashedCheckpoint(describedModel('sd2').tensors);
  const buffer = Buffer.from(await checkpoint.slice(0, checkpoint.byteLength));
  await page.goto('/');
  await page
    .getByLabel('Base model file')
    .setInputFiles({ name: 'v2.safetensors', mimeType: 'application/octet-stream', buffer });
  await expect(page.getByText('Stable Diffusion 2.x · v2')).toBeVisible();
  await page.getByLabel('Pictures, captions or a zip').setInputFiles(await squares());
  await expect(page.getByRole('heading', { name: 'Images', level: 1 })).toBeVisible();

  await goTo(page, 'Settings');
  const meter = page.getByRole('complementary', { name: 'What this run will take' });
  await expect(meter.getByText('What the base model predicts has to be said.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start training' })).toBeDisabled();
  await meter.getByRole('button', { name: 'Show' }).click();
  const question = page.getByRole('group', { name: 'What the base model predicts' });
  await expect(question.getByRole('radio', { checked: true })).toHaveCount(0);
  await question.getByText('v (768-v)').click();
  await expect(meter.getByText('has to be said')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Start training' })).toBeEnabled();
  await expect(page.getByText('You said that the base model predicts v.')).toBeAttached();
  await expect(page.getByText('Stable Diffusion 2.x that predicts v learned at 768.')).toBeAttached();
});

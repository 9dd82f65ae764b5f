/**
 * What journeys through a training run share: the tiny checkpoint, two pictures with captions, settings for a few steps
 * on a software adapter, and the way to the Start button, as a person goes it.
 */
import { fileURLToPath } from 'node:url';
import { expect, type Page } from '@playwright/test';
import sharp from 'sharp';

export const tinyModel = fileURLToPath(new URL('../reference/golden/tiny-sd15.safetensors', import.meta.url));

const SETTINGS = {
  output_name: 'squares',
  // A quarter of what 128 px take; the middle of the U-Net then sees a single spot, which has nothing to attend to.
  resolution: 64,
  min_bucket_reso: 64,
  max_bucket_reso: 256,
  lora_rank: 2,
  train_text_encoder: false,
  batch_size: 1,
  gradient_accumulation_steps: 1,
  max_train_steps: 6,
  learning_rate: 0.001,
  lr_scheduler: 'constant',
  lr_warmup_steps: 0,
  save_steps: 0,
  sample_prompts: ['a red square'],
  sample_every_n_steps: 0,
  sample_steps: 2,
};

/** A project with base model, two captioned pictures and these settings, on the settings screen. */
export async function prepareRun(page: Page, settings: Partial<typeof SETTINGS> = {}): Promise<void> {
  await page.goto('/');
  await chooseTinyModel(page);
  await page.getByLabel('Pictures, captions or a zip').setInputFiles(await squares());
  await expect(page.getByRole('heading', { name: 'Images', level: 1 })).toBeVisible();
  await goTo(page, 'Settings');
  await page.getByRole('button', { name: 'Import kohya or YAML' }).click();
  await page.getByLabel('Or paste its text here').fill(smallSettings(settings));
  await tickAll(page);
  await page.getByRole('button', { name: /^Take \d+ settings?$/ }).click();
}

/** In the dialog that shows settings: such small sizes are the demo model's, and are not ticked for another. */
export async function tickAll(page: Page): Promise<void> {
  const boxes = page.getByRole('dialog').getByRole('checkbox');
  await boxes.first().check();
  await expect(page.getByRole('dialog').getByRole('checkbox', { checked: false })).toHaveCount(0);
}

/** As YAML. */
export function smallSettings(settings: Partial<typeof SETTINGS> = {}): string {
  return Object.entries({ ...SETTINGS, ...settings })
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join('\n');
}

/** Two pictures with captions. */
export async function squares() {
  return [
    { name: 'red.png', mimeType: 'image/png', buffer: await picture('#c02020') },
    { name: 'red.txt', mimeType: 'text/plain', buffer: Buffer.from('a red square') },
    { name: 'blue.png', mimeType: 'image/png', buffer: await picture('#2040c0') },
    { name: 'blue.txt', mimeType: 'text/plain', buffer: Buffer.from('a blue square') },
  ];
}

/** From the start screen. */
export async function chooseTinyModel(page: Page): Promise<void> {
  await page.getByLabel('Base model file').setInputFiles(tinyModel);
  await expect(page.getByText('Stable Diffusion 1.x · tiny-sd15')).toBeVisible();
}

export async function start(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect(page.getByRole('heading', { name: 'Training', level: 1 })).toBeVisible();
}

export function goTo(page: Page, stage: 'Images' | 'Settings' | 'Training' | 'Results'): Promise<void> {
  return page
    .getByRole('navigation', { name: 'Stages' })
    .getByRole('link', { name: new RegExp(`^${stage}`) })
    .click();
}

/** Drops files onto the page, as from a file manager. */
export async function dropFiles(
  page: Page,
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): Promise<void> {
  const transfer = await page.evaluateHandle(
    (given) => {
      const transfer = new DataTransfer();
      for (const { name, bytes } of given) {
        const decoded = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([decoded], name));
      }
      return transfer;
    },
    files.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes).toString('base64') })),
  );
  await page.getByRole('main').dispatchEvent('drop', { dataTransfer: transfer });
}

export const says = (page: Page) => page.getByRole('status', { name: 'Training' });

/** Steps done, as the bar says. */
export async function stepsDone(page: Page): Promise<number> {
  const now = await page.getByRole('progressbar', { name: 'Steps' }).getAttribute('aria-valuenow');
  return Number(now ?? 0);
}

function picture(colour: string): Promise<Buffer> {
  return sharp({ create: { width: 150, height: 150, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

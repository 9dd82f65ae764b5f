/** What someone who comes from kohya's trainer has on the disk: numbered folders with captions beside the pictures, and its settings. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import sharp from 'sharp';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { inChromium } from './person';
import { chooseTinyModel, goTo, says, tickAll } from './small_run';

test.setTimeout(1_500_000);

/** As given to train_network.py by --config_file; small, for a software adapter. */
const CONFIG = `
[model_arguments]
pretrained_model_name_or_path = "/home/me/sd/v1-5-pruned-emaonly.safetensors"

[additional_network_arguments]
network_module = "networks.lora"
network_dim = 3
network_alpha = 1.5
network_train_unet_only = true
network_args = ["conv_dim=4", "conv_alpha=1"]

[optimizer_arguments]
optimizer_type = "Prodigy"
learning_rate = 1e-3
lr_scheduler = "constant"

[training_arguments]
output_name = "my_squares"
max_train_steps = 2
train_batch_size = 1
resolution = "64,64"
min_bucket_reso = 64
max_bucket_reso = 256
seed = 7
fp8_base = true
`;

const PICTURES = [
  ['3_warm squares', 'red', '#c02020', 'red square, plain'],
  ['3_warm squares', 'orange', '#e08020', 'orange square, plain'],
  ['2_cold squares', 'blue', '#2040c0', 'blue square, plain'],
] as const;

test('numbered folders, captions and a TOML come in at once; the file says what was made of them', async ({
  page,
}, testInfo) => {
  await page.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  const folder = testInfo.outputPath('squares');
  await layOut(folder);
  await page.goto('/');
  await chooseTinyModel(page);
  await page.getByLabel('Folder of pictures').setInputFiles(folder);

  const dialog = page.getByRole('dialog', { name: 'Import settings' });
  await test.step('its settings are shown before they count, and what is not supported is named', async () => {
    await expect(dialog.getByRole('row', { name: /Rank.*16.*3/ })).toBeVisible();
    for (const first of [/The optimizer is Prodigy/, /The adapter is LoCon \(conv_dim/, /held in fp8/])
      await expect(dialog.getByText(first)).toBeVisible();
    await expect(dialog.getByText('Belongs to an optimizer that is not here')).toContainText(
      'optimizer_type: Prodigy',
    );
    await expect(dialog.getByText('A file or folder of the other computer')).toContainText(
      'pretrained_model_name_or_path',
    );
    await tickAll(page);
    await dialog.getByRole('button', { name: /^Take \d+ settings$/ }).click();
    await expect(page.getByRole('textbox', { name: 'Rank', exact: true })).toHaveValue('3');
  });

  await test.step('pictures have their captions and repeats', async () => {
    await goTo(page, 'Images');
    const shots = page.getByRole('list', { name: 'Pictures' }).getByRole('button');
    await expect(shots).toHaveCount(3);
    await expect(page.getByText('squares/3_warm squares: 3 repeats each, 2 pictures.')).toBeVisible();
    for (const [numbered, name, , caption] of PICTURES) {
      const shot = shots.filter({ hasText: `${name}.png` });
      await expect(shot).toContainText(caption);
      await shot.click();
      await expect(page.getByLabel('Repeats')).toHaveValue(numbered.slice(0, 1));
    }
  });

  await test.step('two steps of it', async () => {
    await goTo(page, 'Settings');
    // Three pictures of sixty steps each would take a software adapter minutes.
    await page.getByRole('textbox', { name: 'Prompts', exact: true }).fill('');
    await page.getByRole('textbox', { name: 'Prompts', exact: true }).blur();
    await page.getByRole('button', { name: 'Start training' }).click();
    await expect(says(page)).toContainText('Finished', { timeout: 600_000 });
  });

  await test.step('the whole truth is in the file, where it is asked for', async () => {
    await goTo(page, 'Results');
    const panel = page.getByRole('complementary', { name: 'The picked checkpoint' });
    await panel.getByRole('button', { name: 'All', exact: true }).click();
    await expect(panel.getByText(/^Written, read back and compared/)).toBeVisible();
    const { name, bytes } = await inChromium(page).save('Download');
    expect(name).toBe('my_squares.safetensors');
    const { metadata, modules } = await parseLora(fromBytes(bytes));
    expect(modules).toHaveLength(192);
    expect(metadata).toMatchObject({
      ss_output_name: 'my_squares',
      ss_network_module: 'networks.lora',
      ss_network_dim: '3',
      ss_network_alpha: '1.5',
      ss_lr_scheduler: 'constant',
      ss_seed: '7',
      ss_steps: '2',
      ss_max_train_steps: '2',
      ss_resolution: '(64, 64)',
      // 2 x 3 and 1 x 2
      ss_num_train_images: '8',
    });
    // Prodigy's rate was refused with it.
    expect(metadata.ss_learning_rate).not.toBe('0.001');
    expect(JSON.parse(metadata.ss_dataset_dirs ?? '')).toEqual({
      '3_images': { n_repeats: 3, img_count: 2 },
      '2_images': { n_repeats: 2, img_count: 1 },
    });
    expect(JSON.parse(metadata.ss_tag_frequency ?? '')).toEqual({
      '3_images': { 'red square': 1, 'orange square': 1, plain: 2 },
      '2_images': { 'blue square': 1, plain: 1 },
    });
  });
});

async function layOut(folder: string): Promise<void> {
  for (const [numbered, name, colour, caption] of PICTURES) {
    const inside = join(folder, numbered);
    await mkdir(inside, { recursive: true });
    const square = { width: 150, height: 150, channels: 3 as const, background: colour };
    await sharp({ create: square })
      .png()
      .toFile(join(inside, `${name}.png`));
    await writeFile(join(inside, `${name}.txt`), `${caption}\n`);
  }
  await writeFile(join(folder, 'config.toml'), CONFIG);
}

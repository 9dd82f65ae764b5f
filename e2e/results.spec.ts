/** What a run leaves, on the results screen: pictures beside the base model's, drawing, comparing, the file, the history. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, type Page } from '@playwright/test';
import sharp from 'sharp';
import { fromBlob, fromBytes } from '../src/formats/safetensors/byte_source';
import { decodeEvent } from '../src/formats/tensorboard/event';
import { readRecords } from '../src/formats/tensorboard/tfrecord';
import { openZip } from '../src/formats/zip/zip';
import { parseLora, type LoraFile } from '../src/formats/lora/kohya_lora';
import { axeFinds } from './axe';
import { goTo, says } from './small_run';
import { test } from './trained';

test.setTimeout(900_000);

const OTHER_LORA = fileURLToPath(new URL('../reference/golden/lora_init.safetensors', import.meta.url));

async function downloaded(page: Page): Promise<{ file: LoraFile; sha256: string; name: string }> {
  const panel = page.getByRole('complementary', { name: 'The picked checkpoint' });
  // At 64 px the U-Net's middle sees one spot: attention over a single key passes its query and key no gradient.
  await expect(
    panel.getByText(
      /^Written, read back and compared: \d+ tensors(, none empty|\. 2 layers change nothing)\./,
    ),
  ).toBeVisible();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    panel.getByRole('button', { name: 'Download' }).click(),
  ]);
  await expect(panel.getByText('In the download folder.')).toBeVisible();
  const bytes = new Uint8Array(await readFile(await download.path()));
  return {
    file: await parseLora(fromBytes(bytes)),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    name: download.suggestedFilename(),
  };
}

test('samples at once, pictures on demand, a comparison by keyboard, a verified file, the history', async ({
  trained: page,
}) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await goTo(page, 'Results');
  await expect(page.getByRole('heading', { name: 'Results', level: 1 })).toBeVisible();
  const grid = page.getByRole('region', { name: 'Checkpoints' });
  const panel = page.getByRole('complementary', { name: 'The picked checkpoint' });

  await test.step('the samples taken while training are there without drawing', async () => {
    for (const column of ['Base', 'Step 2', 'Step 4'])
      await expect(grid.getByRole('img', { name: `a red square, ${column}` })).toBeVisible();
    await expect(grid.getByRole('button', { name: /^Draw/ })).toHaveCount(0);
  });

  await test.step('nothing serious for axe, in both themes', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await axeFinds(page, { serious: true })).toEqual([]);
    }
  });

  await test.step('the divider moves by keyboard', async () => {
    await expect(
      panel.getByRole('img', { name: 'Base on the left, Step 4 at 1 on the right' }),
    ).toBeVisible();
    const divider = panel.getByRole('slider', { name: 'Divider between the two pictures' });
    await divider.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect(divider).toHaveAttribute('aria-valuetext', '52 % of the left picture');
    await panel.getByRole('combobox', { name: 'Compare with' }).selectOption('Step 2');
    await expect(
      panel.getByRole('img', { name: 'Step 2 at 1 on the left, Step 4 at 1 on the right' }),
    ).toBeVisible();
  });

  await test.step('the file says what was chosen, and its hash is the one shown', async () => {
    const usual = await downloaded(page);
    expect(usual.name).toBe('squares.safetensors');
    const [start, end] = [usual.sha256.slice(0, 4), usual.sha256.slice(-4)];
    await expect(panel.getByText(new RegExp(`${start}.*${end}`))).toBeVisible();
    expect(usual.file.metadata).toMatchObject({
      ss_output_name: 'squares',
      ss_network_dim: '2',
      ss_steps: '4',
    });
    expect(usual.file.metadata.ss_tag_frequency).toBe(
      '{"1_images": {"a blue square": 1, "a red square": 1}}',
    );
    const base = await readFile('reference/golden/tiny-sd15.safetensors');
    const sha256 = createHash('sha256').update(base).digest('hex');
    expect(usual.file.metadata).toMatchObject({ ss_new_sd_model_hash: sha256 });

    await panel.getByRole('button', { name: 'Nothing' }).click();
    const bare = await downloaded(page);
    expect(
      Object.keys(bare.file.metadata)
        .filter((key) => key.startsWith('ss_'))
        .sort(),
    ).toEqual(['ss_base_model_version', 'ss_network_alpha', 'ss_network_dim', 'ss_network_module', 'ss_v2']);
    expect(bare.file.modules).toEqual(usual.file.modules);

    await panel.getByRole('switch', { name: 'Tag counts' }).check();
    const tagged = await downloaded(page);
    expect(tagged.file.metadata.ss_tag_frequency).toBe('{"set_1": {"a blue square": 1, "a red square": 1}}');
    // Not without being asked for.
    expect(usual.file.metadata['modelspec.thumbnail']).toBeUndefined();
    await panel.getByRole('switch', { name: 'Thumbnail' }).check();
    const pictured = await downloaded(page);
    const thumbnail = pictured.file.metadata['modelspec.thumbnail'] ?? '';
    expect(thumbnail).toMatch(/^data:image\/jpeg;base64,/);
    const jpeg = await sharp(Buffer.from(thumbnail.slice(thumbnail.indexOf(',') + 1), 'base64')).metadata();
    expect(jpeg).toMatchObject({ format: 'jpeg', width: 64, height: 64 });
    expect(pictured.file.modules).toEqual(usual.file.modules);
    const [other] = await Promise.all([
      page.waitForEvent('download'),
      panel.getByRole('button', { name: 'Get it for diffusers' }).click(),
    ]);
    expect(other.suggestedFilename()).toBe('pytorch_lora_weights.safetensors');
    const diffusers = await parseLora(fromBytes(new Uint8Array(await readFile(await other.path()))));
    expect(diffusers.modules.map(({ name, rank }) => [name, rank])).toEqual(
      usual.file.modules.map(({ name, rank }) => [name, rank]),
    );
    expect(diffusers.metadata.ss_output_name).toBeUndefined();
    await panel.getByRole('button', { name: 'See the exact text' }).click();
    await expect(page.getByRole('dialog').getByText('ss_tag_frequency')).toBeVisible();
    await page.keyboard.press('Escape');
  });

  await test.step('another strength is drawn on demand, and kept', async () => {
    const strength = grid.getByRole('slider', { name: 'Strength' });
    await strength.fill('0.5');
    const cell = grid.getByRole('img', { name: 'a red square, Step 4' });
    await expect(cell).toHaveCount(0);
    await grid.getByRole('button', { name: 'Draw a red square, Step 4' }).click();
    await expect(cell).toBeVisible({ timeout: 300_000 });
    await strength.fill('1');
    await expect(grid.getByRole('img')).toHaveCount(3);
    await strength.fill('0.5');
    await expect(cell).toBeVisible();
    await expect(panel.getByText('<lora:squares:0.5> a red square')).toBeVisible();
    await panel.getByText('ComfyUI').click();
    await expect(panel.getByText('models/loras')).toBeVisible();
    await strength.fill('1');
  });

  await test.step('a prompt names several LoRAs: a checkpoint, and a file from the disk', async () => {
    await grid.getByRole('button', { name: 'Add a prompt' }).click();
    const wrong = Buffer.from('not a model');
    await grid.locator('input[type=file]').setInputFiles([
      {
        name: 'lora_init.safetensors',
        mimeType: 'application/octet-stream',
        buffer: await readFile(OTHER_LORA),
      },
      { name: 'wrong.safetensors', mimeType: 'application/octet-stream', buffer: wrong },
    ]);
    await expect(grid.getByText('lora_init can be used in prompts now')).toBeVisible();
    await expect(grid.getByText('wrong.safetensors was not added.')).toBeVisible();
    const field = grid.getByRole('combobox', { name: 'Prompt' });
    await field.fill('');
    await field.pressSequentially('a blue square <lora:squares-0');
    await expect(grid.getByRole('option')).toHaveCount(1);
    await page.keyboard.press('Enter');
    await expect(field).toHaveValue('a blue square <lora:squares-000002:1>');
    await field.pressSequentially(' <lora:none:1>');
    await expect(grid.getByText('There is no LoRA “none” here.')).toBeVisible();
    await expect(grid.getByRole('button', { name: 'Add', exact: true })).toBeDisabled();
    await field.fill('a blue square <lora:squares-000002:0.6> <lora:lora_init:0.5>');
    await page.keyboard.press('Enter');
    await expect(grid.getByText('with squares-000002 0.6, lora_init 0.5')).toBeVisible();
    await grid.getByRole('button', { name: 'Draw a blue square, Step 2' }).click();
    await expect(grid.getByRole('img', { name: 'a blue square, Step 2' })).toBeVisible({ timeout: 300_000 });
    await grid.getByRole('button', { name: 'Remove the prompt a blue square' }).click();
    await expect(grid.getByText('a blue square')).toHaveCount(0);
  });

  await test.step('the settings travel as a link, the run can be read and deleted', async () => {
    await grid.getByRole('button', { name: 'Copy settings link' }).click();
    await expect(grid.getByText('Link copied.').first()).toBeAttached();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('#c=');
    await grid.getByRole('button', { name: /^Runs/ }).click();
    const history = page.getByRole('dialog', { name: 'Runs of this project' });
    await expect(history.getByText(/4 of 4 steps · 2 images/)).toBeVisible();
    await history.getByText('Configuration', { exact: true }).click();
    await expect(history.getByText(/max_train_steps: 4/)).toBeVisible();
    const [zip] = await Promise.all([
      page.waitForEvent('download'),
      history.getByRole('button', { name: /^Download the curves and samples of the run of/ }).click(),
    ]);
    expect(zip.suggestedFilename()).toMatch(/-tensorboard\.zip$/);
    const { entries } = await openZip(new Blob([await readFile(await zip.path())]));
    expect(entries.map(({ path }) => path)).toEqual([
      expect.stringMatching(/\/events\.out\.tfevents\.\d+\./),
    ]);
    const curves = [];
    for await (const record of readRecords(fromBlob((await entries[0]?.open()) ?? new Blob())))
      if (record) curves.push(decodeEvent(record));
    const told = curves.flatMap(({ step, what }) =>
      what.kind === 'values' ? what.values.map(({ tag }) => `${tag} ${step}`) : [],
    );
    expect(told).toEqual(expect.arrayContaining(['loss/current 4', 'memory/gpu_gb 4', 'configuration 0']));
    expect(told.filter((each) => each.startsWith('samples/01')).map((each) => each.split(' ').at(-1))).toEqual(['0', '2', '4']); // prettier-ignore
    await history.getByRole('button', { name: 'Delete' }).click();
    await history.getByRole('alert').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByText('Nothing trained yet.')).toBeVisible();
    await page.reload();
    await expect(page.getByText('Nothing trained yet.')).toBeVisible();
  });
});

test('what a screen reader is told of a run follows the language', async ({ trained: page }) => {
  await goTo(page, 'Training');
  await expect(says(page)).toContainText('Finished');
  await page.getByRole('button', { name: '中文' }).click();
  await expect(page.getByRole('status', { name: '训练' })).toContainText('训练完成');
});

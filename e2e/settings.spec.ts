/**
 * The settings in a real browser: finding and changing fields, presets and pace, what a run would take, files of other
 * trainers, links. Which values follow from which is tested beside the code.
 */
import { readFile } from 'node:fs/promises';
import { deflateRawSync } from 'node:zlib';
import { expect, test, type Page } from '@playwright/test';
import { parseConfig } from '../src/formats/config/config';
import { axeFinds } from './axe';
import { goTo, prepareRun } from './small_run';

const heading = (page: Page) => page.getByRole('heading', { name: 'Settings', level: 1 });
const meter = (page: Page) => page.getByRole('complementary', { name: 'What this run will take' });
const pace = (page: Page) => page.getByRole('slider', { name: 'Quick to thorough' });
const linkOf = (json: string) => `/#c=${deflateRawSync(json).toString('base64url')}`;

async function open(page: Page): Promise<void> {
  await page.goto('/#settings');
  await expect(heading(page)).toBeVisible();
}

test('a field is found by its kohya name, refused out of range, changed and taken back', async ({ page }) => {
  await open(page);
  const search = page.getByRole('searchbox', { name: 'Search settings' });
  await search.fill('network_dim');
  const rank = page.getByRole('textbox', { name: 'Rank', exact: true });
  await expect(rank).toHaveValue('16');
  await expect(page.getByRole('textbox')).toHaveCount(1);

  await rank.fill('500');
  await expect(page.getByText('This must be between 1 and 128.')).toBeVisible();
  await expect(rank).toHaveAttribute('aria-invalid', 'true');
  await expect(meter(page).getByText('One setting is not right.')).toBeVisible();
  await rank.fill('32');
  await expect(page.getByText('This must be between 1 and 128.')).toHaveCount(0);

  await search.fill('');
  await page.getByRole('button', { name: /^Changed/ }).click();
  await expect(page.getByRole('button', { name: /^Changed/ })).toHaveText(/1/);
  await page.getByRole('button', { name: 'Rank: back to 16' }).click();
  await expect(rank).toHaveValue('16');

  await search.fill('no such thing');
  await expect(page.getByText('No setting is called “no such thing”.')).toBeVisible();
});

test('what is missing stands beneath the button, and leads there', async ({ page }) => {
  await open(page);
  await expect(page.getByRole('button', { name: 'Start training' })).toBeDisabled();
  await expect(meter(page).getByText('There are no pictures yet.')).toBeVisible();
  await expect(meter(page).getByText('Known once a base model is chosen.', { exact: true })).toBeVisible();
  await meter(page).getByRole('button', { name: 'Add pictures' }).click();
  await expect(page.getByRole('heading', { name: 'Images', level: 1 })).toBeVisible();
});

test('with pictures and a model: pace, presets, memory, make it fit, YAML', async ({ page }) => {
  await prepareRun(page, { max_train_steps: 0, resolution: 128 });
  await expect(meter(page).getByText(/^Fits, .* to spare$/)).toBeVisible();
  await expect(meter(page).getByText(/blocks are computed twice|keeps its activations/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start training' })).toBeEnabled();

  await test.step('the slider sets the epochs, by keyboard', async () => {
    await pace(page).focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await expect(pace(page)).toHaveAttribute('aria-valuetext', /steps/);
    const quick = Number(await page.getByRole('textbox', { name: 'Epochs', exact: true }).inputValue());
    await page.keyboard.press('End');
    const thorough = Number(await page.getByRole('textbox', { name: 'Epochs', exact: true }).inputValue());
    expect(thorough).toBe(4 * quick);
    await expect(meter(page).getByRole('img', { name: /^2 images times 1 repeats times/ })).toBeVisible();
  });

  await test.step('a preset is one step, and one step back', async () => {
    const rank = page.getByRole('textbox', { name: 'Rank', exact: true });
    await expect(rank).toHaveValue('2');
    await page.getByText('A face or figure that stays itself').click();
    await expect(rank).toHaveValue('16');
    await page.getByRole('button', { name: 'Undo the last change' }).click();
    await expect(rank).toHaveValue('2');
  });

  await test.step('levers say what they save, and one click applies them', async () => {
    await page.getByRole('textbox', { name: 'Batch', exact: true }).fill('2');
    await meter(page).getByRole('checkbox', { name: 'Batch 1, 2 passes a step' }).check();
    await meter(page).getByRole('button', { name: 'Make it fit' }).click();
    await expect(page.getByRole('textbox', { name: 'Batch', exact: true })).toHaveValue('1');
    await expect(page.getByRole('textbox', { name: 'Accumulate', exact: true })).toHaveValue('2');
    await expect(meter(page).getByText('Changed: Batch, Accumulate.')).toBeVisible();
  });

  await test.step('the memory of the card is named with one press, for all projects of this browser', async () => {
    const group = meter(page).getByRole('group', { name: 'Memory of the graphics card, in GB' });
    await expect(group.getByRole('radio', { name: 'Auto' })).toBeChecked();
    const aim = meter(page).getByText(/^aim: /);
    const before = await aim.textContent();
    await group.getByText('8', { exact: true }).click();
    await expect(aim).not.toHaveText(before ?? '');
    await expect(page.getByRole('button', { name: /^Changed/ })).not.toHaveText(/memory_budget/);
    await page.reload();
    await expect(group.getByRole('radio', { name: '8', exact: true })).toBeChecked();
  });

  await test.step('a budget set by hand refuses, and Start anyway stands beside it', async () => {
    const budget = page.getByRole('textbox', { name: 'Memory budget', exact: true });
    await budget.fill('0.001');
    await expect(meter(page).getByText('It needs more memory than was set by hand.')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Start training' })).toBeDisabled();
    await expect(page.getByRole('button', { name: 'Start anyway' })).toBeVisible();
    await expect(page.getByRole('link', { name: /^Settings needs more memory/ })).toBeVisible();
    await meter(page).getByRole('button', { name: 'Decide for me' }).click();
    await expect(page.getByRole('button', { name: 'Start training' })).toBeEnabled();
  });

  await test.step('the file is the one that the trainer without a page takes', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as YAML' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('squares.yaml');
    const config = parseConfig(await readFile(await download.path(), 'utf8'));
    expect(config).toMatchObject({ output_name: 'squares', lora_rank: 2, batch_size: 1, resolution: 128 });
  });
});

test("kohya's settings: what they change, what is not supported, and nothing before it is taken", async ({
  page,
}) => {
  await open(page);
  await page.getByRole('button', { name: 'Import kohya or YAML' }).click();
  const dialog = page.getByRole('dialog', { name: 'Import settings' });
  await dialog.getByLabel('Or paste its text here').fill('{"network_dim": ');
  await expect(dialog.getByText(/Line 1: This is not valid JSON/)).toBeVisible();

  const kohya = {
    LoRA_type: 'Standard',
    network_dim: 48,
    network_alpha: 24,
    optimizer: 'Prodigy',
    fp8_base: true,
    epoch: 3,
  };
  await dialog.getByLabel('Or paste its text here').fill(JSON.stringify(kohya));
  await expect(dialog.getByRole('row', { name: /Rank.*16.*48/ })).toBeVisible();
  await expect(dialog.getByText('Settings of kohya_ss (JSON)')).toBeVisible();
  await expect(dialog.getByText(/^The optimizer is Prodigy, which is not here/)).toBeVisible();
  await expect(dialog.getByText(/^The base model is held in fp8 there/)).toBeVisible();
  await expect(dialog.getByText('Belongs to an optimizer that is not here')).toContainText(
    'optimizer: Prodigy',
  );
  await dialog.getByRole('checkbox', { name: 'Alpha' }).uncheck();
  await dialog.getByRole('button', { name: /^Take \d+ settings$/ }).click();
  await expect(page.getByRole('textbox', { name: 'Rank', exact: true })).toHaveValue('48');
  await expect(page.getByRole('textbox', { name: 'Alpha', exact: true })).toHaveValue('8');
});

test('a link is copied, opened elsewhere as differences, and taken in part', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page);
  await page.getByRole('textbox', { name: 'Rank', exact: true }).fill('32');
  await page.getByRole('textbox', { name: 'Seed', exact: true }).fill('7');
  const name = page.getByRole('textbox', { name: 'Name', exact: true });
  await name.fill('secret_name');
  const copy = page.getByRole('button', { name: 'Copy the link' });
  await copy.click();
  await expect(page.getByText('The link is on the clipboard.')).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link.length).toBeLessThanOrEqual(2000);

  const other = await context.browser()?.newContext();
  const theirs = await other?.newPage();
  if (!theirs) throw new Error('The browser opens no second context.');
  await theirs.goto(link);
  const dialog = theirs.getByRole('dialog', { name: 'Settings from a link' });
  await expect(dialog.getByRole('row', { name: /Rank.*16.*32/ })).toBeVisible();
  await expect(dialog.getByRole('row', { name: /Seed.*42.*7/ })).toBeVisible();
  await expect(dialog).not.toContainText('secret_name');
  await expect(theirs.getByRole('textbox', { name: 'Rank', exact: true })).toHaveValue('16');
  await dialog.getByRole('checkbox', { name: 'Seed' }).uncheck();
  await dialog.getByRole('button', { name: 'Take 1 setting' }).click();
  await expect(theirs.getByRole('textbox', { name: 'Rank', exact: true })).toHaveValue('32');
  await expect(theirs.getByRole('textbox', { name: 'Seed', exact: true })).toHaveValue('42');
  // A reload does not ask again.
  await theirs.reload();
  await expect(theirs.getByRole('textbox', { name: 'Rank', exact: true })).toHaveValue('32');
  await expect(dialog).toHaveCount(0);
  await other?.close();
});

test('a hostile link changes nothing and starts nothing', async ({ page }) => {
  await page.goto(linkOf(`{"lora_rank":${' '.repeat(1_400_000)}4}`));
  const dialog = page.getByRole('dialog', { name: 'Settings from a link' });
  await expect(dialog.getByText(/unfolds to more than 64 KB/)).toBeVisible();
  await dialog.getByText('Close', { exact: true }).click();
  await expect(dialog).toHaveCount(0);

  await page.goto(linkOf('{"__proto__":{"a":1},"epochs":1e308,"sample_prompts":["<img src=x>"],"seed":7}'));
  await expect(dialog.getByText('There is no such setting; left out:')).toContainText('__proto__');
  await expect(dialog.getByText('Cannot be used and left out:')).toContainText('epochs');
  await expect(dialog.getByText('Texts are never taken from a link; left out:')).toContainText(
    'sample_prompts',
  );
  await dialog.getByRole('button', { name: 'Leave mine' }).click();
  await expect(page.getByRole('textbox', { name: 'Seed', exact: true })).toHaveValue('42');
  await goTo(page, 'Training');
  await expect(page.getByRole('progressbar', { name: 'Steps' })).toHaveCount(0);
});

test('axe finds nothing serious, on the screen and in its dialogs, in both languages', async ({ page }) => {
  await open(page);
  await page.getByRole('textbox', { name: 'Rank', exact: true }).fill('500');
  expect(await axeFinds(page, { serious: true })).toEqual([]);
  await page.getByRole('button', { name: '中文' }).click();
  await expect(page.getByRole('heading', { name: '参数', level: 1 })).toBeVisible();
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axeFinds(page, { serious: true })).toEqual([]);
  await page.getByRole('button', { name: '导入 kohya 或 YAML' }).click();
  await page.getByLabel('或在此粘贴内容').fill('network_dim = 48\nfp8_base = true\n');
  await expect(page.getByRole('row', { name: /48/ })).toBeVisible();
  expect(await axeFinds(page, { serious: true })).toEqual([]);
});

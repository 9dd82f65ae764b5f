/** The whole way without a mouse: pictures, base model, settings, start, pause, download. Only keys are pressed. */
import { expect, test, type Locator, type Page } from '@playwright/test';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { readFile } from 'node:fs/promises';
import { says, smallSettings, squares, stepsDone, tinyModel } from './small_run';

test.setTimeout(1_500_000);

/** More than any screen has places for the focus. */
const MOST_TABS = 150;

/** Tabs on until this has the focus, where it can be seen. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await expect(wanted.first()).toBeVisible();
  for (let tab = 0; tab < MOST_TABS; tab++) {
    await page.keyboard.press('Tab');
    if (await wanted.evaluateAll((found) => found.some((each) => each === document.activeElement))) {
      await expect.poll(() => page.evaluate(focusInSight)).toBe(true);
      return;
    }
  }
  throw new Error(`${MOST_TABS} tabs do not lead to ${String(wanted)}.`);
}

/** Runs in the page. A radio or a file input has its label in its place. */
function focusInSight(): boolean {
  const focused = document.activeElement;
  const box = (focused?.closest('label') ?? focused)?.getBoundingClientRect();
  return (
    box !== undefined &&
    box.width > 0 &&
    box.bottom > 0 &&
    box.top < innerHeight &&
    box.right > 0 &&
    box.left < innerWidth
  );
}

async function press(page: Page, name: string): Promise<void> {
  await tabTo(page, page.getByRole('button', { name, exact: true }));
  await page.keyboard.press('Enter');
}

async function choose(
  page: Page,
  button: string,
  files: Parameters<Locator['setInputFiles']>[0],
): Promise<void> {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), press(page, button)]);
  await chooser.setFiles(files);
}

test('from pictures to the file with keys alone', async ({ page }) => {
  // As in a browser without the system's own dialogs for files, which no test can operate.
  await page.addInitScript(() => {
    Reflect.deleteProperty(window, 'showOpenFilePicker');
    Reflect.deleteProperty(window, 'showSaveFilePicker');
  });
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();

  await test.step('the first key offers to skip the rail', async () => {
    await page.keyboard.press('Tab');
    await expect(page.getByRole('link', { name: 'Skip to the work' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('main')).toBeFocused();
  });

  await test.step('base model, then pictures', async () => {
    await choose(page, 'Choose a base model', tinyModel);
    await expect(page.getByText('Stable Diffusion 1.x · tiny-sd15')).toBeVisible();
    await choose(page, 'Choose pictures', await squares());
    await expect(page.getByRole('heading', { name: 'Images and captions' })).toBeVisible();
  });

  await test.step('the trigger word, and on', async () => {
    await tabTo(page, page.getByRole('button', { name: /^blue\.png/ }));
    await page.keyboard.press('Enter');
    await tabTo(page, page.getByRole('textbox', { name: 'Trigger word' }));
    await page.keyboard.type('inkwash');
    await press(page, 'On to settings');
    await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible();
  });

  await test.step('a preset by arrows, one field by typing, the rest from a text', async () => {
    await tabTo(page, page.getByRole('radio', { name: /^Style/ }));
    await page.keyboard.press('ArrowRight');
    await expect(page.getByRole('radio', { name: /^Object/ })).toBeChecked();
    await page.keyboard.press('ArrowLeft');
    await expect(page.getByRole('radio', { name: /^Style/ })).toBeChecked();
    await press(page, 'Import kohya or YAML');
    await tabTo(page, page.getByLabel('Or paste its text here'));
    await page.keyboard.insertText(smallSettings({ max_train_steps: 3, sample_prompts: [] }));
    // Such small sizes are the demo model's, and are not ticked for another.
    await tabTo(page, page.getByRole('dialog').getByRole('checkbox').first());
    await page.keyboard.press('Space');
    await expect(page.getByRole('dialog').getByRole('checkbox', { checked: false })).toHaveCount(0);
    await tabTo(page, page.getByRole('button', { name: /^Take \d+ settings$/ }));
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await tabTo(page, page.getByRole('searchbox', { name: 'Search settings' }));
    await page.keyboard.type('network_dim');
    await tabTo(page, page.getByRole('textbox', { name: 'Rank', exact: true }));
    await page.keyboard.type('4');
    await expect(page.getByRole('textbox', { name: 'Rank', exact: true })).toHaveValue('4');
  });

  await test.step('start, pause, go on', async () => {
    await expect(page.getByRole('button', { name: 'Start training' })).toBeEnabled();
    await press(page, 'Start training');
    await expect(page.getByRole('heading', { name: 'Training', level: 1 })).toBeVisible();
    await press(page, 'Pause');
    await expect(says(page)).toContainText('Paused', { timeout: 600_000 });
    expect(await stepsDone(page)).toBeLessThan(3);
    await press(page, 'Go on');
    await expect(says(page)).toContainText('Finished', { timeout: 600_000 });
  });

  await test.step('the file', async () => {
    await press(page, 'To the results');
    await expect(page.getByText(/^Written, read back and compared/)).toBeVisible();
    const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download')]);
    const bytes = new Uint8Array(await readFile(await download.path()));
    const { metadata, modules } = await parseLora(fromBytes(bytes));
    expect(modules).toHaveLength(192);
    expect(metadata).toMatchObject({
      ss_network_dim: '4',
      ss_steps: '3',
      'modelspec.trigger_phrase': 'inkwash',
    });
  });
});

/** A learning rate of 1 on the demo model: its loss runs away, the run pauses by itself, and the advice is to lower the rate. */
import { expect, test } from '@playwright/test';
import { goTo, says, smallSettings, squares, stepsDone } from './small_run';

// Software rendering on a shared machine: minutes where a GPU takes seconds.
test.setTimeout(900_000);

test('a run that diverges is noticed, paused, and goes on with a lower rate', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Use the demo model' }).first().click();
  await expect(page.getByText('in use').first()).toBeVisible();
  await page.getByLabel('Pictures, captions or a zip').setInputFiles(await squares());
  await expect(page.getByRole('heading', { name: 'Images', level: 1 })).toBeVisible();
  await goTo(page, 'Settings');
  await page.getByRole('button', { name: 'Import kohya or YAML' }).click();
  const small = smallSettings({ max_train_steps: 60, sample_prompts: [] });
  // In halves it would soon be no number at all, which is another thing to notice.
  await page.getByLabel('Or paste its text here').fill(`${small}\nmixed_precision: fp32`);
  await page.getByRole('button', { name: /^Take \d+ settings?$/ }).click();
  // An import leaves such a rate out: it takes a person's own hand.
  await page.getByRole('searchbox', { name: 'Search settings' }).fill('Learning rate');
  await page.getByRole('textbox', { name: 'Learning rate', exact: true }).fill('1');
  await page.keyboard.press('Tab');
  await page.getByRole('button', { name: 'Start training' }).click();

  const notice = page.getByText('The loss has run away.');
  await expect(notice).toBeVisible({ timeout: 400_000 });
  expect(await stepsDone(page)).toBeLessThanOrEqual(30);
  await expect(says(page)).toContainText('Paused', { timeout: 300_000 });
  await expect(page.getByText(/The learning rate is too high: lower it, from 1 to 0\.001/)).toBeVisible();
  await expect(page.getByText(/raise the rank/)).toHaveCount(0);
  // What it learnt is spoiled: nothing of it was saved, and it starts over.
  await expect(page.getByText('not saved yet')).toBeVisible();
  await page.getByRole('button', { name: 'Start over with 0.001' }).click();
  await expect(notice).toHaveCount(0);
  await expect.poll(() => stepsDone(page), { timeout: 400_000 }).toBeGreaterThanOrEqual(2);
  await page.getByRole('button', { name: 'Stop and keep' }).click();
  await expect(says(page)).toContainText(/Stopped at step \d+ of 60; kept/, { timeout: 300_000 });
});

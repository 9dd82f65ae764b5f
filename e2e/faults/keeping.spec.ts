/** A browser that keeps little, or no files at all: said on the first screen, before anything is given to it. */
import { expect } from '@playwright/test';
import { tinyModel } from '../small_run';
import { fault } from './kit';

fault('no-private-files', async ({ page }) => {
  await page.addInitScript(() => {
    StorageManager.prototype.getDirectory = () =>
      Promise.reject(new DOMException('Security error when calling GetDirectory', 'SecurityError'));
  });
  await page.goto('/');
  const notice = page.getByRole('status').filter({ hasText: 'This browser keeps no files for the studio.' });
  await expect(page.getByText('This browser keeps no files for the studio.')).toBeVisible();
  await expect(page.getByText(/pictures and runs are gone when the window closes/)).toBeVisible();
  await page.getByLabel('Base model file').setInputFiles(tinyModel);
  await expect(page.getByText(/Open it in a normal window, and let it keep data/)).toBeVisible();
  await page.getByRole('button', { name: '中文' }).click();
  await expect(page.getByText('此浏览器不为本工具保存文件。')).toBeVisible();
  expect(await notice.count()).toBeLessThanOrEqual(1);
  return 0;
});

fault('small-quota', async ({ page }) => {
  // Chromium says 10 GiB whatever it will allow; others, and an older one, say what there is.
  await page.addInitScript(() => {
    StorageManager.prototype.estimate = () => Promise.resolve({ usage: 100e6, quota: 1e9 });
  });
  await page.goto('/');
  await expect(page.getByText('This browser keeps at most 900 MB more for the studio.')).toBeVisible();
  await expect(page.getByText(/A base model of Stable Diffusion 1\.x takes 2 to 4 GB/)).toBeVisible();
  return 0;
});

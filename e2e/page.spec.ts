/** The page itself: it opens under the headers it ships with, says what the computer can do, and asks nobody else. */
import { gzipSync } from 'node:zlib';
import { expect, test } from '@playwright/test';
import { axeFinds } from './axe';

test('the page opens under its shipped headers and finds an adapter', async ({ page }) => {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  const elsewhere: string[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1') elsewhere.push(request.url());
  });

  const response = await page.goto('/');
  expect(response?.headers()['content-security-policy']).toContain("default-src 'self'");
  expect(response?.headers()['connection-allowlist']).toBe('(response-origin)');
  await expect(page).toHaveTitle('LoRA Studio');
  const preflight = page.getByRole('status', { name: 'This computer' });
  await expect(preflight).toContainText('Only a software renderer was found.');
  await expect(preflight).toContainText(/swiftshader/i);
  await expect(preflight).toContainText('WebGPU, single precision');
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(await page.evaluate(() => 'RTCPeerConnection' in globalThis)).toBe(false);
  expect(complaints).toEqual([]);
  expect(elsewhere).toEqual([]);
});

test('at most 150 KB of JavaScript come before anything is dropped', async ({ page }) => {
  const scripts: Promise<number>[] = [];
  page.on('response', (response) => {
    if (response.request().resourceType() !== 'script') return;
    scripts.push(response.body().then((body) => gzipSync(body).length));
  });
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
  await expect(page.getByRole('button', { name: /^Open the sample set: / }).first()).toBeVisible();
  const bytes = (await Promise.all(scripts)).reduce((sum, size) => sum + size, 0);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThanOrEqual(150 * 1024);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing on the start screen, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.goto('/');
    await expect(page.getByRole('button', { name: /^Open the sample set: / }).first()).toBeVisible();
    expect(await axeFinds(page)).toEqual([]);
    await page.getByRole('button', { name: 'What was checked' }).click();
    await expect(page.getByRole('dialog', { name: 'What was checked' })).toContainText('Graphics card');
    expect(await axeFinds(page)).toEqual([]);
  });
}

import { expect, test } from '@playwright/test';

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
  await expect(page).toHaveTitle('LoRA Studio');
  await expect(page.getByRole('status', { name: 'Adapter' })).toContainText(
    /Adapter: .*swiftshader.*\. Precision: f32\./i,
  );
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(complaints).toEqual([]);
  expect(elsewhere).toEqual([]);
});

/** What happens while a run is under way: to its tab, worker, GPU, storage, network and clock. */
import { readFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, expect, test, type Browser, type Page } from '@playwright/test';
import { changed } from '../changed';
import { prepareRun, says, start, stepsDone, tinyModel } from '../small_run';
import { begun, fault, finishedAlike, hook, LONG, lostSince, make, STEPS } from './kit';

test.setTimeout(2_400_000);
// The offline worker would answer for the trainer's script; where a row wants it, it makes a context of its own.
test.use({ serviceWorkers: 'block' });

fault('tab-crashed', async ({ page, browser, baseURL }) => {
  // Its context is gone with it: another tab of the same context finds what was kept.
  const context = page.context();
  await begun(page, 3);
  const done = await stepsDone(page);
  const crashed = page.waitForEvent('crash');
  await page.goto('chrome://crash').catch(() => undefined);
  await crashed;
  const other = await context.newPage();
  await hook(other);
  await other.goto('/');
  await other.getByRole('button', { name: 'Resume' }).click();
  await finishedAlike(other, baseURL);
  expect(browser.isConnected()).toBe(true);
  return lostSince(other, done);
});

fault('device-destroyed', async ({ page, baseURL }) => {
  await begun(page, 3);
  const done = await stepsDone(page);
  await make(page, 'destroy');
  await expect(page.getByText('The GPU was lost and came back.')).toBeVisible(LONG);
  await finishedAlike(page, baseURL);
  return lostSince(page, done);
});

fault('worker-hangs', async ({ page, baseURL }) => {
  await begun(page, 3);
  const done = await stepsDone(page);
  await make(page, 'hang');
  await expect(page.getByText('The trainer does not answer.').first()).toBeVisible({ timeout: 300_000 });
  await page.getByRole('button', { name: /^Go on from step [24]$/ }).click();
  await finishedAlike(page, baseURL);
  return lostSince(page, done);
});

for (const [name, how, title] of [
  ['worker-closed', 'close', 'The trainer does not answer.'],
  ['gpu-hangs', 'still', 'The GPU does not answer.'],
] as const)
  fault(name, async ({ page }) => {
    await begun(page, 3);
    const done = await stepsDone(page);
    await make(page, how);
    await expect(page.getByText(title).first()).toBeVisible({ timeout: 600_000 });
    await page.getByRole('button', { name: 'Stop and keep', exact: true }).click();
    await expect(says(page)).toContainText(new RegExp(`Stopped at step [24] of ${STEPS}; kept`), LONG);
    const kept = /Stopped at step (\d+)|Stopped\s*at step (\d+)/.exec(await says(page).innerText());
    return done - Number(kept?.[1] ?? kept?.[2]);
  });

fault('worker-throws', async ({ page, baseURL }) => {
  await begun(page, 3);
  const done = await stepsDone(page);
  await make(page, 'throw');
  await expect(page.getByText(/a fault of the test/).first()).toBeVisible(LONG);
  await page.getByRole('button', { name: 'Try again' }).click();
  await finishedAlike(page, baseURL);
  return lostSince(page, done);
});

fault('gpu-process-killed-twice', async ({ baseURL }) => {
  let lost = 0;
  await withOwnBrowser(baseURL, async (page, browser) => {
    await begun(page, 3);
    const done = await stepsDone(page);
    await signal(browser, 'SIGKILL', 'GPU');
    await expect(page.getByText('The GPU was lost and came back.')).toBeVisible(LONG);
    lost = await lostSince(page, done);
    await expect.poll(() => stepsDone(page), LONG).toBeGreaterThanOrEqual(3);
    await signal(browser, 'SIGKILL', 'GPU');
    const counting = page.getByText(/The browser opens it again in [12]:\d\d\./);
    await expect(counting).toBeVisible(LONG);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(counting.or(says(page).filter({ hasText: 'Finished' }))).toBeVisible(LONG);
    await expect(page.getByText('Check the driver')).toHaveCount(0);
    if (await counting.isVisible()) {
      await page.getByRole('button', { name: 'Stop and keep' }).last().click();
      await expect(says(page)).toContainText(/Stopped at step [24] of/, LONG);
    }
  });
  return lost;
});

fault('sleep', async ({ baseURL }) => {
  await withOwnBrowser(baseURL, async (page, browser) => {
    await begun(page, 2);
    await signal(browser, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 90_000));
    await signalled(browser, 'SIGCONT');
    await finishedAlike(page, baseURL);
    await expect(page.getByText('does not answer')).toHaveCount(0);
  });
  return 0;
});

fault('loss-not-a-number', async ({ page }) => {
  const bytes = readFileSync(tinyModel);
  const header = Number(bytes.readBigUInt64LE(0));
  const tensors = JSON.parse(bytes.subarray(8, 8 + header).toString()) as Record<string, { data_offsets: [number, number] }>; // prettier-ignore
  // The U-Net's last layers, each weight the largest half: as numbers they pass, what they make of a picture is none.
  for (const layer of ['out.0', 'out.2']) {
    const [from, to] = tensors[`model.diffusion_model.${layer}.weight`].data_offsets;
    for (let at = 8 + header + from; at < 8 + header + to; at += 2) bytes.writeUInt16LE(0x7bff, at);
  }
  const file = join(mkdtempSync(join(tmpdir(), 'fault-nan-')), 'tiny-nan.safetensors');
  writeFileSync(file, bytes);
  await prepareRun(page, { max_train_steps: 20, sample_prompts: [], resolution: 64 });
  await page.goto('/#');
  await page.getByLabel('Base model file').setInputFiles(file);
  await expect(page.getByText('Stable Diffusion 1.x · tiny-nan')).toBeVisible();
  await page.goto('/#settings');
  await start(page);
  await expect(page.getByText(/The loss is no longer a number/)).toBeVisible(LONG);
  await expect(page.getByText('Paused before anything was saved.').first()).toBeVisible();
  return 0;
});

fault('storage-cleared', async ({ page, baseURL }) => {
  await page.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  await begun(page, 1, { max_train_steps: 12 });
  const client = await page.context().newCDPSession(page);
  await client.send('Storage.clearDataForOrigin', { origin: new URL(baseURL ?? '').origin, storageTypes: 'all' }); // prettier-ignore
  await expect(page.getByText('What this browser kept was cleared while the run went on.').first()).toBeVisible(LONG); // prettier-ignore
  await expect(says(page)).toContainText('Finished', LONG);
  await page.getByRole('button', { name: 'To the results' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download', exact: true }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('squares.safetensors');
  await page.reload();
  await expect(page.getByRole('button', { name: 'Download', exact: true })).toBeEnabled();
  return 0;
});

fault('second-tab-in-mid-run', async ({ page, baseURL }) => {
  await begun(page, 1);
  const other = await page.context().newPage();
  await other.goto('/');
  await expect(other.getByText('This project is open in another tab.')).toBeVisible();
  await expect(other.getByRole('button', { name: 'Resume' })).toHaveCount(0);
  await finishedAlike(page, baseURL);
  return 0;
});

fault('newer-version-in-mid-run', async ({ browser, baseURL }) => {
  let change = '';
  const { at, close } = await changed(baseURL, (path, body) =>
    path === '/sw.js' ? Buffer.concat([body, Buffer.from(change)]) : body,
  );
  const context = await browser.newContext({ serviceWorkers: 'allow', baseURL: at });
  try {
    const page = await context.newPage();
    // Fewer than it takes to call a loss like this model's, which knows nothing, one that ran away: that would pause it.
    await prepareRun(page, { max_train_steps: 12, save_steps: 4, sample_prompts: [], resolution: 128 });
    await expect(page.getByRole('definition').filter({ hasText: 'not needed' })).toBeVisible();
    await start(page);
    await expect.poll(() => stepsDone(page), LONG).toBeGreaterThanOrEqual(1);
    change = '// newer';
    const other = await context.newPage();
    await other.goto('/');
    await expect(page.getByText('A new version of the studio is ready.')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Reload', exact: true })).toHaveCount(0);
    await other.getByRole('button', { name: 'Reload', exact: true }).click();
    await expect(other.getByRole('button', { name: 'Reload', exact: true })).toHaveCount(0);
    await expect(says(page)).toContainText('Finished', LONG);
    await page.getByRole('button', { name: 'To the results' }).click();
    await expect(page.getByRole('button', { name: 'Download', exact: true })).toBeEnabled();
  } finally {
    await context.close();
    await close();
  }
  return 0;
});

/** A browser of its own, whose processes may be told something. */
async function withOwnBrowser(
  baseURL: string | undefined,
  work: (page: Page, browser: Browser) => Promise<void>,
): Promise<void> {
  const { executablePath, args } = test.info().project.use.launchOptions ?? {};
  const own = await chromium.launch({
    ...(executablePath ? { executablePath } : {}),
    ...(args ? { args } : {}),
  });
  try {
    const context = await own.newContext({ ...(baseURL ? { baseURL } : {}), serviceWorkers: 'block' });
    await work(await context.newPage(), own);
  } finally {
    await own.close();
  }
}

const told = new WeakMap<Browser, number[]>();

/** To all processes of a browser, or those of a type. */
async function signal(browser: Browser, what: NodeJS.Signals, type?: string): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as {
    processInfo: { type: string; id: number }[];
  };
  const ids = processInfo.filter((each) => type === undefined || each.type === type).map(({ id }) => id);
  if (ids.length === 0) throw new Error(`This browser has no process of the type ${type}.`);
  told.set(browser, ids);
  for (const id of ids) process.kill(id, what);
}

/** To those that were told something before: they cannot be asked. */
function signalled(browser: Browser, what: NodeJS.Signals): void {
  for (const id of told.get(browser) ?? []) process.kill(id, what);
}

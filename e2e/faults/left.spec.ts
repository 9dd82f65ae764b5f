/**
 * A browser that was killed in mid-run, and what may have happened to its storage before it starts again: each in a copy of
 * the same profile, with states of the steps 2 and 4 of 6.
 */
import { expect, test, type Page } from '@playwright/test';
import { goTo, says } from '../small_run';
import { damage, fault, finishedAlike, hook, inBrowser, left, type Damage } from './kit';

test.setTimeout(2_400_000);

/** On the start screen of the browser that was started again. */
async function again(
  baseURL: string | undefined,
  work: (page: Page, done: number) => Promise<number>,
  before: (page: Page) => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const { profile, done } = await left(baseURL);
  return inBrowser(baseURL, profile, async (context) => {
    const page = await context.newPage();
    await hook(page);
    // Its storage is the origin's: a page without the studio in it changes it.
    await page.goto('/icon.svg');
    await before(page);
    await page.goto('/');
    return work(page, done);
  });
}

async function resumed(page: Page, from: number): Promise<void> {
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByText(`Resumed from step ${from}`)).toBeVisible({ timeout: 120_000 });
}

fault('browser-killed', ({ baseURL }) =>
  again(baseURL, async (page, done) => {
    await resumed(page, 4);
    await finishedAlike(page, baseURL);
    return done - 4;
  }),
);

for (const how of ['cut', 'half-zeroed', 'bit-flipped'] as const)
  fault(`state-${how}`, ({ baseURL }) =>
    again(
      baseURL,
      async (page, done) => {
        await resumed(page, 4);
        await expect(
          page.getByText('The newest saved state is damaged. The run goes on from step 2.').first(),
        ).toBeVisible({ timeout: 900_000 });
        await finishedAlike(page, baseURL);
        return done - 2;
      },
      (page) => damage(page, how),
    ),
  );

fault('record-of-an-older-version', ({ baseURL }) =>
  again(
    baseURL,
    async (page, done) => {
      await resumed(page, 4);
      await finishedAlike(page, baseURL);
      return done - 4;
    },
    (page) => damage(page, 'older'),
  ),
);

/** It cannot go on: a sentence says why, nothing that was saved is lost, and its LoRA is under Results. */
function refused(name: string, how: (page: Page) => Promise<void>, sentence: RegExp): void {
  fault(name, ({ baseURL }) =>
    again(
      baseURL,
      async (page) => {
        await page.getByRole('button', { name: 'Resume' }).click();
        await expect(page.getByText(sentence).first()).toBeVisible({ timeout: 120_000 });
        await page.screenshot({ path: test.info().outputPath('said.png') });
        await goTo(page, 'Results');
        await expect(page.getByRole('button', { name: 'Download', exact: true })).toBeEnabled();
        return 0;
      },
      how,
    ),
  );
}

const damaged = (what: Damage) => (page: Page) => damage(page, what);

refused(
  'record-of-a-newer-version',
  damaged('newer'),
  /settings that this one does not know or allow \(lora_flavour\)/,
);
refused('picture-gone', damaged('no-files'), /(red|blue)\.png is no longer stored here/);
refused(
  'base-model-moved',
  (page) =>
    page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      await root.removeEntry('models', { recursive: true });
    }),
  /tiny-sd15\S* is gone: this browser or a person has cleared its data/,
);
refused(
  'base-model-changed',
  (page) =>
    page.evaluate(async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('models');
      for await (const [, entry] of folder.entries()) {
        const handle = entry as FileSystemFileHandle;
        const { size } = await handle.getFile();
        const to = await handle.createWritable({ keepExistingData: true });
        await to.write({ type: 'write', position: size - 4096, data: new Uint8Array(4096).fill(60) });
        await to.close();
      }
    }),
  /The saved state belongs to a run with another base model/,
);

fault('project-with-junk', ({ baseURL }) =>
  again(
    baseURL,
    async (page) => {
      await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
      for (const stage of ['Images', 'Settings', 'Training', 'Results'] as const) {
        await goTo(page, stage);
        await expect(page.getByRole('heading', { level: 1, name: stage })).toBeVisible();
      }
      return 0;
    },
    damaged('junk'),
  ),
);

fault('runs-deleted', ({ baseURL }) =>
  again(
    baseURL,
    async (page) => {
      await expect(page.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
      await expect(page.getByRole('button', { name: 'Resume' })).toHaveCount(0);
      await goTo(page, 'Training');
      await expect(says(page)).toHaveCount(0);
      await expect(page.getByText('No run yet')).toBeVisible();
      return 0;
    },
    (page) =>
      page.evaluate(
        () =>
          new Promise<void>((resolve, reject) => {
            const request = indexedDB.deleteDatabase('lora-studio-runs');
            request.onsuccess = () => resolve();
            request.onerror = () => reject(new Error('not deleted'));
          }),
      ),
  ),
);

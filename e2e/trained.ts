/**
 * A project that is already trained, for journeys that only look at what a run leaves: trained once in a test run, by
 * whichever worker asks first; each journey then has a browser of its own on a copy of that browser's profile.
 */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import { test as base, chromium, expect, type BrowserContextOptions, type Page } from '@playwright/test';
import { prepareRun, says, start } from './small_run';

/** Checkpoints and samples at 2 and 4, a sample of the base model; output name, pictures and captions of small_run.ts. */
const SETTINGS = { max_train_steps: 4, save_steps: 2, sample_every_n_steps: 2 };
const MAKING_MS = 900_000;

/** `trained` is its page, on the start screen; what a journey changes there no other sees. */
export const test = base.extend<{ trained: Page }>({
  trained: async ({ baseURL, locale, colorScheme, viewport }, use, info) => {
    const copy = info.outputPath('profile');
    const { outputDir } = info.project;
    const options = { ...(baseURL ? { baseURL } : {}), ...(locale ? { locale } : {}), colorScheme, viewport };
    await trainedProfile(outputDir, options, info.project.use.launchOptions);
    cpSync(profileIn(outputDir), copy, { recursive: true, filter: (path) => !/Singleton|Cache$/.test(path) });
    await inProfile(copy, options, info.project.use.launchOptions, async (page) => {
      await page.goto('/#start');
      await use(page);
    });
    rmSync(copy, { recursive: true, force: true });
  },
});

type Launch = Parameters<typeof chromium.launch>[0];

const profileIn = (outputDir: string) => join(outputDir, 'trained-project');

/** Playwright empties that folder before every test run. Rejects where training failed, in whichever worker. */
async function trainedProfile(
  outputDir: string,
  options: BrowserContextOptions,
  launch: Launch,
): Promise<void> {
  const profile = profileIn(outputDir);
  const done = `${profile}.done`;
  mkdirSync(outputDir, { recursive: true });
  let mine = true;
  try {
    mkdirSync(profile);
  } catch {
    mine = false;
  }
  if (mine) {
    try {
      await inProfile(profile, options, launch, async (page) => {
        await prepareRun(page, SETTINGS);
        await start(page);
        await expect(says(page)).toContainText('Finished', { timeout: MAKING_MS });
      });
      writeFileSync(done, '');
    } catch (error) {
      rmSync(profile, { recursive: true, force: true });
      throw error;
    }
  }
  for (const deadline = Date.now() + MAKING_MS; !existsSync(done); await wait(500))
    if (!existsSync(profile) || Date.now() > deadline) throw new Error('The project was not trained.');
}

async function inProfile(
  profile: string,
  options: BrowserContextOptions,
  launch: Launch,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await chromium.launchPersistentContext(profile, {
    ...launch,
    ...options,
    acceptDownloads: true,
  });
  try {
    const page = context.pages()[0] ?? (await context.newPage());
    // As in a browser without the system's save dialog, which no test can operate.
    await page.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
    await work(page);
  } finally {
    await context.close();
  }
}

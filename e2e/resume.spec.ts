/**
 * A run that was torn off, by a reload in its middle or by a GPU process that was killed, ends in the same file, byte
 * for byte, as one that was not. The trainer's clock stands still in these tests, for the file says when it was made.
 */
import { chromium, expect, test, type Browser, type Page } from '@playwright/test';
import { prepareRun, says, start, stepsDone } from './small_run';
import { storedLora } from './stored_runs';

// Software rendering on a shared machine: minutes where a GPU takes seconds.
test.setTimeout(2_400_000);
// The offline worker would answer for the trainer's script.
test.use({ serviceWorkers: 'block' });

const STEPS = 10;
const SETTINGS = { max_train_steps: STEPS, save_steps: 5, sample_prompts: [] };
const LONG = { timeout: 900_000 };
/** Looks often: a run on such a small model has few steps, and must be caught between two of them. */
const OFTEN = { ...LONG, intervals: [100] };

async function stopTheTrainersClock(page: Page): Promise<void> {
  await page.route('**/assets/trainer.worker-*.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `Date.now = () => 1700000000000;\n${await response.text()}` });
  });
}

async function finished(page: Page): Promise<Uint8Array<ArrayBuffer>> {
  await expect(says(page)).toContainText('Finished', LONG);
  return storedLora(page, STEPS);
}

/** The file of a run that nothing happened to. */
let whole: Uint8Array<ArrayBuffer>;

test.beforeAll(async ({ browser }, { project }) => {
  test.setTimeout(1_200_000);
  const { baseURL } = project.use;
  const context = await browser.newContext({ ...(baseURL ? { baseURL } : {}), serviceWorkers: 'block' });
  const page = await context.newPage();
  await stopTheTrainersClock(page);
  await prepareRun(page, SETTINGS);
  await start(page);
  whole = await finished(page);
  await context.close();
});

test('a reload in the middle: the run is offered, resumes, and ends in the same bytes', async ({
  page: other,
}) => {
  await stopTheTrainersClock(other);
  // Steps that are not saved: the browser asks before it lets them go.
  let asked = 0;
  other.on('dialog', (dialog) => {
    asked++;
    void dialog.accept();
  });
  await prepareRun(other, SETTINGS);
  await start(other);
  await expect.poll(() => stepsDone(other), OFTEN).toBeGreaterThanOrEqual(6);
  expect(await stepsDone(other)).toBeLessThan(STEPS);
  await other.goto('/');
  expect(asked).toBeLessThanOrEqual(1);

  await expect(other.getByRole('button', { name: 'Resume' })).toBeVisible();
  await expect(other.getByText(/step 5/i).first()).toBeVisible();
  await other.getByRole('button', { name: 'Resume' }).click();
  const resumed = await finished(other);
  expect(Buffer.from(resumed).equals(Buffer.from(whole))).toBe(true);
  await expect(other.getByText('Resumed from step 5')).toBeVisible();
});

test('the GPU process is killed in the middle: the run goes on by itself and ends in the same bytes', async ({
  baseURL,
}) => {
  const { executablePath, args } = test.info().project.use.launchOptions ?? {};
  const own = await chromium.launch({
    ...(executablePath ? { executablePath } : {}),
    ...(args ? { args } : {}),
  });
  const context = await own.newContext({ ...(baseURL ? { baseURL } : {}), serviceWorkers: 'block' });
  const other = await context.newPage();
  await stopTheTrainersClock(other);
  await prepareRun(other, SETTINGS);
  await start(other);
  await expect.poll(() => stepsDone(other), OFTEN).toBeGreaterThanOrEqual(6);
  await killGpu(own);
  await expect(other.getByText('The GPU was lost and came back.')).toBeVisible(LONG);
  const resumed = await finished(other);
  expect(Buffer.from(resumed).equals(Buffer.from(whole))).toBe(true);
  await own.close();
});

/** Ends the browser's GPU process, as a crashing driver does. */
async function killGpu(browser: Browser): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as {
    processInfo: { type: string; id: number }[];
  };
  const gpu = processInfo.find(({ type }) => type === 'GPU');
  if (!gpu) throw new Error('This browser has no GPU process.');
  process.kill(gpu.id, 'SIGKILL');
}

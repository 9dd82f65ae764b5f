/**
 * What the faults in the browser are made of: a test per row of rows.ts, a run on the tiny model that saves every second
 * step, hooks in its worker, and a browser's whole profile in which such a run was left, to be copied and damaged.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, expect, test, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { prepareRun, says, start, stepsDone } from '../small_run';
import { storedLora } from '../stored_runs';
import { ROWS } from './rows';

export const LONG = { timeout: 900_000 };
export const STEPS = 6;
const SETTINGS = { max_train_steps: STEPS, save_steps: 2, sample_prompts: [], resolution: 64 };

export interface Given {
  readonly page: Page;
  readonly browser: Browser;
  readonly baseURL: string | undefined;
}

/** A test of a row; it gives how many steps were lost. Long ones are there only when the table is run. */
export function fault(name: string, run: (given: Given) => Promise<number>): void {
  const row = ROWS.find((each) => each.name === name && !each.journey);
  if (!row) throw new Error(`The table has no row ${name} of its own.`);
  if (!row.short && !process.env.STUDIO_FAULTS) return;
  test(`${name}: ${row.ends}`, async ({ page, browser, baseURL }, info) => {
    const lost = await run({ page, browser, baseURL });
    // What was done since the newest save, every second step; and, where that is damaged, since the one before it.
    expect(lost).toBeLessThanOrEqual(4);
    info.annotations.push({ type: 'lost', description: String(lost) });
  });
}

/** Heard in the trainer's worker, from any page of the origin: what is told there happens between two messages. */
const HOOKS = `
Date.now = () => 1700000000000;
const devices = [];
const request = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...given) {
  const device = await request.apply(this, given);
  devices.push(device);
  return device;
};
const map = GPUBuffer.prototype.mapAsync;
let still = false;
GPUBuffer.prototype.mapAsync = function (...given) {
  return still ? new Promise(() => {}) : map.apply(this, given);
};
new BroadcastChannel('fault').onmessage = ({ data }) => {
  if (data === 'destroy') for (const device of devices) device.destroy();
  if (data === 'hang') for (;;);
  if (data === 'close') self.close();
  if (data === 'throw') setTimeout(() => { throw new Error('a fault of the test'); });
  if (data === 'still') still = true;
};
`;

/** Puts the hooks before the trainer's script; its clock stands still, so that files can be compared. */
export async function hook(page: Page): Promise<void> {
  await page.route('**/assets/trainer.worker-*.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${HOOKS}${await response.text()}` });
  });
}

export type Fault = 'destroy' | 'hang' | 'close' | 'throw' | 'still';

export function make(page: Page, what: Fault): Promise<void> {
  return page.evaluate((said) => new BroadcastChannel('fault').postMessage(said), what);
}

/** A run under way that has trained so many steps, of which every second is saved. */
export async function begun(page: Page, steps = 3, settings: Parameters<typeof prepareRun>[1] = {}) {
  await hook(page);
  await prepareRun(page, { ...SETTINGS, ...settings });
  await start(page);
  await expect.poll(() => stepsDone(page), LONG).toBeGreaterThanOrEqual(steps);
}

/** Until it has finished; its LoRA must be the undisturbed one's. */
export async function finishedAlike(page: Page, baseURL: string | undefined): Promise<void> {
  await expect(says(page)).toContainText('Finished', LONG);
  const bytes = await storedLora(page, STEPS);
  expect(Buffer.from(bytes).equals(await undisturbed(baseURL))).toBe(true);
}

let whole: Promise<Buffer> | undefined;

/** The LoRA of a run that nothing happens to, made once. */
export function undisturbed(baseURL: string | undefined): Promise<Buffer> {
  whole ??= inBrowser(baseURL, mkdtempSync(join(tmpdir(), 'fault-whole-')), async (context) => {
    const page = await context.newPage();
    await begun(page);
    await expect(says(page)).toContainText('Finished', LONG);
    return Buffer.from(await storedLora(page, STEPS));
  });
  return whole;
}

/** A browser of its own on a profile; ended afterwards, whatever it has come to. */
export async function inBrowser<T>(
  baseURL: string | undefined,
  profile: string,
  work: (context: BrowserContext) => Promise<T>,
): Promise<T> {
  const { executablePath, args } = test.info().project.use.launchOptions ?? {};
  const context = await chromium.launchPersistentContext(profile, {
    ...(baseURL ? { baseURL } : {}),
    ...(executablePath ? { executablePath } : {}),
    ...(args ? { args } : {}),
    serviceWorkers: 'block',
    viewport: { width: 1280, height: 900 },
  });
  try {
    return await work(context);
  } finally {
    await context.close().catch(() => undefined);
  }
}

/** Steps that were done and must come again, by what the log says it went on from last. */
export async function lostSince(page: Page, done: number): Promise<number> {
  const lines = await page.getByText(/Resumed from step \d+/).allInnerTexts();
  const from = /Resumed from step (\d+)/.exec(lines.at(-1) ?? '')?.[1];
  if (from === undefined) throw new Error('The log does not say from which step it resumed.');
  return Math.max(0, done - Number(from));
}

let leftBehind: Promise<{ profile: string; done: number }> | undefined;

/** A copy of a profile in which the browser was killed after step 4, with states of the steps 2 and 4. */
export async function left(baseURL: string | undefined): Promise<{ profile: string; done: number }> {
  leftBehind ??= (async () => {
    const profile = mkdtempSync(join(tmpdir(), 'fault-left-'));
    let done = 0;
    await inBrowser(baseURL, profile, async (context) => {
      const page = await context.newPage();
      await begun(page, 4);
      await expect(page.getByText(/^step 4,/)).toBeVisible(LONG);
      done = await stepsDone(page);
      await killed(context, profile);
    });
    return { profile, done };
  })();
  const copy = mkdtempSync(join(tmpdir(), 'fault-copy-'));
  const { profile, done } = await leftBehind;
  cpSync(profile, copy, { recursive: true, filter: (path) => !/Singleton|Cache$/.test(path) });
  return { profile: copy, done };
}

/** The whole browser on that profile, as by a power cut to it alone. */
export async function killed(context: BrowserContext, profile: string): Promise<void> {
  test.skip(!existsSync('/proc/self/cmdline'), 'needs /proc, to find the browser');
  const closed = context.waitForEvent('close', { timeout: 60_000 });
  const words = (id: string) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0');
    } catch {
      return [];
    }
  };
  const id = readdirSync('/proc').find((each) => {
    const all = /^\d+$/.test(each) ? words(each) : [];
    return all.includes(`--user-data-dir=${profile}`) && !all.some((word) => word.startsWith('--type='));
  });
  if (id === undefined) throw new Error('The browser is not among the processes.');
  process.kill(Number(id), 'SIGKILL');
  await closed;
}

/** What is done to records of the page's storage. */
export type Damage = 'cut' | 'half-zeroed' | 'bit-flipped' | 'older' | 'newer' | 'junk' | 'no-files';

/** Damages the run that was left, or what it needs. */
export function damage(page: Page, what: Damage): Promise<void> {
  return page.evaluate(async (how) => {
    const answer = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(new Error('The database does not answer.'));
      });
    const name = how === 'junk' ? 'projects' : how === 'no-files' ? 'pictures' : 'runs';
    const db = await answer(indexedDB.open(`lora-studio-${name}`));
    const store = () => db.transaction(name, 'readwrite').objectStore(name);
    const read = store();
    const [keys, values] = await Promise.all([
      answer(read.getAllKeys()),
      answer(read.getAll()) as Promise<Record<string, unknown>[]>,
    ]);
    const entries = keys.map((key, i) => ({ key: key as (string | number)[], value: values[i] }));
    const states = entries.filter(({ value }) => value.state instanceof Blob);
    const newest = states.reduce<(typeof states)[number] | undefined>(
      (best, each) => (best && Number(best.value.step) > Number(each.value.step) ? best : each),
      undefined,
    );
    if (how === 'no-files') {
      for (const { key } of entries) if (key[0] !== 'picture') await answer(store().delete(key));
    } else if (how === 'junk') {
      for (const { key, value } of entries) {
        if (value && typeof value === 'object' && 'settings' in value)
          await answer(store().put({ ...value, junk: { deep: [1, null] }, purpose: 'nothing known' }, key));
      }
    } else if (how === 'older' || how === 'newer') {
      for (const { key, value } of entries.filter((each) => each.key[0] === 'run')) {
        if (how === 'newer')
          await answer(store().put({ ...value, config: `${String(value.config)}\nlora_flavour: mint\n` }, key)); // prettier-ignore
        else {
          const {
            id,
            project,
            name: called,
            startedAt,
            changedAt,
            state,
            config,
            baseName,
            step,
            steps,
          } = value;
          await answer(store().put({ id, project, name: called, startedAt, changedAt, state, config, baseName, step, steps }, key)); // prettier-ignore
        }
      }
    } else {
      if (!newest) throw new Error('No state is stored.');
      const bytes = new Uint8Array(await (newest.value.state as Blob).arrayBuffer());
      if (how === 'half-zeroed') bytes.fill(0, bytes.length >> 1);
      if (how === 'bit-flipped') bytes[(3 * bytes.length) >> 2] ^= 1;
      const state = new Blob([how === 'cut' ? bytes.subarray(0, bytes.length >> 1) : bytes]);
      await answer(store().put({ ...newest.value, state }, newest.key));
    }
    db.close();
  }, what);
}

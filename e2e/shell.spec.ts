/**
 * What is around the screens: projects, tabs, theme and language, what is missing on a computer, offline, and that
 * nothing leaves. By role and label, on the built page.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { expect, test, type Page } from '@playwright/test';
import { axeFinds } from './axe';
import { changed, probe } from './changed';
import { englishOn } from './chinese_words';
import { dropFiles, squares } from './small_run';

/** Programs, makers and formats, which are called so everywhere. */
const HELP_NAMES = [
  'NVIDIA',
  'AMD',
  'Intel',
  'Apple',
  'WebP',
  'AVIF',
  'GIF',
  'BMP',
  'TIFF',
  'JPEG XL',
  'SVG',
  '.jsonl',
  '.caption',
  'loras',
  '_name',
  'PNG',
  'CFG',
  'New project',
];

const preflight = (page: Page) => page.getByRole('status', { name: 'This computer' });

test.describe('what is missing', () => {
  test('no WebGPU at all: the sentence names the browser and the remedy', async ({ page }) => {
    await page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'gpu'));
    await page.goto('/');
    await expect(preflight(page)).toContainText('WebGPU is switched off in this browser.');
    await expect(preflight(page)).toContainText('Switch on graphics acceleration');
    await page.getByRole('button', { name: 'What was checked' }).click();
    await expect(page.getByRole('dialog', { name: 'What was checked' })).toContainText(/WebGPU\s*no/);
  });

  test('Firefox on Linux is told so', async ({ browser, baseURL }) => {
    const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0';
    const context = await browser.newContext({ userAgent, baseURL });
    const page = await context.newPage();
    await page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'gpu'));
    await page.goto('/');
    await expect(preflight(page)).toContainText('Firefox on Linux does not have WebGPU yet.');
    await context.close();
  });

  test('locked after a crash: a countdown, and it goes on by itself', async ({ page }) => {
    await page.clock.install();
    await page.addInitScript(() => {
      localStorage.setItem('gpu-lost', String(Date.now()));
      const ask = GPU.prototype.requestAdapter;
      // The browser refuses for two minutes.
      const until = Date.now() + 119_000;
      GPU.prototype.requestAdapter = function (...options) {
        return Date.now() < until ? Promise.resolve(null) : ask.apply(this, options);
      };
    });
    await page.goto('/');
    await expect(preflight(page)).toContainText('The browser has locked the GPU after two crashes.');
    await expect(page.getByText(/It opens again in [12]:\d\d\./)).toBeVisible();
    await page.clock.runFor(125_000);
    await expect(preflight(page)).toContainText('Only a software renderer was found.');
  });
});

test.describe('projects', () => {
  test('create, rename, switch, delete; a reload keeps all of it', async ({ page }) => {
    await page.goto('/');
    const menu = page.getByRole('button', { name: /^Project: / });
    await menu.click();
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Inkwash landscapes');
    await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
    await expect(menu).toHaveAccessibleName('Project: Inkwash landscapes');

    await menu.click();
    await page.getByRole('button', { name: 'New project' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Kiko');
    await page.keyboard.press('Enter');
    await expect(menu).toHaveAccessibleName('Project: Kiko');

    await page.reload();
    await expect(menu).toHaveAccessibleName('Project: Kiko');
    await menu.click();
    await page.getByRole('button', { name: /^Inkwash landscapes/ }).click();
    await expect(menu).toHaveAccessibleName('Project: Inkwash landscapes');

    await menu.click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    const question = page.getByRole('dialog', { name: 'Delete “Inkwash landscapes”?' });
    await expect(question).toContainText('0 pictures with captions and 0 runs');
    await question.getByRole('button', { name: 'Delete the project' }).click();
    await expect(menu).toHaveAccessibleName('Project: Kiko');
    await menu.click();
    await expect(page.getByRole('button', { name: /^Inkwash landscapes/ })).toHaveCount(0);
  });

  test('storage says how much there is, by project', async ({ page }) => {
    await page.goto('/');
    await page.getByRole('button', { name: /Show what is kept here/ }).click();
    const panel = page.getByRole('dialog', { name: 'Storage' });
    await expect(panel.getByText(/used of .* GB/)).toBeVisible();
    await expect(panel.getByRole('row', { name: /New project/ })).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(panel).toHaveCount(0);
  });

  test('a second tab of the same project can look, not change, and goes on when the first closes', async ({
    context,
  }) => {
    const first = await context.newPage();
    await first.goto('/');
    await expect(first.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
    const second = await context.newPage();
    await second.goto('/');
    const notice = second.getByText('This project is open in another tab.');
    await expect(notice).toBeVisible();
    await expect(second.getByRole('button', { name: 'Choose pictures' })).toBeDisabled();

    // Settings from a link cannot go into it: that is said, and a new project takes them.
    const third = await context.newPage();
    await third.goto(
      `/#c=${deflateRawSync('{"base":"demo","lora_rank":4,"resolution":128}').toString('base64url')}`,
    );
    const link = third.getByRole('dialog', { name: 'Settings from a link' });
    await expect(link.getByText(/open in another tab, so it cannot be changed here/)).toBeVisible();
    await expect(link.getByText('The settings were made for the demo model.')).toBeVisible();
    await expect(link.getByRole('checkbox', { name: 'Resolution' })).not.toBeChecked();
    await link.getByRole('button', { name: 'Put them into a new project' }).click();
    await expect(third.getByRole('button', { name: 'Project: New project 2' })).toBeVisible();
    await expect(third.getByRole('textbox', { name: 'Rank', exact: true })).toHaveValue('4');
    await expect(third.getByRole('textbox', { name: 'Resolution', exact: true })).toHaveValue('512');
    await third.close();

    // What the first changes, the second sees.
    await first.getByRole('button', { name: /^Project: / }).click();
    await first.getByRole('button', { name: 'Rename' }).click();
    await first.getByRole('textbox', { name: 'Name' }).fill('Seen elsewhere');
    await first.keyboard.press('Enter');
    await expect(second.getByRole('button', { name: /^Project: / })).toHaveAccessibleName(
      'Project: Seen elsewhere',
    );

    await first.close();
    await expect(notice).toHaveCount(0);
    await expect(second.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
  });
});

test('a project is saved to a file, and opened from it', async ({ page }) => {
  await page.goto('/');
  await page.getByLabel('Pictures, captions or a zip').setInputFiles(await squares());
  await expect(page.getByRole('heading', { name: 'Images', level: 1 })).toBeVisible();
  await page.getByRole('textbox', { name: 'Trigger word' }).fill('squares');
  const menu = page.getByRole('button', { name: /^Project: / });
  await menu.click();
  await page.getByRole('button', { name: 'Save to a file' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('dialog').getByRole('button', { name: 'Save' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('New project.zip');
  await expect(page.getByRole('dialog')).toHaveCount(0);

  const bytes = readFileSync(await download.path());
  await dropFiles(page, [{ name: 'from elsewhere.zip', bytes }]);
  await expect(menu).toHaveAccessibleName('Project: New project 2');
  const shots = page.getByRole('list', { name: 'Pictures' }).getByRole('button');
  await expect(shots).toHaveCount(2);
  await expect(page.getByRole('textbox', { name: 'Trigger word' })).toHaveValue('squares');

  // All have captions: that stage shows all of them, with the words in front.
  await page
    .getByRole('navigation', { name: 'Stages' })
    .getByRole('link', { name: /^Captions/ })
    .click();
  await expect(page.getByRole('heading', { name: 'Captions', level: 1, exact: true })).toBeVisible();
  await expect(shots).toHaveCount(2);
  await shots.filter({ hasText: 'red.png' }).click();
  await expect(page.getByText('a red square').first()).toBeVisible();

  // What is no project is said to be none.
  await page.getByLabel('Project file').setInputFiles({
    name: 'x.zip',
    mimeType: 'application/zip',
    buffer: Buffer.from('no zip'),
  });
  await expect(page.getByRole('dialog', { name: 'Project file' })).toContainText('This is no zip archive');
});

test('help is one key or one link away, in both languages', async ({ page }) => {
  await page.goto('/#settings');
  await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible();
  await page.keyboard.press('?');
  await expect(page.getByRole('heading', { name: 'Help', level: 1 })).toBeVisible();
  await expect(page.getByText('Low-rank adaptation:')).toBeVisible();
  await page.goBack();
  await page.getByRole('link', { name: 'Help and glossary' }).click();
  await expect(page).toHaveURL(/#help$/);
  for (const language of ['English', '中文']) {
    expect(await axeFinds(page)).toEqual([]);
    if (language === 'English') await page.getByRole('button', { name: '中文' }).click();
  }
  await expect(page.getByRole('heading', { name: '帮助', level: 1 })).toBeVisible();
  expect(await englishOn(page, HELP_NAMES)).toEqual([]);
  // Where something is typed, it is a letter like any other.
  await page.getByRole('navigation').getByRole('link', { name: /^参数/ }).click();
  await page.getByRole('searchbox').press('?');
  await expect(page).toHaveURL(/#settings$/);
});

test('theme and language are remembered, and said to the browser', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('radio', { name: 'Dark' }).check({ force: true });
  expect(await background(page)).toBe('rgb(18, 18, 18)');
  await page.getByRole('button', { name: '中文' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('把图片拖到这里');
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-Hans');
  await page.reload();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('把图片拖到这里');
  expect(await background(page)).toBe('rgb(18, 18, 18)');
  await page.getByRole('radio', { name: '浅色' }).check({ force: true });
  expect(await background(page)).toBe('rgb(251, 251, 251)');
  await page.getByRole('button', { name: 'English' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Drop your pictures here');
});

test('the first language is the browser’s', async ({ browser, baseURL }) => {
  const context = await browser.newContext({ locale: 'zh-CN', baseURL });
  const page = await context.newPage();
  await page.goto('/');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('把图片拖到这里');
  await context.close();
});

test('the stage is in the address', async ({ page }) => {
  await page.goto('/');
  await page
    .getByRole('navigation', { name: 'Stages' })
    .getByRole('link', { name: /^Settings/ })
    .click();
  await expect(page).toHaveURL(/#settings$/);
  await page.reload();
  const here = page.getByRole('navigation', { name: 'Stages' }).locator('[aria-current]');
  await expect(here).toContainText('Settings');
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Drop your pictures here');
});

test('after the first visit it opens without a network', async ({ page, context }) => {
  await page.goto('/');
  await expect(page.getByRole('definition').filter({ hasText: 'not needed' })).toBeVisible();
  await context.setOffline(true);
  await page.reload();
  await expect(page.getByText('You are offline. All of this still works.')).toBeVisible();
  for (const stage of ['Images', 'Settings', 'Training', 'Results']) {
    await page
      .getByRole('navigation', { name: 'Stages' })
      .getByRole('link', { name: new RegExp(`^${stage}`) })
      .click();
    await expect(page.getByRole('heading', { level: 1, name: stage })).toBeVisible();
  }
  await expect(page.getByText('This screen could not be loaded.')).toHaveCount(0);
});

test('a newer version waits until a person takes it', async ({ browser, baseURL }) => {
  let change = '';
  const { at, close } = await changed(baseURL, (path, body) =>
    path === '/sw.js' ? Buffer.concat([body, Buffer.from(change)]) : body,
  );
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(at);
    await expect(page.getByRole('definition').filter({ hasText: 'not needed' })).toBeVisible();
    await expect(page.getByText('A new version of the studio is ready.')).toHaveCount(0);
    change = '// newer';
    await page.reload();
    await expect(page.getByText('A new version of the studio is ready.')).toBeVisible();
    const reloaded = page.waitForEvent('load');
    await page.getByRole('button', { name: 'Reload' }).click();
    await reloaded;
    await expect(page.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
    await expect(page.getByText('A new version of the studio is ready.')).toHaveCount(0);
  } finally {
    await context.close();
    await close();
  }
});

test.describe('nothing leaves', () => {
  let server: Server;
  let address: string;
  const hits: string[] = [];

  test.beforeAll(async () => {
    server = createServer((request, response) => {
      hits.push(request.url ?? '');
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end('here');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  test.afterAll(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  test('every way to another place is refused, and the rail says that it was tried', async ({ page }) => {
    // The server is there: from outside the page it answers.
    expect(await (await fetch(`${address}/from-the-test`)).text()).toBe('here');
    hits.length = 0;
    await page.goto('/');
    await expect(page.getByRole('definition').filter({ hasText: '0 bytes' })).toBeVisible();
    await page.evaluate(async (to) => {
      const image = new Image();
      image.src = `${to}/image`;
      navigator.sendBeacon(`${to}/beacon`, 'picture');
      const link = document.createElement('link');
      link.rel = 'prefetch';
      link.href = `${to}/prefetch`;
      document.head.append(link);
      await fetch(`${to}/fetch`, { mode: 'no-cors', method: 'POST', body: 'picture' }).catch(() => undefined);
    }, address);
    await expect(page.getByRole('definition').filter({ hasText: /tries, blocked/ })).toBeVisible();
    await page.waitForTimeout(500);
    expect(hits).toEqual([]);
  });

  test('of all workers, only the one that downloads is served with leave to ask elsewhere', async ({
    browser,
    baseURL,
  }) => {
    const workers = readdirSync('dist/assets').filter((name) => /\.worker-[^.]+\.js$/.test(name));
    expect(workers.length).toBeGreaterThan(2);
    // Every worker's script as it is served, but for what it says: it tries.
    const { at, close } = await changed(baseURL, (path, body) =>
      workers.includes(path.slice('/assets/'.length)) ? Buffer.from(probe(`${address}${path}`)) : body,
    );
    const context = await browser.newContext({ serviceWorkers: 'block' });
    try {
      const page = await context.newPage();
      await page.goto(at);
      for (const name of workers) {
        hits.length = 0;
        const said = await page.evaluate(
          (script) =>
            new Promise<string>((resolve, reject) => {
              const worker = new Worker(script, { type: 'module' });
              worker.onmessage = ({ data }) => resolve(String(data));
              worker.onerror = () => reject(new Error('the worker did not start'));
            }),
          `/assets/${name}`,
        );
        const downloads = name.startsWith('download.worker-');
        const expected = downloads ? ['here', [`/assets/${name}`]] : ['refused', []];
        expect([name, said, hits]).toEqual([name, ...expected]);
      }
    } finally {
      await context.close();
      await close();
    }
  });
});

function background(page: Page): Promise<string> {
  return page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
}

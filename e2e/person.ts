/**
 * What a person does at the screen, whichever browser it is in: finds things by what they are called, presses, writes,
 * waits until something is there. Chromium is driven by Playwright, Firefox by puppeteer-core over WebDriver BiDi.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import type { Browser, Page as FirefoxPage } from 'puppeteer-core';
import { launchBrowser } from '../tools/browsers';

export type Role = 'button' | 'heading' | 'link' | 'searchbox' | 'switch' | 'textbox';

export interface Saved {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Person {
  goTo(address: string): Promise<void>;
  /** Waits for it, by its whole name. */
  sees(role: Role, name: string, withinMs?: number): Promise<void>;
  /** Waits for a text that is somewhere on the page. */
  reads(text: string, withinMs?: number): Promise<void>;
  press(role: Role, name: string): Promise<void>;
  /** Presses what bears this text; with Shift, all from the one pressed before up to it. */
  pressText(text: string, shift?: boolean): Promise<void>;
  /** In place of what stands in the field; leaves it. */
  write(role: 'textbox' | 'searchbox', name: string, text: string): Promise<void>;
  valueOf(role: 'textbox' | 'searchbox', name: string): Promise<string>;
  /** Puts files into the input of that name, as the system's dialog does. */
  give(input: string, paths: string[]): Promise<void>;
  /** Of the first element of a selector; null where it has none. */
  attribute(selector: string, name: string): Promise<string | null>;
  /** Presses a button that saves a file, and gives the file. */
  save(button: string): Promise<Saved>;
}

/** Also on a machine that has other things to do. */
const SOON_MS = 180_000;

export function inChromium(page: Page): Person {
  const find = (role: Role, name: string) => page.getByRole(role, { name, exact: true });
  return {
    goTo: async (address) => void (await page.goto(address)),
    sees: (role, name, timeout = SOON_MS) => expect(find(role, name).first()).toBeVisible({ timeout }),
    reads: (text, timeout = SOON_MS) => expect(page.getByText(text).first()).toBeVisible({ timeout }),
    press: (role, name) => find(role, name).first().click(),
    pressText: (text, shift) =>
      page
        .getByText(text)
        .first()
        .click({ modifiers: shift ? ['Shift'] : [] }),
    async write(role, name, text) {
      await find(role, name).fill(text);
      await find(role, name).blur();
    },
    valueOf: (role, name) => find(role, name).inputValue(),
    give: (input, paths) => page.getByLabel(input, { exact: true }).setInputFiles(paths),
    attribute: (selector, name) => page.locator(selector).first().getAttribute(name),
    async save(button) {
      const [download] = await Promise.all([page.waitForEvent('download'), find('button', button).click()]);
      const bytes = new Uint8Array(await readFile(await download.path()));
      return { name: download.suggestedFilename(), bytes };
    },
  };
}

/** Firefox on Mesa's CPU driver, with a download folder of its own; `proxy`: that all it asks for goes through. */
export async function inFirefox<T>(
  journey: (person: Person, page: FirefoxPage) => Promise<T>,
  proxy?: string,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'studio-downloads-'));
  let browser: Browser | undefined;
  try {
    browser = await launchBrowser('firefox', {
      'browser.download.folderList': 2,
      'browser.download.dir': folder,
      'browser.download.useDownloadDir': true,
      'browser.download.alwaysOpenPanel': false,
      'browser.download.always_ask_before_handling_new_types': false,
      'intl.locale.requested': 'en-US',
      ...(proxy === undefined ? {} : through(new URL(proxy))),
    });
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    return await journey(firefoxPerson(page, folder), page);
  } finally {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Loopback addresses too. */
function through({ hostname, port }: URL): Record<string, string | number | boolean> {
  return {
    'network.proxy.type': 1,
    'network.proxy.http': hostname,
    'network.proxy.http_port': Number(port),
    'network.proxy.ssl': hostname,
    'network.proxy.ssl_port': Number(port),
    'network.proxy.allow_hijacking_localhost': true,
    'network.proxy.no_proxies_on': '',
  };
}

function firefoxPerson(page: FirefoxPage, folder: string): Person {
  const find = (role: Role, name: string, timeout = SOON_MS) =>
    page.locator(`::-p-aria([name="${name}"][role="${role}"])`).setTimeout(timeout);
  return {
    goTo: async (address) => void (await page.goto(address)),
    sees: async (role, name, timeout) => void (await find(role, name, timeout).wait()),
    async reads(text, timeout = SOON_MS) {
      await page.locator(`::-p-text(${text})`).setTimeout(timeout).wait();
    },
    press: (role, name) => find(role, name).click(),
    async pressText(text, shift) {
      if (shift) await page.keyboard.down('Shift');
      await page.locator(`::-p-text(${text})`).setTimeout(SOON_MS).click();
      if (shift) await page.keyboard.up('Shift');
    },
    async write(role, name, text) {
      await find(role, name).fill(text);
      await page.keyboard.press('Tab');
    },
    valueOf: (role, name) =>
      find(role, name)
        .map((input) => (input as HTMLInputElement).value)
        .wait(),
    async give(input, paths) {
      const element = await page.waitForSelector(`input[aria-label="${input}"]`, { timeout: SOON_MS });
      await element?.uploadFile(...paths);
    },
    async attribute(selector, name) {
      const element = await page.waitForSelector(selector, { timeout: SOON_MS });
      return (await element?.evaluate((each, of) => each.getAttribute(of), name)) ?? null;
    },
    async save(button) {
      const before = new Set(await readdir(folder));
      await find('button', button).click();
      return newFile(folder, before);
    },
  };
}

/** The file that has come into the folder, once it is whole. */
async function newFile(folder: string, before: ReadonlySet<string>): Promise<Saved> {
  const deadline = Date.now() + SOON_MS;
  while (Date.now() < deadline) {
    const names = (await readdir(folder)).filter((name) => !before.has(name));
    const [name] = names;
    if (name !== undefined && !names.some((each) => each.endsWith('.part'))) {
      const bytes = new Uint8Array(await readFile(join(folder, name)));
      if (bytes.length > 0) return { name, bytes };
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`Nothing was saved within ${SOON_MS / 1000} s.`);
}

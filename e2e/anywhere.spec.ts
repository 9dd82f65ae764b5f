/**
 * On hosts that send no headers: the service worker's hold the page and every worker, in both browsers. And the package
 * that `npx lora-studio` runs: packed, installed in an empty folder, serving what was built. The whole journey in a folder
 * of such a host is newcomer.spec.ts.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from '@playwright/test';
import { headersFor } from '../src/protocol/headers';
import { shippedRules } from '../tools/headers';
import { pack, writePackage } from '../tools/serve/package';
import { serve } from '../tools/serve/server';
import { changed, probe } from './changed';
import { inFirefox } from './person';

const FOLDER = '/someone/lora-studio/';
const workers = () => readdirSync('dist/assets').filter((name) => /\.worker-[^.]+\.js$/.test(name));

/** What a page can do from within, whichever drives it. */
interface Within {
  evaluate<T, A>(work: (argument: A) => T | Promise<T>, argument: A): Promise<T>;
  url(): string;
}

test('in Chromium, the service worker keeps the promises that the host does not', async ({ browser }) => {
  await onBareHost(async (address, elsewhere, asked) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${address}#settings`);
    await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible();
    await expectHeld(page, address, elsewhere, asked);
    await page.goto(address);
    await page.getByRole('button', { name: 'What was checked' }).click();
    const dialog = page.getByRole('dialog', { name: 'What was checked' });
    await expect(
      dialog.getByRole('definition').filter({ hasText: 'the studio’s service worker' }),
    ).toHaveCount(6);
    await expect(dialog).toContainText('The studio lies in a folder of http://127.0.0.1:');
    // As by Shift and reload, which goes past the service worker.
    await page.keyboard.press('Escape');
    const passed = await context.newCDPSession(page);
    const reloaded = page.waitForEvent('load');
    await passed.send('Page.reload', { ignoreCache: true });
    await reloaded;
    await expect(page.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(page.url()).toBe(address);
    await context.close();

    // Where no service worker may answer, nothing opens that could take a picture.
    const without = await browser.newContext({ serviceWorkers: 'block' });
    const bare = await without.newPage();
    await bare.goto(address);
    await expect(bare.getByRole('heading', { name: 'The studio does not open here' })).toBeVisible();
    await expect(bare.locator('input')).toHaveCount(0);
    await without.close();
  });
});

test('in Firefox too', () =>
  onBareHost((address, elsewhere, asked) =>
    inFirefox(async (person, page) => {
      await person.goTo(address);
      await person.sees('heading', 'Drop your pictures here');
      await expectHeld(page as Within, address, elsewhere, asked);
    }),
  ));

test('the package, installed in an empty folder, serves what was built with its headers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'studio-package-'));
  try {
    await writePackage(join(folder, 'package'));
    const archive = pack(join(folder, 'package'), folder);
    // What a person waits for; ONNX's two runtimes are most of it.
    expect(statSync(archive).size).toBeLessThan(40_000_000);
    const home = join(folder, 'home');
    execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--prefix', home, archive]);
    expect(readdirSync(join(home, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'lora-studio',
    ]);

    const started = spawn(join(home, 'node_modules/.bin/lora-studio'), ['--port', '0', '--no-open']);
    try {
      const address = await new Promise<string>((found, failed) => {
        started.stdout.on('data', (said) => {
          const [at] = /http:\S+/.exec(String(said)) ?? [];
          if (at !== undefined) found(at);
        });
        started.stderr.on('data', (said) => failed(new Error(String(said))));
      });
      const download = workers().find((name) => name.startsWith('download.worker-')) ?? '';
      for (const path of ['', 'sw.js', `assets/${download}`, 'demo/sets.json']) {
        const answer = await fetch(address + path);
        expect(answer.status).toBe(200);
        expect(Object.fromEntries(answer.headers)).toMatchObject(
          Object.fromEntries(
            Object.entries(headersFor(`/${path}`, shippedRules())).map(([name, value]) => [
              name.toLowerCase(),
              value,
            ]),
          ),
        );
        const built = readFileSync(join('dist', path === '' ? 'index.html' : path));
        expect(Buffer.from(await answer.arrayBuffer()).equals(built)).toBe(true);
      }
    } finally {
      started.kill();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The built page in a folder of a host without headers, every worker's script a probe that asks another place. */
async function onBareHost(
  work: (address: string, elsewhere: string, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end('here');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const host = await serve(resolve('dist'), { rules: [], port: 0, under: FOLDER });
  const names = workers();
  const { at, close } = await changed(new URL(host.address).origin, (path, body) => {
    const name = path.slice(`${FOLDER}assets/`.length);
    return names.includes(name) ? Buffer.from(probe(`${elsewhere}/${name}`)) : body;
  });
  try {
    await work(at.slice(0, -1) + FOLDER, elsewhere, asked);
  } finally {
    await close();
    await host.close();
    server.closeAllConnections();
    server.close();
  }
}

/** Isolated; and neither page nor worker reaches another place, but for the worker that downloads. */
async function expectHeld(page: Within, address: string, elsewhere: string, asked: string[]): Promise<void> {
  expect(await page.evaluate(() => crossOriginIsolated, undefined)).toBe(true);
  const names = workers();
  expect(names.length).toBeGreaterThan(2);
  for (const name of names) {
    const said = await page.evaluate(
      (script) =>
        new Promise<string>((answer) => {
          const worker = new Worker(script, { type: 'module' });
          worker.onmessage = ({ data }) => answer(String(data));
          worker.onerror = () => answer('the worker did not start');
        }),
      `${address}assets/${name}`,
    );
    const downloads = name.startsWith('download.worker-');
    expect([name, said, asked.splice(0)]).toEqual([
      name,
      ...(downloads ? ['here', [`/${name}`]] : ['refused', []]),
    ]);
  }
  await page.evaluate(async (to) => {
    new Image().src = `${to}/image`;
    navigator.sendBeacon(`${to}/beacon`, 'a picture');
    await fetch(`${to}/fetch`, { mode: 'no-cors', method: 'POST', body: 'a picture' }).catch(() => 0);
    location.href = `${to}/location`;
  }, elsewhere);
  await new Promise((after) => setTimeout(after, 1000));
  expect(asked).toEqual([]);
  expect(page.url().startsWith(address)).toBe(true);
}

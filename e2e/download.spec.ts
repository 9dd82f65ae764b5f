/**
 * A base model from an address: a server on another port of this machine, which is another origin. It counts what it is
 * asked, and by whom: nothing but the file that a person named, and nothing of the person.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '@playwright/test';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';

const TINY = readFileSync(
  fileURLToPath(new URL('../reference/golden/tiny-sd15.safetensors', import.meta.url)),
);
const HALF = 60_000;
const CORS = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'etag, content-range' };

let server: Server;
let address: string;
let answer: RequestListener;
let asked: IncomingMessage[] = [];

const models = (page: Page) => page.getByRole('region', { name: 'Base model' });

test.beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tiny.safetensors`;
});
test.afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});
test.beforeEach(() => {
  asked = [];
  answer = whole;
});

test('whole: taken as base model, kept over a reload, counted in the rail', async ({ page, context }) => {
  await context.addCookies([{ name: 'secret', value: '1', domain: '127.0.0.1', path: '/' }]);
  await page.goto('/');
  await openForm(page);
  await expect(models(page)).toContainText(
    '2.1 GB from huggingface.co, under the CreativeML Open RAIL-M licence',
  );
  await expect(models(page)).toContainText('This is the one request that leaves this page');
  await expect(page.getByRole('definition').filter({ hasText: '0 bytes' })).toBeVisible();
  expect(asked).toEqual([]);
  await download(page);
  const taken = models(page).getByRole('listitem').filter({ hasText: 'tiny' });
  await expect(taken).toContainText('in use');
  await expect(taken).toContainText('kept in this browser');
  await expect(page.getByRole('definition').filter({ hasText: '1 download request' })).toBeVisible();
  await page.reload();
  await expect(taken).toContainText('in use');
  expectOnlyTheFile(1);
});

test('cancelled and gone on with, also after a reload', async ({ page }) => {
  answer = (request, response) => {
    if (request.headers.range) return whole(request, response);
    response.writeHead(200, { ...CORS, etag: '"one"', 'content-length': TINY.length });
    return void response.write(TINY.subarray(0, HALF));
  };
  await page.goto('/');
  await openForm(page);
  await download(page);
  await expect(models(page).getByRole('progressbar')).toHaveAttribute('aria-valuetext', /^60 kB of/);
  await models(page).getByRole('button', { name: 'Cancel' }).click();
  await expect(models(page)).toContainText(/60 kB of .* are here already/);
  await page.reload();
  await openForm(page);
  await models(page).getByRole('textbox', { name: 'Address of the file' }).fill(address);
  await models(page).getByRole('button', { name: 'Go on' }).click();
  await expect(models(page).getByRole('listitem').filter({ hasText: 'tiny' })).toContainText('in use');
  expectOnlyTheFile(2);
  expect(asked[1].headers.range).toBe(`bytes=${HALF}-`);
});

test('broken off half-way: said, kept, gone on with', async ({ page }) => {
  let breakOff = () => {};
  answer = (_, response) => {
    response.writeHead(200, { ...CORS, etag: '"one"', 'content-length': TINY.length });
    response.write(TINY.subarray(0, HALF));
    breakOff = () => void response.destroy();
  };
  await page.goto('/');
  await openForm(page);
  await download(page);
  await expect(models(page).getByRole('progressbar')).toHaveAttribute('aria-valuetext', /^60 kB of/);
  breakOff();
  await expect(models(page)).toContainText('broke off. What has arrived is kept');
  answer = whole;
  await models(page).getByRole('button', { name: 'Go on' }).click();
  await expect(models(page).getByRole('listitem').filter({ hasText: 'tiny' })).toContainText('in use');
  expectOnlyTheFile(2);
});

test('what is no base model is named, in both languages, and nothing is taken', async ({ page }) => {
  await page.goto('/');
  await openForm(page);
  answer = (_, response) => void response.writeHead(404, CORS).end();
  await download(page);
  await expect(models(page)).toContainText('has no such file (status 404). Check the address.');
  answer = (_, response) =>
    void response.writeHead(200, { ...CORS, 'content-type': 'text/html' }).end('<!DOCTYPE html>');
  await download(page);
  await expect(models(page)).toContainText('gave a web page, not a file');
  answer = (_, response) => void response.writeHead(200, { 'content-length': 4 }).end('none');
  await download(page);
  await expect(models(page)).toContainText('does not let other pages read its files');
  answer = (_, response) => {
    const data = new Uint8Array(32);
    const name = 'lora_unet_mid_block_proj_in.lora_down.weight';
    response.writeHead(200, CORS).end(writeSafetensors([{ name, dtype: 'F16', shape: [4, 4], data }]));
  };
  await download(page);
  await expect(models(page)).toContainText('This is a LoRA, not a base model.');
  await expect(models(page)).not.toContainText('in use');
  expectOnlyTheFile(4);

  await openForm(page);
  await download(page, 'http://example.org/a.safetensors');
  await expect(models(page)).toContainText('example.org is only asked over https');
  // Nobody was asked this time.
  await expect(page.getByRole('definition').filter({ hasText: '4 download requests' })).toBeVisible();
  await page.getByRole('button', { name: '中文' }).click();
  const says = page.getByRole('region', { name: '底模' });
  await says.getByRole('button', { name: '下载', exact: true }).click();
  await expect(says).toContainText('只通过 https 访问 example.org');
});

/** Gives ranges. */
function whole(...[request, response]: Parameters<RequestListener>): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const part = TINY.subarray(from);
  const range = { 'content-range': `bytes ${from}-${TINY.length - 1}/${TINY.length}` };
  response.writeHead(from ? 206 : 200, {
    ...CORS,
    etag: '"one"',
    'content-length': part.length,
    ...(from ? range : {}),
  });
  response.end(part);
}

function openForm(page: Page): Promise<void> {
  return models(page).getByRole('button', { name: 'Download a base model' }).click();
}

async function download(page: Page, from = address): Promise<void> {
  await models(page).getByRole('textbox', { name: 'Address of the file' }).fill(from);
  await models(page)
    .getByRole('button', { name: /^(Download|Go on)$/ })
    .click();
}

function expectOnlyTheFile(times: number): void {
  expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual(
    Array(times).fill('GET /tiny.safetensors'),
  );
  for (const { headers } of asked) {
    expect([headers.cookie, headers.referer, headers.authorization]).toEqual(Array(3).fill(undefined));
  }
}

/**
 * What newcomer.spec.ts and shell.spec.ts show of Chromium, in Firefox, which has no header against navigation: a script in
 * the page, and every worker under the headers it is served with, try each way to another place. Nothing arrives there.
 */
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@playwright/test';
import { changed, probe } from './changed';
import { inFirefox } from './person';

test.setTimeout(300_000);

test('in Firefox, neither the page nor a worker reaches another place', async ({ baseURL }) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end('here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const workers = readdirSync('dist/assets').filter((name) => /\.worker-[^.]+\.js$/.test(name));
  const { at, close } = await changed(baseURL, (path, body) =>
    workers.includes(path.slice('/assets/'.length)) ? Buffer.from(probe(`${elsewhere}${path}`)) : body,
  );
  try {
    await inFirefox(async (person, page) => {
      await person.goTo(at);
      await person.sees('heading', 'Drop your pictures here');
      await page.evaluate(async (to) => {
        const add = (name: 'link' | 'iframe' | 'a' | 'meta' | 'img', set: Record<string, string>) => {
          const element = document.createElement(name);
          for (const [attribute, value] of Object.entries(set)) element.setAttribute(attribute, value);
          document.body.append(element);
          return element;
        };
        add('img', { src: `${to}/image` });
        add('iframe', { src: `${to}/frame` });
        add('link', { rel: 'prefetch', href: `${to}/prefetch` });
        navigator.sendBeacon(`${to}/beacon`, 'a picture');
        await fetch(`${to}/fetch`, { mode: 'no-cors', method: 'POST', body: 'a picture' }).catch(() => 0);
        location.href = `${to}/location`;
        location.replace(`${to}/replace`);
        add('a', { href: `${to}/anchor` }).click();
        add('meta', { 'http-equiv': 'refresh', content: `0;url=${to}/meta` });
      }, elsewhere);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      expect(asked).toEqual([]);
      expect(page.url()).toBe(at);
      expect(
        await page.evaluate(() => ['open', 'RTCPeerConnection'].filter((name) => name in globalThis)),
      ).toEqual([]);
      expect(
        await page.evaluate(() => {
          try {
            document.createElement('div').innerHTML = '<b>markup</b>';
            return 'taken';
          } catch (error) {
            return error instanceof TypeError ? 'refused' : String(error);
          }
        }),
      ).toBe('refused');

      for (const name of workers) {
        const said = await page.evaluate(
          (script) =>
            new Promise<string>((resolve) => {
              const worker = new Worker(script, { type: 'module' });
              worker.onmessage = ({ data }) => resolve(String(data));
              worker.onerror = () => resolve('the worker did not start');
            }),
          `/assets/${name}`,
        );
        const downloads = name.startsWith('download.worker-');
        expect([name, said, asked.splice(0)]).toEqual([
          name,
          ...(downloads ? ['here', [`/assets/${name}`]] : ['refused', []]),
        ]);
      }
    });
  } finally {
    await close();
    server.closeAllConnections();
    server.close();
  }
});

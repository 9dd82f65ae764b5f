/**
 * Markup, script, style and addresses in everything that comes from elsewhere: captions, names, tables, pictures, metadata
 * of a LoRA, settings, a link, a project file. Shown as the text it is: nothing runs, nothing becomes an element, nothing is
 * asked of another place. That the page would notice is shown first.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { expect, test, type Page } from '@playwright/test';
import { strToU8, zipSync } from 'fflate';
import sharp from 'sharp';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { dropFiles, goTo } from './small_run';

let server: Server;
let elsewhere: string;
const asked: string[] = [];

test.beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
test.afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

/** Each closes what could be around it, and would leave a mark. */
const hostile = (mark: string) =>
  [
    `"'><img src=x onerror="globalThis.ran='${mark}'"><script>globalThis.ran='${mark}'</script>`,
    `<svg onload="globalThis.ran='${mark}'"><style>*{background:url(${elsewhere}/${mark})}</style></svg>`,
    `" style="background:url(${elsewhere}/${mark})" onclick="globalThis.ran='${mark}'`,
    `javascript:globalThis.ran='${mark}' {@html 1} \${globalThis.ran=1} ${elsewhere}/${mark}`,
  ].join(' ');
/** As part of a file's name, where a slash is none. */
const inName = (mark: string) => `"><img src=x onerror=globalThis.ran='${mark}'>`;

test('nothing that comes from elsewhere runs, becomes an element, or asks another place', async ({
  page,
  baseURL,
}) => {
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.accept();
  });
  const foreign: string[] = [];
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (/^(http|ws)/.test(protocol) && origin !== baseURL) foreign.push(request.url());
  });
  const clean = async (where: string) => {
    // What is loaded or run late.
    await page.waitForTimeout(200);
    expect([where, await traces(page), foreign, asked, dialogs]).toEqual([where, [], [], [], []]);
  };

  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Choose pictures' })).toBeEnabled();
  expect(await wouldBeSeen(page)).toEqual(['an element', 'an attribute href', 'ran']);
  await page.reload();

  // Pictures: their names, captions beside them and in a table, what they carry, and drawings that are programs.
  await page.getByLabel('Pictures, captions or a zip').setInputFiles([
    { name: `${inName('name')}.png`, mimeType: 'image/png', buffer: await picture('#c02020') },
    { name: `${inName('name')}.txt`, mimeType: 'text/plain', buffer: Buffer.from(hostile('caption')) },
    { name: 'table.png', mimeType: 'image/png', buffer: await picture('#2040c0') },
    {
      name: 'metadata.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(`file_name,text\ntable.png,"${hostile('table').replaceAll('"', '""')}"\n`),
    },
    { name: 'exif.jpg', mimeType: 'image/jpeg', buffer: await withComment(hostile('exif')) },
    { name: 'drawing.png', mimeType: 'image/png', buffer: Buffer.from(svg()) },
    { name: 'drawing.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(svg()) },
  ]);
  const shots = page.getByRole('list', { name: 'Pictures' }).getByRole('button');
  await expect(shots).toHaveCount(3);
  await clean('after the import');
  for (const n of [0, 1, 2]) await shots.nth(n).click();
  await expect(page.getByText(/svg onload=.globalThis.ran/).first()).toBeVisible();
  await page.getByRole('textbox', { name: 'Trigger word' }).fill(hostile('trigger'));
  await clean('at the pictures');
  await page
    .getByRole('navigation', { name: 'Stages' })
    .getByRole('link', { name: /^Captions/ })
    .click();
  await shots.first().click();
  await clean('at the captions');

  // Names a person sees on every screen.
  await page.getByRole('button', { name: /^Project: / }).click();
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill(hostile('project'));
  await page.keyboard.press('Enter');
  await clean('after the renaming');

  // Settings: a file, and a LoRA's own metadata.
  await goTo(page, 'Settings');
  await page.getByRole('button', { name: 'Import kohya or YAML' }).click();
  const dialog = page.getByRole('dialog');
  const settings = {
    output_name: hostile('setting'),
    sample_prompts: [hostile('prompt')],
    [hostile('key')]: 1,
  };
  await dialog.getByLabel('Or paste its text here').fill(JSON.stringify(settings));
  await expect(dialog.getByText(/globalThis.ran/).first()).toBeVisible();
  await clean('at the settings to import');
  await page.keyboard.press('Escape');
  await page.getByLabel('Begin with a LoRA that you have').setInputFiles({
    name: `${inName('lora')}.safetensors`,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(lora()),
  });
  await expect(dialog.getByText(/globalThis.ran/).first()).toBeVisible();
  await clean('at the LoRA');
  const read = dialog.getByRole('button', { name: 'Read the settings it was made with' });
  if (await read.isVisible()) await read.click();
  await clean('at its metadata');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');

  // A base model that is none.
  await dropFiles(page, [{ name: `${inName('base')}.safetensors`, bytes: strange() }]);
  await page.goto('/#');
  await clean('at the base model');

  for (const stage of ['Images', 'Settings', 'Training', 'Results'] as const) {
    await goTo(page, stage);
    await clean(`at ${stage}`);
  }

  // A link, and a project of a stranger.
  await page.goto(`/#c=${deflateRawSync(JSON.stringify(settings)).toString('base64url')}`);
  await expect(page.getByRole('dialog', { name: 'Settings from a link' })).toBeVisible();
  await clean('at the link');
  await page.keyboard.press('Escape');
  await page.getByLabel('Project file').setInputFiles({
    name: `${inName('zip')}.zip`,
    mimeType: 'application/zip',
    buffer: Buffer.from(project()),
  });
  await expect(page.getByRole('button', { name: /^Project: .*globalThis.ran='stranger'/ })).toBeVisible();
  await clean('at the project of a stranger');
});

/** What an injection would have left in the page. */
function traces(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    if (document.querySelector('img[src="x"], #app svg[onload], #app script, #app style, iframe, object'))
      found.push('an element');
    for (const element of document.querySelectorAll('#app *'))
      for (const { name, value } of element.attributes)
        if (/^on/.test(name) || /^\s*javascript:/i.test(value)) found.push(`an attribute ${name}`);
    if ('ran' in globalThis) found.push('ran');
    return [...new Set(found)];
  });
}

/** The same, where a script does by other means what an injection would. */
async function wouldBeSeen(page: Page): Promise<string[]> {
  await page.evaluate(() => {
    const image = document.createElement('img');
    image.setAttribute('src', 'x');
    const link = document.createElement('a');
    link.setAttribute('href', 'javascript:1');
    document.getElementById('app')?.append(image, link);
    Object.assign(globalThis, { ran: 'the test' });
  });
  return traces(page);
}

function picture(colour: string): Promise<Buffer> {
  return sharp({ create: { width: 150, height: 150, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

function withComment(text: string): Promise<Buffer> {
  return sharp({ create: { width: 150, height: 150, channels: 3, background: '#20a040' } })
    .withExif({ IFD0: { ImageDescription: text, Artist: text, Copyright: text } })
    .jpeg()
    .toBuffer();
}

function svg(): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="150" height="150" onload="globalThis.ran='svg'">` +
    `<script>globalThis.ran='svg'</script><image href="${elsewhere}/svg" width="9" height="9"/></svg>`
  );
}

function lora(): Uint8Array<ArrayBuffer> {
  const name = 'lora_unet_mid_block_attentions_0_proj_in';
  const tensor = (end: string, shape: number[]) => ({
    ...{ name: `${name}.${end}.weight`, dtype: 'F16' as const },
    ...{ shape, data: new Uint8Array(2 * shape.reduce((a, b) => a * b)) },
  });
  return writeSafetensors(
    [tensor('lora_down', [4, 32, 1, 1]), tensor('lora_up', [32, 4, 1, 1])],
    Object.fromEntries(
      ['ss_output_name', 'ss_sd_model_name', 'ss_training_comment', 'ss_optimizer', 'ss_lr_scheduler', 'ss_tag_frequency'] // prettier-ignore
        .map((key) => [key, hostile(key)]),
    ),
  );
}

function strange(): Uint8Array<ArrayBuffer> {
  return writeSafetensors([{ name: hostile('tensor'), dtype: 'F16', shape: [1], data: new Uint8Array(2) }]);
}

function project(): Uint8Array {
  const list = {
    ...{ format: 'lora-studio-project', version: 1, name: hostile('stranger'), purpose: 'style' },
    ...{ trigger: hostile('stranger'), settings: { output_name: 'x' } },
    base: { name: hostile('stranger'), demo: false },
    pictures: [
      { path: 'pictures/gone.png', name: inName('gone'), caption: hostile('stranger'), repeats: 1, focus: [0, 0] }, // prettier-ignore
    ],
  };
  return zipSync({ 'project.json': strToU8(JSON.stringify(list)) });
}

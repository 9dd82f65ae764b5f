/**
 * Images and captions in a real browser: what a person does with a set before training, by mouse, keyboard and in
 * bulk. How files are read is tested where it is written; here it is what the screen makes of them.
 */
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test, type Locator, type Page } from '@playwright/test';
import sharp from 'sharp';
import { folderCases, picture as somePicture, type FolderCase } from '../src/formats/dataset/folders.testing';
import { axeFinds } from './axe';
import { nameOf } from '../src/formats/dataset/kinds';
import { UniqueNames } from '../src/formats/dataset/names';

interface Upload {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** A picture unlike any other of the set. */
async function picture(name: string, width: number, height: number, hue: number): Promise<Upload> {
  const bars = [0.15, 0.35, 0.6, 0.8].map((at, i) => {
    const tall = ((hue * (i + 3)) % 60) / 100 + 0.2;
    return `<rect x="${at * width}" y="${(1 - tall) * height}" width="${width / 9}" height="${tall * height}" fill="hsl(${(hue + 60 * i) % 360} 60% ${25 + 12 * i}%)"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="hsl(${hue} 30% 85%)"/>${bars.join('')}</svg>`;
  return { name, mimeType: 'image/jpeg', buffer: await sharp(Buffer.from(svg)).jpeg().toBuffer() };
}

function text(name: string, content: string): Upload {
  return { name, mimeType: 'text/plain', buffer: Buffer.from(content) };
}

const SET: Promise<Upload[]> = Promise.all([
  picture('boat.jpg', 900, 600, 10),
  picture('crane.jpg', 600, 900, 77),
  picture('mist.jpg', 640, 640, 141),
  picture('pine.jpg', 800, 600, 200),
  picture('snow.jpg', 1600, 700, 263),
  picture('tiny.jpg', 300, 300, 331),
  text('boat.txt', 'boat, river, mist'),
  text('crane.txt', 'crane, red sun, mist'),
  text('pine.txt', 'pine tree, mist'),
  text('snow.txt', 'snow, night, sunny'),
  text('notes.docx', 'no picture'),
  text('empty.jpg', ''),
]);

async function open(page: Page, files: Upload[] | Promise<Upload[]> = SET): Promise<void> {
  await page.goto('/#images');
  const list = await files;
  await page.getByLabel('Choose pictures').setInputFiles(list);
  const pictures = list.filter(({ name, buffer }) => /jpe?g$/.test(name) && buffer.length > 0);
  await expect(shots(page)).toHaveCount(pictures.length);
  await expect(page.getByText('Adding pictures')).toHaveCount(0);
}

function shots(page: Page): Locator {
  return page.getByRole('list', { name: 'Pictures' }).getByRole('button');
}

function shot(page: Page, name: string): Locator {
  return shots(page).filter({ hasText: name });
}

function chips(page: Page): Locator {
  return page.getByRole('region', { name: 'Caption' }).getByRole('button', { name: /, tag \d+ of \d+/ });
}

const TAGS = (page: Page) => chips(page).allTextContents();

test('a set gets its captions', async ({ page }) => {
  await open(page);
  await expect(page.getByText('2 files were not added')).toBeVisible();
  await page.getByRole('button', { name: 'Show', exact: true }).first().click();
  await expect(page.getByText('notes.docx')).toBeVisible();
  await expect(page.getByText('empty.jpg')).toBeVisible();

  await shot(page, 'boat.jpg').click();
  await expect.poll(() => TAGS(page)).toEqual(['boat', 'river', 'mist']);
  await expect(page.getByText('5 / 75 tokens')).toBeVisible();
  await page.getByLabel('Trigger word', { exact: true }).fill('inkwash');
  // ink wash, and a comma
  await expect(page.getByText('8 / 75 tokens')).toBeVisible();

  await page.getByLabel('Add a tag').fill('distant hills, fog');
  await page.keyboard.press('Enter');
  await expect.poll(() => TAGS(page)).toEqual(['boat', 'river', 'mist', 'distant hills', 'fog']);
  await page.getByRole('button', { name: 'Remove river' }).click();
  await page.getByRole('button', { name: /^boat, tag 1/ }).press('Alt+ArrowRight');
  await expect.poll(() => TAGS(page)).toEqual(['mist', 'boat', 'distant hills', 'fog']);
  await page.getByRole('button', { name: /^fog, tag 4/ }).dragTo(chips(page).first());
  await expect.poll(() => TAGS(page)).toEqual(['fog', 'mist', 'boat', 'distant hills']);
  for (let step = 0; step < 3; step++) await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => TAGS(page)).toEqual(['boat', 'river', 'mist', 'distant hills', 'fog']);
  await page.getByRole('button', { name: 'Redo' }).click();
  await expect.poll(() => TAGS(page)).toEqual(['boat', 'mist', 'distant hills', 'fog']);

  await page.getByRole('region', { name: 'Tags in the set' }).getByRole('button', { name: /^mist/ }).click();
  await expect(shots(page)).toHaveCount(3);
  await page.getByRole('button', { name: 'Show all', exact: true }).click();
  await expect(shots(page)).toHaveCount(6);

  await page.getByRole('button', { name: 'Caption the 2 left' }).click();
  await page.getByRole('button', { name: 'Write them yourself' }).click();
  await expect(page.getByRole('heading', { name: 'mist.jpg' })).toBeVisible();
  await page.keyboard.type('hills');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+j');
  await expect(page.getByRole('heading', { name: 'tiny.jpg' })).toBeVisible();
  await page.keyboard.type('a stone');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'On to settings' })).toBeVisible();

  await page.reload();
  await expect(shot(page, 'tiny.jpg')).toContainText('a stone');
  await page.getByRole('button', { name: 'Export' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Captions (metadata.csv)' }).click(),
  ]);
  const csv = await readFile(await download.path(), 'utf8');
  expect(csv.trim().split('\n')).toHaveLength(6);
  expect(csv).toContain('distant hills, fog');
});

test('the crop is what training sees, and moves by mouse and keys', async ({ page }) => {
  await open(page);
  await shot(page, 'boat.jpg').click();
  const crop = page.getByRole('button', { name: 'Crop to 640 × 384. Arrow keys move it' });
  const position = page.getByRole('slider', { name: 'Crop position' });
  await expect(position).toHaveValue('0.5');
  const box = await crop.boundingBox();
  const photo = await page.getByRole('img', { name: 'boat.jpg' }).boundingBox();
  if (!box || !photo) throw new Error('The picture is not shown.');
  // 900 x 600 covers the bucket at 640 x 427.
  expect(box.height / photo.height).toBeCloseTo(384 / 427, 2);

  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2 + 200, { steps: 4 });
  await page.mouse.up();
  await expect(position).toHaveValue('1');
  await crop.press('Shift+ArrowUp');
  await expect(position).toHaveValue('0.98');
  await page.getByRole('button', { name: 'Crop from the centre' }).click();
  await expect(position).toHaveValue('0.5');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(position).toHaveValue('0.98');

  await expect(page.getByText(/10 % of the height is cut · 900 × 600/)).toBeVisible();
  await page.getByLabel('Repeats').fill('3');
  await page.getByLabel('Repeats').blur();
  await page.reload();
  await shot(page, 'boat.jpg').click();
  await expect(position).toHaveValue('0.98');
  await expect(page.getByLabel('Repeats')).toHaveValue('3');
  await shot(page, 'tiny.jpg').click();
  await expect(page.getByText('enlarged 1.7×')).toBeVisible();
});

test('many captions are changed at once', async ({ page }) => {
  await open(page);
  await shot(page, 'boat.jpg').click();
  await shot(page, 'pine.jpg').click({ modifiers: ['Shift'] });
  const bar = page.getByRole('toolbar');
  await expect(bar).toHaveAccessibleName('4 selected');
  await shot(page, 'mist.jpg').click({ modifiers: ['Control'] });
  await expect(bar).toHaveAccessibleName('3 selected');

  await bar.getByRole('button', { name: 'Replace' }).click();
  await page.getByLabel('Find', { exact: true }).fill('(a+)+$');
  await page.getByLabel('Regular expression').check();
  await expect(page.getByText('This pattern could run for ever')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Apply' })).toBeDisabled();
  await page.getByLabel('Find', { exact: true }).fill('\\b(mist)$');
  await page.getByLabel('Replace by').fill('soft $1');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(shot(page, 'pine.jpg')).toContainText('pine tree, soft mist');

  await bar.getByRole('button', { name: 'Caption', exact: true }).click();
  await page.getByLabel(/^Template;/).fill('ink painting of [subject], soft brush strokes');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(shot(page, 'boat.jpg')).toContainText(
    'ink painting of boat, river, soft mist, soft brush strokes',
  );
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(shot(page, 'boat.jpg')).toContainText('boat, river, soft mist');

  await bar.getByRole('button', { name: 'Add tag' }).click();
  await page.getByLabel('Tags, separated by commas').fill('ink, mist');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(shot(page, 'crane.jpg')).toContainText('crane, red sun, soft mist, ink, mist');
  await bar.getByRole('button', { name: 'Remove tag' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'ink 3' }).click();
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(shot(page, 'crane.jpg')).toContainText('crane, red sun, soft mist, mist');

  await bar.getByRole('button', { name: 'Set aside' }).click();
  await page.keyboard.press('Escape');
  await expect(bar).toHaveCount(0);
  await page.getByRole('button', { name: 'Set aside 3' }).click();
  await expect(shots(page)).toHaveCount(3);
});

test('a teacher’s warnings lead to the pictures they are about', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: /^\d+ more$/ }).click();
  await expect(page.getByText('Only 6 pictures.')).toBeVisible();
  await expect(page.getByText('There is no trigger word.')).toBeVisible();
  const line = page.getByRole('listitem').filter({ hasText: '“sunny” beside “night” in 1 picture.' });
  await line.getByRole('button', { name: 'Show' }).click();
  await expect(shots(page)).toHaveCount(1);
  await expect(shot(page, 'snow.jpg')).toBeVisible();
});

test('an input method’s Enter ends no tag', async ({ page }) => {
  await open(page);
  await shot(page, 'mist.jpg').click();
  const input = page.getByLabel('Add a tag');
  await input.focus();
  const client = await page.context().newCDPSession(page);
  await client.send('Input.imeSetComposition', { text: 'shan', selectionStart: 4, selectionEnd: 4 });
  await input.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
  await expect(chips(page)).toHaveCount(0);
  await client.send('Input.insertText', { text: '山' });
  await page.keyboard.press('Enter');
  await expect.poll(() => TAGS(page)).toEqual(['山']);
  await expect(page.getByRole('heading', { name: 'mist.jpg' })).toBeVisible();
});

test('keys alone are enough', async ({ page }) => {
  await open(page);
  await page.keyboard.press('j');
  await expect(page.getByRole('heading', { name: 'crane.jpg' })).toBeVisible();
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('heading', { name: 'boat.jpg' })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Add a tag')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(shot(page, 'boat.jpg')).toBeFocused();
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+ArrowRight');
  await expect(page.getByRole('toolbar')).toHaveAccessibleName('2 selected');
  await expect(shot(page, 'crane.jpg')).toBeFocused();
  await page.keyboard.press('Control+a');
  await expect(page.getByRole('toolbar')).toHaveAccessibleName('6 selected');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Delete');
  await expect(shot(page, 'crane.jpg')).toContainText('set aside');
  await page.keyboard.press('Control+z');
  await expect(shot(page, 'crane.jpg')).toContainText('crane, red sun, mist');
  await page.keyboard.press('c');
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('heading', { name: 'crane.jpg' })).toBeVisible();
});

test('words not entered yet stay with their picture, and text is text', async ({ page }) => {
  await open(page);
  await shot(page, 'boat.jpg').click();
  await page.getByLabel('Add a tag').fill('fog');
  await page.keyboard.press('Control+j');
  await expect(page.getByRole('heading', { name: 'mist.jpg' })).toBeVisible();
  await expect(page.getByLabel('Add a tag')).toBeFocused();
  await expect(shot(page, 'boat.jpg')).toContainText('boat, river, mist, fog');
  await expect(shot(page, 'mist.jpg')).toContainText('no caption');
  await page.getByRole('button', { name: 'As text' }).click();
  await page.getByLabel('Caption as text').fill('Hills in mist.  A boat, far away ,');
  await page.reload();
  await expect(shot(page, 'mist.jpg')).toContainText('Hills in mist. A boat, far away ,');
});

test('copies are settled for the whole set by one press, which undo takes back', async ({ page }) => {
  const [small, other, large] = await Promise.all([
    picture('small.jpg', 300, 200, 10),
    picture('other.jpg', 400, 600, 200),
    picture('large.jpg', 900, 600, 10),
  ]);
  await open(page, [small, other]);
  await page.getByLabel('Choose pictures').setInputFiles([large]);
  await expect(shot(page, 'large.jpg')).toContainText('near-duplicate');
  const notes = page.getByRole('region', { name: 'What to look at' });
  await notes.getByRole('button', { name: /^\d+ more$/ }).click();
  await notes.getByRole('button', { name: 'Use the better ones' }).click();
  await expect(shot(page, 'small.jpg')).toContainText('near-duplicate');
  await expect(shot(page, 'large.jpg')).toContainText('no caption');
  await expect(notes.getByRole('button', { name: 'Use the better ones' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(shot(page, 'large.jpg')).toContainText('near-duplicate');
  await notes.getByRole('button', { name: 'Use it too' }).click();
  await expect(page.getByText('near-duplicate')).toHaveCount(0);
});

test('whatever folder is chosen, it means what the table says', async ({ page }) => {
  const simple = folderCases.filter(({ choices, asks }) => !choices && !asks);
  const sample = simple.filter((_, i) => i % Math.ceil(simple.length / 8) === 0);
  expect(sample.length).toBeGreaterThan(0);
  const folder = await mkdtemp(join(tmpdir(), 'studio-folders-'));
  try {
    await page.goto('/#images');
    for (const [at, of] of sample.entries()) {
      const dir = join(folder, `set${at}`);
      await writeFolder(dir, of, 31 * at);
      await page.getByLabel('Choose a folder').setInputFiles(dir);
      await expect.poll(() => records(page), { message: of.what }).toHaveLength(of.pictures.length);
      const names = new UniqueNames();
      const expected = of.pictures.map(([path, ...rest]) => [names.take(nameOf(path)), ...rest]);
      // Captions of pictures that were there come last.
      await expect.poll(() => records(page), { message: of.what }).toEqual(expected);
      await expect(page.getByText('Adding pictures')).toHaveCount(0);
      await page.keyboard.press('Control+a');
      await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await expect.poll(() => records(page)).toEqual([]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('an encoding and one of two captions are chosen by a person, by keyboard', async ({ page }) => {
  await page.goto('/#images');
  const pictures = await Promise.all([picture('山.jpg', 300, 300, 10), picture('b.jpg', 500, 300, 200)]);
  // 水墨, 山水
  const gbk = Buffer.from([0xcb, 0xae, 0xc4, 0xab, 0x2c, 0x20, 0xc9, 0xbd, 0xcb, 0xae]);
  await page
    .getByLabel('Choose pictures')
    .setInputFiles([
      ...pictures,
      { ...text('山.txt', ''), buffer: gbk },
      text('b.txt', 'a boat beside the table'),
      text('metadata.csv', 'b.jpg,a boat from the table\n'),
    ]);
  const encoding = page.getByRole('dialog', { name: 'Which reads right?' });
  await expect(encoding.getByRole('radio', { name: /^GBK.*水墨, 山水/ })).toBeChecked();
  await expect(encoding.getByRole('radio', { name: /^Windows-1252/ })).toBeVisible();
  expect(await axeFinds(page, { within: 'dialog' })).toEqual([]);
  await expect(encoding.getByRole('radio', { checked: true })).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(encoding.getByRole('radio', { name: /^GBK/ })).not.toBeChecked();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');

  const sources = page.getByRole('dialog', { name: 'Two captions for one picture' });
  await expect(sources.getByRole('radio', { name: /^The newer file/ })).toBeChecked();
  await expect(sources.getByText('a boat from the table')).toBeVisible();
  await sources.getByRole('radio', { name: /^The file beside the picture/ }).press('Space');
  await expect(sources.getByRole('listitem').filter({ hasText: 'counts' })).toContainText('beside the table');
  await sources.getByRole('button', { name: 'Go on' }).press('Enter');
  await expect(shot(page, '山.jpg')).toContainText('水墨, 山水');
  await expect(shot(page, 'b.jpg')).toContainText('a boat beside the table');
  await expect(page.getByText('read as gbk')).toBeVisible();

  // Closing it adds nothing.
  await page.getByLabel('Choose pictures').setInputFiles([{ ...text('山.txt', ''), buffer: gbk }]);
  await expect(encoding).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(encoding).toHaveCount(0);
  await expect(page.getByText('Adding was cancelled')).toBeVisible();
});

test('of ten thousand pictures only those in sight are in the page', async ({ page }) => {
  await open(page);
  const added = await page.evaluate(async () => {
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open('lora-studio-pictures');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('The pictures cannot be opened.'));
    });
    const write = db.transaction('pictures', 'readwrite');
    const store = write.objectStore('pictures');
    const all = store.getAll(IDBKeyRange.bound(['picture'], ['picture', []]));
    await new Promise((resolve) => (all.onsuccess = resolve));
    const [model] = all.result as { id: string; project: string; order: number }[];
    if (!model) throw new Error('There is no picture to copy.');
    for (let n = 0; n < 10_000; n++) {
      const size = { width: 600 + ((n * 37) % 600), height: 600 + ((n * 53) % 600) };
      const copy = { ...model, ...size, id: `copy-${n}`, name: `copy-${n}.jpg`, order: 100 + n };
      store.put(copy, ['picture', model.project, copy.id]);
    }
    await new Promise((resolve) => (write.oncomplete = resolve));
    db.close();
    return 10_000;
  });
  await page.reload();
  await expect(page.getByRole('button', { name: `All ${added + 6}` })).toBeVisible();
  const frames = await page.evaluate(async () => {
    const times: number[] = [];
    for (let frame = 0, last = performance.now(); frame < 60; frame++) {
      scrollBy(0, 150);
      await new Promise(requestAnimationFrame);
      times.push(performance.now() - last);
      last = performance.now();
    }
    return times.sort((a, b) => a - b);
  });
  console.log(
    `Scrolling 10,006 pictures: median frame ${frames[30]?.toFixed(0)} ms, longest ${frames[59]?.toFixed(0)} ms`,
  );
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await expect(shot(page, 'copy-9999.jpg')).toBeInViewport();
  expect(await shots(page).count()).toBeLessThan(150);
  await shot(page, 'copy-9999.jpg').click();
  await page.keyboard.press('k');
  await expect(page.getByRole('heading', { name: 'copy-9998.jpg' })).toBeVisible();
});

for (const [width, scheme] of [
  [390, 'light'],
  [1280, 'dark'],
] as const) {
  test(`axe finds nothing serious at ${width} px, ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await open(page);
    await page.setViewportSize({ width, height: 900 });
    await shot(page, 'boat.jpg').click({ modifiers: ['Control'] });
    expect(await axeFinds(page, { serious: true })).toEqual([]);
  });
}

/** Real pictures, no two of which look alike. */
async function writeFolder(dir: string, of: FolderCase, hue: number): Promise<void> {
  for (const [i, [path, content]] of Object.entries(of.files).entries()) {
    const file = join(dir, path);
    await mkdir(dirname(file), { recursive: true });
    const bytes =
      content === somePicture
        ? (await picture(path, 200, 150, hue + 47 * i)).buffer
        : (content as string | Uint8Array);
    await writeFile(file, bytes);
    const seconds = 1_700_000_000 + (of.modified?.[path] ?? 0);
    await utimes(file, seconds, seconds);
  }
}

/** Name, caption and repeats of each picture that is stored, in order. */
function records(page: Page): Promise<[string, string, number][]> {
  return page.evaluate(async () => {
    const open = indexedDB.open('lora-studio-pictures');
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      open.onsuccess = () => resolve(open.result);
      open.onerror = () => reject(open.error ?? new Error('The pictures cannot be opened.'));
    });
    const [store] = db.objectStoreNames;
    if (store === undefined) return [];
    const all = db
      .transaction(store)
      .objectStore(store)
      .getAll(IDBKeyRange.bound(['picture'], ['picture', []]));
    await new Promise((resolve) => (all.onsuccess = resolve));
    db.close();
    const pictures = all.result as { order: number; name: string; caption: string; repeats: number }[];
    return pictures
      .sort((a, b) => a.order - b.order)
      .map(({ name, caption, repeats }): [string, string, number] => [name, caption, repeats]);
  });
}

/**
 * A VAE beside a checkpoint that has none, and a LoRA of another program that training begins with, as a person gives
 * them; LoRA files looked into, resized, combined and merged, byte for byte as on the command line.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '@playwright/test';
import { mapCheckpoint } from '../src/formats/checkpoint/checkpoint_kind';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { writeSafetensors, type TensorToWrite } from '../src/formats/safetensors/safetensors_write';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { openZip } from '../src/formats/zip/zip';
import { merge, resize, type Options } from '../tools/lora/commands';
import { axeFinds } from './axe';
import { englishOn } from './chinese_words';
import { chooseTinyModel, dropFiles, goTo, tinyModel } from './small_run';
import { sd1Facts } from '../src/formats/families/sd1';

test('a VAE of its own is asked for and taken; a LoRA with ranks of its own is told before it starts', async ({
  page,
}) => {
  const bytes = new Uint8Array(await readFile(tinyModel));
  const { tensors } = await readHeader(fromBytes(bytes));
  const all = [...tensors.values()].map(({ name, dtype, shape, start, end }): TensorToWrite => {
    return { name, dtype, shape, data: bytes.subarray(start, end) };
  });
  const vaes = new Set([...mapCheckpoint(tensors.keys(), sd1Facts).parts.vae.values()].map(({ key }) => key));
  const says = page.getByRole('region', { name: 'Base model' });
  await page.goto('/');
  const without = writeSafetensors(all.filter(({ name }) => !vaes.has(name)));
  await dropFiles(page, [{ name: 'photon.safetensors', bytes: without }]);
  await expect(says).toContainText('It lacks the VAE.');
  await expect(says.locator('button', { hasText: 'Choose a VAE' })).toBeVisible();
  await says.locator('input[aria-label="Choose a VAE"]').setInputFiles({
    name: 'mse.safetensors',
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(writeSafetensors(all.filter(({ name }) => vaes.has(name)))),
  });
  const taken = says.getByRole('listitem').filter({ hasText: 'photon + mse' });
  await expect(taken).toContainText('in use');
  await expect(taken.getByRole('button', { name: 'Use another VAE' })).toBeVisible();

  await goTo(page, 'Settings');
  const layer = (name: string, rank: number): TensorToWrite[] =>
    [
      [`${name}.lora_down.weight`, [rank, 32, 1, 1]] as const,
      [`${name}.lora_up.weight`, [32, rank, 1, 1]] as const,
    ].map(([tensor, shape]) => ({ name: tensor, dtype: 'F16', shape, data: new Uint8Array(64 * rank) }));
  const at = 'lora_unet_mid_block_attentions_0_proj';
  const begin = async (name: string, given: readonly TensorToWrite[]) => {
    await page.getByLabel('Begin with a LoRA that you have').setInputFiles({
      name,
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(writeSafetensors(given, { ss_network_dim: '5', ss_learning_rate: '0.0003' })),
    });
    return page.getByRole('dialog');
  };
  const dialog = await begin('mixed.safetensors', [
    ...layer(`${at}_in`, 2),
    ...layer(`${at}_out`, 5),
    { name: 'bundle_emb.zk.string_to_param.*', dtype: 'F16', shape: [1], data: new Uint8Array(2) },
  ]);
  await expect(dialog).toContainText('ranks 2 to 5: each keeps its rank and alpha');
  await expect(dialog).toContainText('an embedding with it (zk), which is set aside');
  await dialog.getByRole('button', { name: 'Read the settings it was made with' }).click();
  await page.getByRole('button', { name: /^Take \d+ settings?$/ }).click();
  await expect(dialog).toContainText('ranks 2 to 5');
  await page.keyboard.press('Escape');

  const other = await begin('locon.safetensors', [
    { name: `${at}.hada_w1_a`, dtype: 'F16', shape: [4, 4], data: new Uint8Array(32) },
  ]);
  await expect(other).toContainText('This file is a LoHa');
});

const LORA = fileURLToPath(new URL('../reference/golden/lora_init.safetensors', import.meta.url));
const NAME = 'lora_init.safetensors';

test('a LoRA looked into; resized, combined and merged as on the command line; a peft pair', async ({
  page,
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'lora-files-'));
  const commanded = async (command: typeof merge, files: string[], options: Options, name: string) => {
    const out = join(folder, name);
    await command(files, { ...options, out }, () => undefined);
    return readFile(out);
  };
  // As in a browser without the system's save dialog, which no test can operate.
  await page.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  await page.goto('/');
  await chooseTinyModel(page);
  await goTo(page, 'Results');
  await page.getByRole('button', { name: 'LoRA files' }).click();
  await expect(page.getByRole('heading', { name: 'LoRA files', level: 1 })).toBeVisible();
  const bytes = new Uint8Array(await readFile(LORA));
  await dropFiles(page, [{ name: NAME, bytes }]);

  const files = page.getByRole('region', { name: 'Files' });
  const make = page.getByRole('complementary', { name: 'Make of it' });
  await test.step('what is in it', async () => {
    await expect(files.getByText('210', { exact: true })).toBeVisible();
    await expect(files).toContainText('The most is in');
    await files.getByText('As a table').click();
    await expect(files.getByRole('row', { name: /^down 0/ })).toBeVisible();
    await files.getByText('All 210 layers').click();
    await expect(files.getByRole('table').last().getByRole('row')).toHaveCount(211);
  });

  await test.step('resized', async () => {
    await make.getByRole('textbox', { name: 'Rank' }).fill('2');
    await make.getByRole('button', { name: 'Resize' }).click();
    await expect(make).toContainText(/Rank 2\.\s+[\d.]+ % of the change is kept/);
    const saved = await download(page, 'Save lora_init-resized.safetensors');
    expect(saved.equals(await commanded(resize, [LORA], { rank: '2' }, 'resized.safetensors'))).toBe(true);
  });

  await test.step('to peft, and the pair is a LoRA to train on from', async () => {
    await make.getByText('Convert', { exact: true }).click();
    await make.getByText('PEFT', { exact: true }).click();
    await make.getByRole('button', { name: 'Convert' }).click();
    const { entries } = await openZip(
      new Blob([new Uint8Array(await download(page, 'Save lora_init-peft.zip'))]),
    );
    expect(entries.map(({ path }) => path)).toContain('unet/adapter_config.json');
    const pair = await Promise.all(
      entries
        .filter(({ path }) => path.startsWith('unet/'))
        .map(async ({ path, open }) => ({
          name: path.slice('unet/'.length),
          bytes: new Uint8Array(await (await open()).arrayBuffer()),
        })),
    );
    expect(pair).toHaveLength(2);
    await goTo(page, 'Settings');
    await dropFiles(page, pair);
    const dialog = page.getByRole('dialog', { name: 'Train further' });
    await expect(dialog).toContainText('Its rank, 4, comes from the file');
    await dialog.getByRole('button', { name: 'Look inside' }).click();
    // Alpha stands in the configuration alone.
    await expect(files.locator('dl div').filter({ hasText: 'Alpha' })).toContainText('2');
    await expect(files.getByText('192', { exact: true })).toBeVisible();
    await files.getByRole('button', { name: 'Remove adapter_model.safetensors' }).click();
  });

  await test.step('two as one, with weights', async () => {
    await dropFiles(page, [{ name: 'again.safetensors', bytes }]);
    await make.getByText('Combine', { exact: true }).click();
    await make.getByRole('textbox', { name: 'U-Net' }).first().fill('0.5');
    await make.getByRole('textbox', { name: 'Text encoder' }).last().fill('0');
    await make.getByRole('button', { name: 'Combine' }).click();
    const saved = await download(page, 'Save lora_init+again.safetensors');
    const { modules, metadata } = await parseLora(fromBytes(new Uint8Array(saved)));
    expect(new Set(modules.map(({ name, rank }) => `${name.slice(0, 7)} ${rank}`))).toEqual(
      new Set(['lora_un 8', 'lora_te 4']),
    );
    expect(metadata['modelspec.merged_from']).toBe('lora_init.safetensors, again.safetensors');
  });

  await test.step('merged into the base model', async () => {
    await files.getByRole('button', { name: 'Remove again.safetensors' }).click();
    await make.getByText('Merge', { exact: true }).click();
    await make.getByText('By block').click();
    await make.getByRole('textbox', { name: 'middle' }).fill('0');
    await expect(make).toContainText(/tiny-sd15\.safetensors: .* will be written, \d+ layers are changed/);
    await make.getByRole('button', { name: 'Merge into the model' }).click();
    const saved = await download(page, 'Save tiny-sd15-merged.safetensors');
    const weight = ['unet=0.5,te=1,mid=0'];
    const same = await commanded(merge, [LORA], { base: tinyModel, weight }, 'merged.safetensors');
    expect(saved.equals(same)).toBe(true);
    await make.getByRole('button', { name: 'Delete the copy' }).click();
    await expect(make.getByRole('button', { name: 'Delete the copy' })).toHaveCount(0);
  });

  await test.step('the same to a place that the person chose', async () => {
    await page.evaluate(() => {
      const picker = async ({ suggestedName }: { suggestedName: string }) =>
        (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
      Object.assign(window, { showSaveFilePicker: picker });
    });
    await make.getByRole('button', { name: 'Merge into the model' }).click();
    await expect(make).toContainText('tiny-sd15-merged.safetensors is written.');
    const sha256 = await page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const file = await (await root.getFileHandle('tiny-sd15-merged.safetensors')).getFile();
      const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
      return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
    });
    const same = await readFile(join(folder, 'merged.safetensors'));
    expect(sha256).toBe(createHash('sha256').update(same).digest('hex'));
  });

  await test.step('nothing serious for axe, no English on the Chinese page', async () => {
    await page.getByRole('button', { name: '中文' }).click();
    for (const task of ['转换', '降秩', '组合', '合并']) {
      await page.getByText(task, { exact: true }).click();
      expect(await axeFinds(page)).toEqual([]);
      expect(
        await englishOn(page, [NAME, 'lora_init', 'tiny-sd15-merged', 'tiny-sd15', 'New project']),
      ).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await axeFinds(page)).toEqual([]);
  });
  await rm(folder, { recursive: true });
});

async function download(page: Page, name: string): Promise<Buffer> {
  const [given] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name }).click(),
  ]);
  expect(`Save ${given.suggestedFilename()}`).toBe(name);
  return readFile(await given.path());
}

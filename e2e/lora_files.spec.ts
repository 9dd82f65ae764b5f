/** A VAE beside a checkpoint that has none, and a LoRA of another program that training begins with, as a person gives them. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { mapCheckpoint } from '../src/formats/checkpoint/checkpoint_kind';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { writeSafetensors, type TensorToWrite } from '../src/formats/safetensors/safetensors_write';
import { dropFiles, goTo, tinyModel } from './small_run';
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

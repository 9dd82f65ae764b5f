/**
 * SDXL from a single file and from the folder that diffusers makes of it: every tensor of every part has the same shape and
 * the same halves. What diffusers makes is the table of its own converters in `reference/golden/sdxl.json`.
 */
import { expect, test } from 'vitest';
import { describedModel } from '../described.testing';
import { expectSameModel, savedByDiffusers } from '../folder_models.testing';
import { hashedCheckpoint } from '../hashed_weights.testing';
import { planBaseModel } from './base_model';

const SDXL = describedModel('sdxl');

test('both are the same model, and one without its second text encoder says so', async () => {
  const single = await planBaseModel([hashedCheckpoint(SDXL.tensors)]);
  const files = savedByDiffusers(SDXL);
  const folder = await planBaseModel(files);
  expect(folder.family.title.en).toBe('SDXL');
  expect(await expectSameModel(SDXL, single, folder)).toBe(600 + 176 + 52 + 53);
  const without = Object.keys(SDXL.folder).flatMap((part, i) => (part === 'text2' ? [] : (files[i] ?? [])));
  await expect(planBaseModel(without)).rejects.toThrow(/lacks the second text encoder/);
});

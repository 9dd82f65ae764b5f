/** SD 2.x from a single file and from the folder that diffusers makes of it: the same model, tensor by tensor. */
import { expect, test } from 'vitest';
import { describedModel } from '../described.testing';
import { expectSameModel, savedByDiffusers } from '../folder_models.testing';
import { hashedCheckpoint } from '../hashed_weights.testing';
import { planBaseModel } from './base_model';

const SD2 = describedModel('sd2');

test('both are the same model, and one without its text encoder says so', async () => {
  const files = savedByDiffusers(SD2);
  const single = await planBaseModel([hashedCheckpoint(SD2.tensors)]);
  const folder = await planBaseModel(files);
  expect(folder.family.title.en).toBe('Stable Diffusion 2.x');
  expect(await expectSameModel(SD2, single, folder)).toBe(686 + 176 + 372);
  const without = Object.keys(SD2.folder).flatMap((part, i) => (part === 'text1' ? [] : (files[i] ?? [])));
  await expect(planBaseModel(without)).rejects.toThrow(/lacks the text encoder/);
});

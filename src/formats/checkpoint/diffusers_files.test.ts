import { expect, it } from 'vitest';
import { missingShards, modelFilesAmong } from './diffusers_files';

const unet = 'm/unet/diffusion_pytorch_model';

it.each([
  ['the plain one', [`${unet}.fp16.safetensors`, `${unet}.safetensors`], [`${unet}.safetensors`]],
  ['another precision, where it is all', [`${unet}.fp16.safetensors`], [`${unet}.fp16.safetensors`]],
  [
    'shards',
    [
      `${unet}-00001-of-00002.safetensors`,
      `${unet}-00002-of-00002.safetensors`,
      `${unet}.safetensors.index.json`,
    ],
    [`${unet}-00001-of-00002.safetensors`, `${unet}-00002-of-00002.safetensors`],
  ],
  [
    'the whole before its shards',
    [`${unet}-00001-of-00002.safetensors`, `${unet}-00002-of-00002.safetensors`, `${unet}.safetensors`],
    [`${unet}.safetensors`],
  ],
  [
    'plain shards before halves',
    [`${unet}.fp16.safetensors`, `${unet}-00001-of-00001.safetensors`],
    [`${unet}-00001-of-00001.safetensors`],
  ],
  [
    'shards of halves, in both notations',
    [`${unet}.fp16-00001-of-00002.safetensors`, `${unet}-00002-of-00002.fp16.safetensors`],
    [`${unet}.fp16-00001-of-00002.safetensors`, `${unet}-00002-of-00002.fp16.safetensors`],
  ],
  [
    'one a folder',
    [
      `${unet}.safetensors`,
      'm/vae/diffusion_pytorch_model.safetensors',
      'm/safety_checker/model.safetensors',
      'm/unet/config.json',
    ],
    [`${unet}.safetensors`, 'm/vae/diffusion_pytorch_model.safetensors'],
  ],
  [
    'shards and a whole file of bare names',
    ['a-00001-of-00001.safetensors', 'a.safetensors'],
    ['a-00001-of-00001.safetensors', 'a.safetensors'],
  ],
  [
    'bare names',
    ['a-00002-of-00002.safetensors', 'a-00001-of-00002.safetensors'],
    ['a-00002-of-00002.safetensors', 'a-00001-of-00002.safetensors'],
  ],
])('takes %s', (_, paths, taken) => {
  expect(modelFilesAmong(paths)).toEqual(taken);
});

it('names the shards that are missing', () => {
  expect(missingShards([`${unet}-00002-of-00003.safetensors`])).toEqual([
    `${unet}-00001-of-00003.safetensors`,
    `${unet}-00003-of-00003.safetensors`,
  ]);
  expect(missingShards([`${unet}-00001-of-00001.safetensors`, `${unet}.safetensors`])).toEqual([]);
  expect(missingShards([`${unet}-00001-of-99999.safetensors`]).length).toBeLessThan(1000);
});

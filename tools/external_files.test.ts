import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { file, fixture, tagger } from '../src/captioning/models.testing';
import { nodeCaptioner } from './captioner';
import { externalBeside } from './external_files';

it('finds a model’s weights beside it, and leaves the captioner to name what is missing', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'external-'));
  const model = file('tagger_external.onnx');
  const path = join(dir, 'renamed.onnx');
  const open = async () => {
    const external = await externalBeside(path, model);
    return nodeCaptioner().open({ ...tagger, model, external }, () => undefined);
  };
  await expect(open()).rejects.toThrow('has its weights in tagger_external.onnx_data, which is not there');
  await writeFile(join(dir, 'tagger_external.onnx_data'), fixture('tagger_external.onnx_data'));
  expect(await open()).toMatchObject({ kind: 'tagger', side: 48 });
  expect(await externalBeside(path, file('tagger.onnx'))).toEqual([]);
  expect(await externalBeside(path, new Blob(['no model']))).toEqual([]);
  await rm(dir, { recursive: true });
});

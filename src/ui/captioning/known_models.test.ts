/** The list of models that one press gets, as it is served, and lists that are not as they should be. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { keyOf, knownModels, parseKnownModels, hostOf, sizeOf } from './known_models';

const served: unknown = JSON.parse(
  readFileSync(new URL('../../../public/captioners.json', import.meta.url), 'utf8'),
);
afterEach(() => vi.restoreAllMocks());

test('The list that is served: a CLIP and a tagger, each with all its files', () => {
  const models = parseKnownModels(served);
  expect(models.map(({ kind, files }) => [kind, files.map(({ role }) => role).sort()])).toEqual([
    ['clip', ['text', 'vision']],
    ['tagger', ['model', 'tags']],
  ]);
  expect(models.map(hostOf)).toEqual(['huggingface.co', 'huggingface.co']);
  expect(models.map(sizeOf)).toEqual([153_621_508, 378_844_778]);
  expect(new Set(models.map(keyOf)).size).toBe(2);
});

test('What is not whole is left out, and the rest stays', () => {
  const [clip, tagger] = served as { files: object[] }[];
  const broken = (file: object) => ({ ...clip, files: [clip.files[0], { ...clip.files[1], ...file }] });
  for (const wrong of [
    null,
    'clip',
    { ...clip, kind: 'blip' },
    { ...clip, licence: '' },
    { ...clip, files: clip.files.slice(1) },
    { ...clip, files: [...clip.files, clip.files[0]] },
    broken({ role: 'tags' }),
    broken({ address: 'vision.onnx' }),
    broken({ byteLength: -1 }),
    broken({ sha256: 'ab' }),
  ])
    expect(parseKnownModels([wrong, tagger])).toHaveLength(1);
  expect(parseKnownModels({ clip })).toEqual([]);
});

test('Without the list there is nothing to get by one press, until it can be had', async () => {
  const fetched = vi.spyOn(globalThis, 'fetch').mockRejectedValueOnce(new TypeError('offline'));
  expect(await knownModels()).toEqual([]);
  fetched.mockResolvedValueOnce(new Response('<p>', { headers: { 'content-type': 'text/html' } }));
  expect(await knownModels()).toEqual([]);
  fetched.mockResolvedValueOnce(new Response(JSON.stringify(served)));
  expect(await knownModels()).toHaveLength(2);
  expect(await knownModels()).toHaveLength(2);
  expect(fetched).toHaveBeenCalledTimes(3);
});

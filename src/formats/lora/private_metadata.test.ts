import { describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { buildLoraFile, legacyHash, parseLora } from './kohya_lora';
import { smallTargets } from './small_model.testing';
import { chooseMetadata, rewriteLora, usualChoice, type MetadataChoice } from './private_metadata';
import { readHeader } from '../safetensors/safetensors';

const full: Record<string, string> = {
  ss_v2: 'False',
  ss_base_model_version: 'sd_v1',
  ss_network_module: 'networks.lora',
  ss_network_dim: '2',
  ss_network_alpha: '2.0',
  ss_output_name: 'inkwash',
  ss_sd_model_name: 'v1-5-pruned.safetensors',
  ss_sd_model_hash: '81761151',
  ss_training_comment: 'for a friend',
  ss_learning_rate: '0.0001',
  ss_seed: '42',
  ss_num_train_images: '42',
  ss_dataset_dirs: '{"10_anna": {"n_repeats": 10, "img_count": 2}}',
  ss_reg_dataset_dirs: '{}',
  ss_tag_frequency: '{"10_anna": {"2023": 1, "\\u732b": 2}, "5_bob": {"cat": 1}}',
  'modelspec.architecture': 'stable-diffusion-v1/lora',
  'modelspec.title': 'inkwash',
  'modelspec.date': '2026-11-23T18:00:00',
};
const none: MetadataChoice = {
  identity: false,
  settings: false,
  tags: false,
  names: false,
  thumbnail: false,
};
const all: MetadataChoice = { identity: true, settings: true, tags: true, names: true, thumbnail: true };
const quiet: MetadataChoice = { identity: true, settings: true, tags: false, names: false, thumbnail: false };

describe('chooseMetadata', () => {
  it('holds a picture only where one is asked for, whatever stood there before', () => {
    const picture = 'data:image/jpeg;base64,AAAA';
    const before = { ...full, 'modelspec.thumbnail': 'data:image/jpeg;base64,BBBB' };
    expect(chooseMetadata(before, all, '', picture)['modelspec.thumbnail']).toBe(picture);
    for (const choice of [none, usualChoice, quiet])
      expect(chooseMetadata(before, choice, '', picture)['modelspec.thumbnail']).toBeUndefined();
  });

  it('leaves everything, and adds the trigger word, in full', () => {
    expect(chooseMetadata(full, all, 'inkwash style')).toEqual({
      ...full,
      'modelspec.trigger_phrase': 'inkwash style',
    });
  });

  it('is in full unless privacy is asked for', () => {
    expect(usualChoice).toEqual({ ...all, thumbnail: false });
  });

  it('leaves only how to apply the LoRA when all is off', () => {
    expect(Object.keys(chooseMetadata(full, none, 'inkwash style')).sort()).toEqual([
      'modelspec.architecture',
      'modelspec.title',
      'ss_base_model_version',
      'ss_network_alpha',
      'ss_network_dim',
      'ss_network_module',
      'ss_v2',
    ]);
  });

  it.each([
    ['identity', ['ss_output_name', 'ss_sd_model_hash', 'ss_sd_model_name', 'ss_training_comment']],
    ['settings', ['modelspec.date', 'ss_learning_rate', 'ss_num_train_images', 'ss_seed']],
    ['tags', ['ss_tag_frequency']],
    ['names', ['ss_dataset_dirs', 'ss_reg_dataset_dirs']],
  ] as const)('%s stands for its own keys', (group, keys) => {
    const base = Object.keys(chooseMetadata(full, none));
    const kept = Object.keys(chooseMetadata(full, { ...none, [group]: true }));
    expect(kept.filter((key) => !base.includes(key)).sort()).toEqual([...keys]);
  });

  it('counts tags without naming folders, in their order', () => {
    const { ss_tag_frequency } = chooseMetadata(full, { ...quiet, tags: true });
    expect(ss_tag_frequency).toBe('{"set_1": {"2023": 1, "\\u732b": 2}, "set_2": {"cat": 1}}');
    expect(JSON.stringify(chooseMetadata(full, quiet))).not.toMatch(/anna|bob|cat/);
  });

  it('leaves out counts that cannot be read', () => {
    expect(chooseMetadata({ ss_tag_frequency: '{"10_anna": {' }, { ...quiet, tags: true })).toEqual({});
  });
});

describe('rewriteLora', () => {
  const modules = smallTargets().map(({ name, inFeatures, outFeatures }, index) => ({
    name,
    down: Float32Array.from({ length: 2 * inFeatures }, (_, i) => Math.sin(i + index)),
    downShape: [2, inFeatures],
    up: Float32Array.from({ length: outFeatures * 2 }, (_, i) => Math.cos(i * 0.7 + index)),
    upShape: [outFeatures, 2],
    alpha: 1,
  }));

  it('changes nothing but the metadata, and its hashes are those of a file saved so from the start', async () => {
    const original = await buildLoraFile({ modules, precision: 'fp16', metadata: full });
    const metadata = chooseMetadata(full, quiet, 'inkwash style');
    const rewritten = await rewriteLora(fromBytes(original), metadata);
    expect(rewritten).toEqual(await buildLoraFile({ modules, precision: 'fp16', metadata }));
    const [before, after] = [await parseLora(fromBytes(original)), await parseLora(fromBytes(rewritten))];
    expect(after.modules).toEqual(before.modules);
    expect(after.metadata.sshs_model_hash).toBe(before.metadata.sshs_model_hash);
    expect(new TextDecoder().decode(rewritten)).not.toMatch(/10_anna/);
  });

  it('gives back the same bytes for the same metadata', async () => {
    const original = await buildLoraFile({ modules, precision: 'float', metadata: full });
    const { metadata } = await readHeader(fromBytes(original));
    expect(await rewriteLora(fromBytes(original), metadata)).toEqual(original);
    expect(await legacyHash(original)).toMatch(/^[0-9a-f]{8}$/);
  });
});

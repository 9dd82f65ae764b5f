import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { importSettings } from '../../formats/kohya/import_settings';
import { meantByLink, readShareLink, writeShareLink } from '../../formats/config/share_link';
import type { BaseModelRef } from '../../storage/projects';
import { differences } from './differences';
import { linkBaseOf, madeFor, madeForByLink, madeForOther, unsuited } from './unsuited';

const demo: BaseModelRef = { name: 'demo', kind: '', byteLength: 1, where: { in: 'demo' } };
const own: BaseModelRef = { name: 'sd15', kind: '', byteLength: 1, where: { in: 'stored', paths: ['a'] } };
const ofFamily = (kind: string) => ({ ...own, kind });
const [sd1, sdxl] = [ofFamily('Stable Diffusion 1.x'), ofFamily('SDXL')];
const demoSettings = { ...defaultConfig(), lora_rank: 32, learning_rate: 0.0015, resolution: 128, epochs: 7 };

const through = async (config: typeof demoSettings, base?: string) =>
  readShareLink(new URL(await writeShareLink(config, 'https://studio.example/', base)).hash);

describe('settings from a link that was made for another base model', () => {
  it('leaves the demo’s rates and sizes out for a model of one’s own, and takes the rest', async () => {
    const link = await through(demoSettings, 'demo');
    expect(link.base).toBe('demo');
    const names = differences(defaultConfig(), meantByLink(link)).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['lora_rank', 'learning_rate', 'resolution', 'epochs']));
    const other = madeForOther(madeForByLink(link), own);
    expect(other).toBe('demo');
    expect(unsuited(names, other).sort()).toEqual(['learning_rate', 'resolution']);
    expect(madeForOther(madeForByLink(link), undefined)).toBe('demo');
    expect(madeForOther(madeForByLink(link), demo)).toBeUndefined();
  });

  it('leaves full-size rates and sizes out for the demo model, also where the link does not name them', async () => {
    const link = await through({ ...defaultConfig(), lora_rank: 32 }, 'own');
    const names = differences(demoSettings, meantByLink(link)).map(({ name }) => name);
    expect(unsuited(names, madeForOther(madeForByLink(link), demo)).sort()).toEqual([
      'learning_rate',
      'resolution',
    ]);
    expect(unsuited(names, madeForOther(madeForByLink(link), own))).toEqual([]);
  });

  it('tells old links, which do not say, by their size', async () => {
    expect(madeForOther(madeForByLink(await through(demoSettings)), own)).toBe('demo');
    expect(madeForOther(madeForByLink(await through(defaultConfig())), demo)).toBe('own');
  });

  it('tells families apart: a link of SDXL’s says so, one of SD 1.x is as it was', async () => {
    expect([sd1, sdxl, demo, own, undefined].map(linkBaseOf)).toEqual([
      'own',
      'sdxl',
      'demo',
      'own',
      undefined,
    ]);
    const large = { ...defaultConfig(), resolution: 1024, unet_lr: 4e-4 };
    const fromSdxl = madeForByLink(await through(large, linkBaseOf(sdxl)));
    expect([sd1, sdxl, own, undefined].map((base) => madeForOther(fromSdxl, base))).toEqual([
      'sdxl',
      undefined,
      undefined,
      undefined,
    ]);
    expect(madeForOther(fromSdxl, demo)).toBe('own');
    expect(unsuited(['lora_rank', 'unet_lr', 'resolution'], 'sdxl')).toEqual(['unet_lr', 'resolution']);
    const fromSd1 = madeForByLink(await through(defaultConfig(), linkBaseOf(sd1)));
    expect([sd1, sdxl, own].map((base) => madeForOther(fromSd1, base))).toEqual([
      undefined,
      'sd1',
      undefined,
    ]);
    // From before links said a family: of this size it may be either's.
    const old = madeForByLink(await through(large, 'own'));
    expect([sd1, sdxl].map((base) => madeForOther(old, base))).toEqual([undefined, undefined]);
    // Of a later version's family nothing is known.
    const later = madeForByLink(await through(large, 'sd9'));
    expect([sd1, sdxl].map((base) => madeForOther(later, base))).toEqual([undefined, undefined]);
  });

  it('refuses a base model that it does not know as it refuses any unknown name', async () => {
    const hash = `#c=${deflateRawSync('{"base":"file:///etc/passwd","lora_rank":4}').toString('base64url')}`;
    const link = await readShareLink(hash);
    expect(link.base).toBeUndefined();
    expect(link.settings).toEqual({ lora_rank: 4 });
    expect(link.refused.map(({ name, why }) => [name, why])).toEqual([['base', 'unknown']]);
  });

  it('knows a file by the size it says, and leaves one that says none alone', () => {
    const file = importSettings('resolution: 128\nlearning_rate: 0.0015\nlora_rank: 16\n');
    const names = differences(defaultConfig(), file.settings).map(({ name }) => name);
    expect(unsuited(names, madeForOther(madeFor(file.settings), own)).sort()).toEqual([
      'learning_rate',
      'resolution',
    ]);
    expect(madeForOther(madeFor(file.settings), demo)).toBeUndefined();
    const rates = importSettings('learning_rate: 0.0015\nlora_rank: 16\n').settings;
    expect(madeForOther(madeFor(rates), own)).toBeUndefined();
    expect(madeForOther(madeFor(rates), demo)).toBeUndefined();
  });
});

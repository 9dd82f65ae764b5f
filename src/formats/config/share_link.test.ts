import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig, defaultConfig } from './config';
import { fieldList, type Field, type TrainConfig } from './config_fields';
import {
  isShared,
  linkMark,
  longestLink,
  meantByLink,
  readShareLink,
  ShareLinkError,
  writeShareLink,
} from './share_link';

const page = 'https://studio.example/';

const linkOf = (json: string | Uint8Array): string => linkMark + deflateRawSync(json).toString('base64url');

async function refusal(hash: string): Promise<ShareLinkError> {
  try {
    await readShareLink(hash);
  } catch (error) {
    if (error instanceof ShareLinkError) return error;
    throw error;
  }
  throw new Error('not refused');
}

/** Any value a field accepts. */
function valueOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'int': {
      const step = field.step ?? 1;
      return fc
        .integer({ min: Math.ceil(field.min / step), max: Math.floor(field.max / step) })
        .map((n) => n * step);
    }
    case 'number':
      return fc.double({ min: field.min, max: field.max, noNaN: true }).map((n) => (n === 0 ? 0 : n));
    case 'optional-number':
      return fc.option(
        fc.double({ min: field.min, max: field.max, noNaN: true }).map((n) => (n === 0 ? 0 : n)),
      );
    case 'switch':
      return fc.boolean();
    case 'choice':
      return fc.constantFrom(...field.choices);
    case 'text':
    case 'texts':
    case 'switch-or-path':
      return fc.constant(field.default);
  }
}

const anyConfig = fc
  .record(Object.fromEntries(fieldList.map(({ name, field }) => [name, valueOf(field)])))
  .map((values) => values as unknown as TrainConfig);

describe('a settings link', () => {
  it('gives any settings back, all of them, from at most 2,000 characters', async () => {
    let longest = 0;
    await fc.assert(
      fc.asyncProperty(anyConfig, async (config) => {
        const link = await writeShareLink(config, page);
        longest = Math.max(longest, link.length);
        expect(link).toMatch(/^https:\/\/studio\.example\/#c=[\w-]+$/);
        const { settings, refused } = await readShareLink(new URL(link).hash);
        expect(refused).toEqual([]);
        expect({ ...defaultConfig(), ...settings }).toEqual(config);
      }),
      { numRuns: 300 },
    );
    expect(longest).toBeLessThanOrEqual(longestLink);
    // Every number with 17 digits: the worst there is.
    expect(longest).toBeGreaterThan(500);
  });

  it('is short for what people change', async () => {
    const link = await writeShareLink({ ...defaultConfig(), lora_rank: 16, epochs: 20 }, page);
    expect(link.length).toBeLessThan(80);
    expect(await readShareLink(new URL(link).hash)).toEqual({
      settings: { lora_rank: 16, epochs: 20 },
      refused: [],
    });
    expect((await writeShareLink(defaultConfig(), page)).length).toBeLessThan(40);
  });

  it('carries nothing that was typed', async () => {
    const secret = 'zoë-secret-7';
    const typed = fieldList.filter(({ field }) => !isShared(field)).map(({ name }) => name);
    expect(typed).toEqual(
      expect.arrayContaining(['output_name', 'training_comment', 'sample_prompts', 'sample_negative_prompt']),
    );
    const config = checkConfig({
      lora_rank: 4,
      ...Object.fromEntries(typed.map((name) => [name, name === 'sample_prompts' ? [secret] : secret])),
    });
    const { settings } = await readShareLink(new URL(await writeShareLink(config, page)).hash);
    expect(settings).toEqual({ lora_rank: 4 });
  });

  it('refuses to be longer than programs carry', async () => {
    const far = `https://studio.example/${'a'.repeat(2000)}/`;
    await expect(writeShareLink(defaultConfig(), far)).rejects.toThrow(/YAML file/);
  });
});

describe('what a link means', () => {
  it('is the defaults where it says nothing, but not of what was refused or of how the GPU is used', async () => {
    const read = await readShareLink(linkOf('{"lora_rank":16,"epochs":"many"}'));
    const meant = meantByLink(read);
    expect(meant).toMatchObject({ lora_rank: 16, batch_size: 2, train_unet: true });
    for (const name of ['epochs', 'memory_budget_gb', 'mixed_precision', 'output_name', 'base_model'])
      expect(meant).not.toHaveProperty(name);
    const said = await readShareLink(linkOf('{"memory_budget_gb":3}'));
    expect(meantByLink(said).memory_budget_gb).toBe(3);
  });
});

describe('a hostile link', () => {
  it('is stopped at 64 KiB of unfolding', async () => {
    const bomb = linkOf(`{"lora_rank": ${' '.repeat(1_400_000)}4}`);
    expect(bomb.length).toBeLessThan(longestLink);
    expect((await refusal(bomb)).code).toBe('too-large');
    // Just under: read, not refused.
    expect((await readShareLink(linkOf(`{"lora_rank":${' '.repeat(60_000)}4}`))).settings).toEqual({
      lora_rank: 4,
    });
  });

  it('has each thing in it named that cannot be used, and the rest read', async () => {
    const { settings, refused } = await readShareLink(
      linkOf(
        `{"lora_rank":16,"__proto__":{"polluted":1},"constructor":1,"toString":2,"learning_rate":1e308,` +
          `"epochs":"10","batch_size":null,"seed":[1],"train_unet":1,"optimizer":"sgd","resolution":500,` +
          `"network_dim":8,"base_model":"/etc/passwd","sample_prompts":["x"],"output_name":"y","resume":true}`,
      ),
    );
    expect(settings).toEqual({ lora_rank: 16 });
    expect(Object.keys({})).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(refused.map(({ name, why }) => `${name} ${why}`)).toEqual([
      '__proto__ unknown',
      'constructor unknown',
      'toString unknown',
      'learning_rate invalid',
      'epochs invalid',
      'batch_size invalid',
      'seed invalid',
      'train_unet invalid',
      'optimizer invalid',
      'resolution invalid',
      'network_dim unknown',
      'base_model private',
      'sample_prompts private',
      'output_name private',
      'resume private',
    ]);
    for (const { name, sentence } of refused) expect(sentence).toContain(name);
  });

  it.each([
    ['', 'not-base64'],
    ['%%%', 'not-base64'],
    ['a=b', 'not-base64'],
    ['abcde', 'not-base64'],
    ['a'.repeat(2001), 'too-long'],
    ['AAAA', 'not-deflate'],
    [linkOf('{"lora_rank":16}').slice(linkMark.length, -4), 'not-deflate'],
    [linkOf(Uint8Array.of(0xff, 0xfe)), 'not-deflate'],
    [linkOf('{"lora_rank":16,"lora_rank":8}'), 'not-json'],
    [linkOf('{"epochs":1e999}'), 'not-json'],
    [linkOf('{"a":'.repeat(500)), 'not-json'],
    [linkOf('[1]'), 'not-a-map'],
    [linkOf('null'), 'not-a-map'],
  ])('%#: is refused with a sentence', async (hash, code) => {
    const error = await refusal(hash.startsWith('#') ? hash : linkMark + hash);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/\.$/);
  });

  it('of any bytes is read or refused, never anything else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.base64String(), fc.json().map(linkOf)), async (hash) => {
        try {
          checkConfig(
            await readShareLink(hash).then(({ settings }) => ({
              ...settings,
              train_unet: true,
              lr_warmup_steps: 0,
              min_bucket_reso: 64,
              max_bucket_reso: 4096,
            })),
          );
        } catch (error) {
          expect(error).toBeInstanceOf(ShareLinkError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

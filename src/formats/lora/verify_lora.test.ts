import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { buildLoraFile, type LoraModule } from './kohya_lora';
import { chooseMetadata, rewriteLora } from './private_metadata';
import { readHeader } from '../safetensors/safetensors';
import { smallTargets } from './small_model.testing';
import { VerificationError, verifyLora, type Expected, type VerificationCode } from './verify_lora';

const targets = smallTargets();

function modules(change: (module: LoraModule, index: number) => LoraModule = (module) => module) {
  return targets.map(({ name, inFeatures, outFeatures }, index) =>
    change(
      {
        name,
        down: Float32Array.from({ length: 2 * inFeatures }, (_, i) => Math.sin(i + index)),
        downShape: [2, inFeatures],
        up: Float32Array.from({ length: outFeatures * 2 }, (_, i) => Math.cos(i * 0.7 + index)),
        upShape: [outFeatures, 2],
        alpha: 1,
      },
      index,
    ),
  );
}

const file = (list: LoraModule[]) =>
  buildLoraFile({ modules: list, precision: 'float', metadata: { ss_network_dim: '2' } });

async function refused(bytes: Uint8Array, expected?: Expected): Promise<VerificationError> {
  const error: unknown = await verifyLora(fromBytes(bytes), expected).catch((reason: unknown) => reason);
  if (!(error instanceof VerificationError)) throw new Error(`Not refused: ${JSON.stringify(error)}`);
  return error;
}

describe('verifyLora', () => {
  it('passes a trained file, and counts and hashes it', async () => {
    const bytes = await file(modules());
    expect(await verifyLora(fromBytes(bytes), { modules: targets.length })).toEqual({
      tensors: 3 * targets.length,
      modules: targets.length,
      idleModules: 0,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });

  it('passes what was written again with other metadata, compared with the original', async () => {
    const source = fromBytes(await file(modules()));
    const { metadata } = await readHeader(source);
    const none = { identity: false, settings: false, tags: false, names: false, thumbnail: false };
    const rewritten = await rewriteLora(source, chooseMetadata(metadata, none));
    expect((await verifyLora(fromBytes(rewritten), { source })).tensors).toBe(3 * targets.length);
  });

  it('counts layers that do nothing, as long as others do', async () => {
    const bytes = await file(
      modules((module, i) => (i < 3 ? { ...module, up: module.up.map(() => 0) } : module)),
    );
    expect((await verifyLora(fromBytes(bytes))).idleModules).toBe(3);
  });

  it.each<[string, VerificationCode, RegExp, () => Promise<[Uint8Array, Expected?]>]>([
    [
      'a LoRA of zeros',
      'no-change',
      /would change nothing/,
      async () => [await file(modules((module) => ({ ...module, up: module.up.map(() => 0) })))],
    ],
    [
      'one with a NaN',
      'not-finite',
      /holds NaN at index 5/,
      async () => {
        const bytes = await file(modules());
        const { tensors } = await readHeader(fromBytes(bytes));
        const entry = tensors.get(`${targets[4].name}.lora_up.weight`);
        new DataView(bytes.buffer).setFloat32((entry?.start ?? 0) + 20, NaN, true);
        return [bytes];
      },
    ],
    ['a truncated one', 'cut-short', /cut short/, async () => [(await file(modules())).slice(0, -7)]],
    [
      'one that ends in its header',
      'cut-short',
      /cut short/,
      async () => [(await file(modules())).slice(0, 1000)],
    ],
    ['an empty file', 'cut-short', /cut short/, () => Promise.resolve([new Uint8Array()])],
    [
      'names that SD 1.x has not',
      'names',
      /not a layer of Stable Diffusion 1\.x/,
      async () => [
        await file(
          modules((module, i) => (i === 2 ? { ...module, name: 'lora_unet_time_embed_0' } : module)),
        ),
      ],
    ],
    [
      'too few layers',
      'names',
      /of 192 trained layers/,
      async () => [await file(modules()), { modules: 192 }],
    ],
    [
      'one bit that differs from what was trained',
      'differs',
      /does not read back as it was trained/,
      async () => {
        const bytes = await file(modules());
        const source = fromBytes(bytes.slice());
        bytes[bytes.length - 3] ^= 1;
        return [bytes, { source }];
      },
    ],
    [
      'a tensor less than was trained',
      'differs',
      /does not read back/,
      async () => [await file(modules().slice(1)), { source: fromBytes(await file(modules())) }],
    ],
    [
      'something else',
      'unreadable',
      /safetensors/,
      () => Promise.resolve([new TextEncoder().encode('x'.repeat(99))]),
    ],
  ])('refuses %s', async (_, code, sentence, make) => {
    const [bytes, expected] = await make();
    const error = await refused(bytes, expected);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(sentence);
  });
});

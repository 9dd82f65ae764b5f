import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { buildLoraFile, legacyHash, parseLora, type LoraModule } from './kohya_lora';
import { LoraError } from './lora_error';
import { matchLora } from './lora_outline';
import { readHeader } from '../safetensors/safetensors';
import { SafetensorsError } from '../safetensors/safetensors_error';
import { smallTargets, smallUnetTargets } from './small_model.testing';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';

function modulesFor(rank: number, alpha = rank): LoraModule[] {
  return smallTargets().map(({ name, inFeatures, outFeatures, conv }, index) => {
    const kernel = conv ? [1, 1] : [];
    return {
      name,
      down: Float32Array.from({ length: rank * inFeatures }, (_, i) => Math.sin(i + index)),
      downShape: [rank, inFeatures, ...kernel],
      up: Float32Array.from({ length: outFeatures * rank }, (_, i) => Math.cos(i * 0.7 + index) * 0.01),
      upShape: [outFeatures, rank, ...kernel],
      alpha,
    };
  });
}

async function refusal(read: Promise<unknown>): Promise<LoraError> {
  const error: unknown = await read.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof LoraError) return error;
  throw error instanceof Error ? error : new Error('not refused');
}

describe('buildLoraFile', () => {
  it.each([
    ['fp16', 'F16', 2 ** -11],
    ['bf16', 'BF16', 2 ** -8],
    ['float', 'F32', 0],
  ] as const)('round-trips as %s', async (precision, dtype, relative) => {
    const modules = modulesFor(4, 2);
    const file = await buildLoraFile({ modules, precision, metadata: { ss_network_dim: '4' } });
    const header = await readHeader(fromBytes(file));
    expect(header.tensors.size).toBe(modules.length * 3);
    for (const entry of header.tensors.values()) expect(entry.dtype).toBe(dtype);
    expect(header.tensors.get(`${modules[0].name}.alpha`)?.shape).toEqual([]);
    const read = await parseLora(fromBytes(file));
    expect(read.modules.map(({ name }) => name).sort()).toEqual(modules.map(({ name }) => name).sort());
    for (const module of modules) {
      const back = read.modules.find(({ name }) => name === module.name);
      expect(back).toMatchObject({ rank: 4, alpha: 2, downShape: module.downShape, upShape: module.upShape });
      const error = module.down.map(
        (value, i) =>
          Math.abs((back?.down[i] ?? NaN) - value) -
          relative * Math.abs(value) -
          (precision === 'fp16' ? 2 ** -25 : 0),
      );
      expect(Math.max(...error)).toBeLessThanOrEqual(0);
    }
    expect(matchLora(read.modules, smallTargets()).size).toBe(modules.length);
  });

  it('hashes as kohya does: the data alone, and a window of a file that carries ss_* alone', async () => {
    // Rank 96 makes the file reach past 1 MiB, where the legacy window begins.
    const modules = modulesFor(96);
    const metadata = { ss_b: '1', ss_a: '中', 'modelspec.title': 'x' };
    const file = await buildLoraFile({ modules, precision: 'float', metadata });
    const header = await readHeader(fromBytes(file));
    expect(file.length).toBeGreaterThan(0x110000);
    const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    expect(header.metadata.sshs_model_hash).toBe(sha(file.subarray(header.dataStart)));
    const tensors = [...header.tensors.values()].map(({ name, dtype, shape, start, end }): TensorToWrite => ({
      name,
      dtype,
      shape,
      data: file.subarray(start, end),
    }));
    const ssOnly = writeSafetensors(tensors, { ss_b: '1', ss_a: '中' });
    expect(header.metadata.sshs_legacy_hash).toBe(sha(ssOnly.subarray(0x100000, 0x110000)).slice(0, 8));
    expect(header.metadata).toMatchObject(metadata);
    // A file shorter than the window hashes nothing, as in Python.
    expect(await legacyHash(new Uint8Array(10))).toBe(sha(new Uint8Array()).slice(0, 8));
    const other = await buildLoraFile({ modules: modules.toReversed(), precision: 'float', metadata });
    expect(Buffer.compare(file, other)).toBe(0);
  });

  it('refuses weights that the precision cannot hold, naming the layer', async () => {
    const [module] = modulesFor(1);
    for (const [value, precision] of [
      [NaN, 'float'],
      [Infinity, 'bf16'],
      [65520, 'fp16'],
      [-7e4, 'fp16'],
    ] as const) {
      const error = await refusal(
        buildLoraFile({ modules: [{ ...module, up: module.up.with(3, value) }], precision, metadata: {} }),
      );
      expect(error.code).toBe('non-finite');
      expect(error.message).toContain(`${module.name}.lora_up.weight`);
      expect(error.message).toContain('index 3');
    }
    await buildLoraFile({
      modules: [{ ...module, up: module.up.with(3, 65519) }],
      precision: 'fp16',
      metadata: {},
    });
  });
});

describe('parseLora', () => {
  const half = (name: string, shape: number[], dtype: 'F16' | 'I16' = 'F16'): TensorToWrite => ({
    name,
    dtype,
    shape,
    data: new Uint8Array(2 * shape.reduce((a, b) => a * b, 1)),
  });
  const at = 'lora_unet_mid_block_attentions_0_proj_in';
  const down = half(`${at}.lora_down.weight`, [4, 8]);
  const up = half(`${at}.lora_up.weight`, [8, 4]);

  it.each([
    ['no up', [down], 'missing-half', /has no lora_up\.weight/],
    ['no down', [up, half(`${at}.alpha`, [])], 'missing-half', /has no lora_down\.weight/],
    ['ranks that differ', [down, half(up.name, [8, 5])], 'wrong-shape', /\[4, 8\] and \[8, 5\]/],
    ['a 3x3 kernel', [half(down.name, [4, 8, 3, 3]), up], 'other-method', /LoCon/],
    ['an alpha of two numbers', [down, up, half(`${at}.alpha`, [2])], 'wrong-shape', /single number/],
    ['integers', [half(down.name, [4, 8], 'I16'), up], 'not-float', /I16/],
    ['rank zero', [half(down.name, [0, 8]), half(up.name, [8, 0])], 'wrong-shape', /rank/],
    ['nothing', [], 'no-modules', /no LoRA layers/],
    [
      'a base model',
      [half('model.diffusion_model.out.2.bias', [4])],
      'no-modules',
      /give it as the base model/,
    ],
    ['Flux', [half('lora_unet_double_blocks_0_img_attn_qkv.alpha', [])], 'other-method', /Flux/],
  ])('refuses %s', async (_, tensors, code, sentence) => {
    const error = await refusal(parseLora(fromBytes(writeSafetensors(tensors))));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(sentence);
  });

  it.each([
    ['I64', BigInt64Array.of(3n)],
    ['U64', BigUint64Array.of(3n)],
    ['I32', Int32Array.of(3)],
    ['U32', Uint32Array.of(3)],
    ['I16', Int16Array.of(3)],
    ['U16', Uint16Array.of(3)],
    ['I8', Int8Array.of(3)],
    ['U8', Uint8Array.of(3)],
    ['F64', Float64Array.of(3)],
    ['F32', Float32Array.of(3)],
    ['F8_E5M2', Uint8Array.of(0x42)],
    ['F8_E4M3', Uint8Array.of(0x44)],
  ] as const)('takes an alpha of type %s', async (dtype, values) => {
    const alpha = { name: `${at}.alpha`, dtype, shape: [], data: new Uint8Array(values.buffer) };
    const { modules } = await parseLora(fromBytes(writeSafetensors([down, up, alpha])));
    expect(modules[0].alpha).toBe(3);
  });

  it.each(['BOOL', 'F8_E8M0', 'C64'] as const)('refuses an alpha of type %s', async (dtype) => {
    const data = new Uint8Array(dtype === 'C64' ? 8 : 1);
    const error = await refusal(
      parseLora(fromBytes(writeSafetensors([down, up, { name: `${at}.alpha`, dtype, shape: [], data }]))),
    );
    expect(error).toMatchObject({ code: 'not-float', module: at });
  });

  it.each([
    ['F64', (x: number) => new Uint8Array(Float64Array.of(x, -x).buffer)],
    ['F8_E5M2', () => Uint8Array.of(0x3e, 0xbe)],
    ['F8_E4M3', () => Uint8Array.of(0x3c, 0xbc)],
  ] as const)('reads weights of type %s', async (dtype, bytes) => {
    const file = writeSafetensors([
      { name: down.name, dtype, shape: [1, 2], data: bytes(1.5) },
      { name: up.name, dtype, shape: [2, 1], data: bytes(1.5) },
    ]);
    const { modules } = await parseLora(fromBytes(file));
    expect([...modules[0].down, ...modules[0].up]).toEqual([1.5, -1.5, 1.5, -1.5]);
  });

  it('takes the rank for a missing alpha, and for zero', async () => {
    for (const tensors of [
      [down, up],
      [down, up, half(`${at}.alpha`, [])],
      [down, up, half(`${at}.alpha`, [1])],
    ]) {
      const { modules } = await parseLora(fromBytes(writeSafetensors(tensors)));
      expect(modules).toMatchObject([{ name: at, rank: 4, alpha: 4 }]);
    }
  });

  it('refuses infinities and NaN, saying where', async () => {
    const bad = new Uint8Array(up.data);
    new DataView(bad.buffer).setUint16(10, 0x7e00, true);
    const error = await refusal(parseLora(fromBytes(writeSafetensors([down, { ...up, data: bad }]))));
    expect(error.message).toContain('NaN at index 5');
  });

  it('refuses another model', async () => {
    const lora = await parseLora(
      fromBytes(await buildLoraFile({ modules: modulesFor(4), precision: 'float', metadata: {} })),
    );
    expect(() => matchLora(lora.modules, smallTargets(64))).toThrow(
      /48 to 32 features; the base model needs 64 to 32/,
    );
    expect(() => matchLora(lora.modules, smallUnetTargets())).toThrow(/lora_te_.*lacks/);
  });

  it('answers every mutation of a good file with a LoRA or a named error', async () => {
    const good = await buildLoraFile({
      modules: modulesFor(1).slice(0, 2),
      precision: 'fp16',
      metadata: { ss_v2: 'False' },
    });
    const edit = fc.tuple(fc.nat(Math.min(1200, good.length) - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const bytes = good.slice();
        for (const [at, value] of edits) bytes[at] = value;
        await parseLora(fromBytes(bytes)).catch((error: unknown) => {
          expect(error instanceof LoraError || error instanceof SafetensorsError).toBe(true);
        });
      }),
      { numRuns: 2000 },
    );
  });
});

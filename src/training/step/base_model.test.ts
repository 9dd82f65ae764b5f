/** Loading: both layouts, three float types, one tensor at a time, cancelled, and what a damaged file gets. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromBytes, type ByteSource } from '../../formats/safetensors/byte_source';
import { mapCheckpoint } from '../../formats/checkpoint/checkpoint_kind';
import { f16ToF32, f32ToBf16 } from '../../formats/safetensors/halves';
import { readHeader } from '../../formats/safetensors/safetensors';
import { writeSafetensors, type TensorToWrite } from '../../formats/safetensors/safetensors_write';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { quantizeReference } from '../../kernels/frozen/frozen.reference';
import { codesIn } from '../../kernels/frozen/frozen.testing';
import { readInts, read, settled, simulate } from '../../kernels/program';
import {
  disposeParts,
  loadBaseModel,
  loadParts,
  planBaseModel,
  reserveParts,
  type BaseModel,
} from './base_model';
import { goldenSource } from '../golden_source.testing';
import { sd1Facts } from '../../formats/families/sd1';

const TINY = 'tiny-sd15.safetensors';

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

test('the configuration is read off the tensors', async () => {
  const model = await loadBaseModel([goldenSource(TINY)]);
  expect(model.unet.config).toEqual({
    inChannels: 4,
    outChannels: 4,
    blockChannels: [32, 32, 32, 32],
    layersPerBlock: 2,
    depths: [1, 1, 1, 0],
    middleDepth: 1,
    heads: [8, 8, 8, 8],
    linearProjection: false,
    contextChannels: 64,
    timeChannels: 128,
    addChannels: 0,
    attention: 'half',
  });
  expect(model.vae.config).toEqual({
    blockChannels: [32, 64, 32, 32],
    layersPerBlock: 1,
    latentChannels: 4,
    scaling: 0.18215,
    precision: 'half',
  });
  expect(model.text1.config).toMatchObject({
    hidden: 64,
    heads: 1,
    layers: 3,
    vocabulary: 1024,
    positions: 77,
  });
  dispose(model);
});

test('a diffusers folder, and F32 and BF16 copies, load as the single file does', async () => {
  const single = await loadBaseModel([goldenSource(TINY)]);
  const want = await fingerprint(single);
  dispose(single);
  for (const files of [await diffusersFiles(), [await converted('F32')]]) {
    const model = await loadBaseModel(files);
    expect(await fingerprint(model)).toEqual(want);
    dispose(model);
  }
  // BF16 keeps 8 bits: the same model, not the same numbers.
  const coarse = await loadBaseModel([await converted('BF16')]);
  const floats = await read(coarse.unet.weights.vector('conv_in.bias'));
  const exact = want.bias;
  floats.forEach((value, i) =>
    expect(Math.abs(value - exact[i])).toBeLessThanOrEqual(Math.abs(exact[i]) / 128),
  );
  dispose(coarse);
});

test('8-bit floats load as the halves they are', async () => {
  const bytes = (await tinyTensors()).map((tensor) => {
    if (tensor.dtype !== 'F16') return tensor;
    const halves = new Uint16Array(tensor.data.slice().buffer);
    return { ...tensor, dtype: 'F8_E5M2' as const, data: Uint8Array.from(halves, (half) => half >> 8) };
  });
  const model = await loadBaseModel([fromBytes(writeSafetensors(bytes))]);
  const single = await loadBaseModel([goldenSource(TINY)]);
  const [coarse, fine] = [await fingerprint(model), await fingerprint(single)];
  // Two halves in each word, cut to their upper bytes.
  expect([...coarse.conv]).toEqual([...fine.conv].map((word) => word & ~0x00ff00ff));
  dispose(model);
  dispose(single);
});

test('a VAE of its own takes the place of the checkpoint’s, or fills it', async () => {
  const all = await tinyTensors();
  const prefix = 'first_stage_model.';
  const own = all
    .filter(({ name }) => name.startsWith(prefix))
    .map((tensor) => ({
      ...tensor,
      data: Uint8Array.from(tensor.data, (byte, i) => (i % 2 ? byte ^ 0x80 : byte)),
    }));
  const file = (tensors: readonly TensorToWrite[]) => fromBytes(writeSafetensors(tensors));
  const bare = file(own.map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length) })));
  const without = file(all.filter(({ name }) => !name.startsWith(prefix)));
  const models = [];
  for (const files of [
    [goldenSource(TINY)],
    [goldenSource(TINY), bare],
    [without, bare],
    [without, file(own)],
  ]) {
    const model = await loadBaseModel(files);
    models.push(await fingerprint(model));
    dispose(model);
  }
  const [before, ...after] = models;
  // Every half's sign is turned.
  const turned = { ...before, attention: before?.attention.map((word) => word ^ 0x80008000) };
  for (const model of after) expect(model).toEqual(turned);
  await expect(planBaseModel([without])).rejects.toThrow(/^The base model lacks the VAE\. Give a VAE/);
  await expect(planBaseModel([goldenSource(TINY), goldenSource(TINY)])).rejects.toThrow(/Two of the files/);
});

test('values that are no number, or that no half holds, are refused by the tensor’s name', async () => {
  const all = await floatTensors();
  const loaded = (name: string, value: number) =>
    loadBaseModel([
      fromBytes(
        writeSafetensors(
          all.map((tensor) =>
            tensor.name === name ? { ...tensor, data: withValue(tensor.data, value) } : tensor,
          ),
        ),
      ),
    ]);
  const matrix = 'model.diffusion_model.middle_block.1.proj_in.weight';
  const bias = 'model.diffusion_model.out.0.bias';
  const before = gpu().buffers.numBytesAllocated;
  for (const name of [matrix, bias])
    for (const value of [NaN, -Infinity])
      await expect(loaded(name, value)).rejects.toMatchObject({
        code: 'non-finite',
        facts: { tensor: name, count: 1 },
      });
  await expect(loaded(matrix, 70000)).rejects.toMatchObject({
    code: 'too-large',
    facts: { tensor: matrix, count: 1 },
  });
  expect(gpu().buffers.numBytesAllocated).toBe(before);
  // The largest half, and what is kept as single precision anyway.
  dispose(await loaded(matrix, 65504));
  dispose(await loaded(bias, 70000));
});

test('shards are read as one', async () => {
  const files = await Promise.all(
    (await diffusersFiles()).map(async (source) => {
      const { tensors } = await readHeader(source);
      const all = await Promise.all(
        [...tensors.values()].map(async ({ name, dtype, shape, start, end }) => ({
          ...{ name, dtype, shape },
          data: new Uint8Array(await source.slice(start, end)),
        })),
      );
      return [0, 1].map((half) => fromBytes(writeSafetensors(all.filter((_, i) => i % 2 === half))));
    }),
  );
  const model = await loadBaseModel(files.flat());
  const single = await loadBaseModel([goldenSource(TINY)]);
  expect(await fingerprint(model)).toEqual(await fingerprint(single));
  dispose(model);
  dispose(single);
});

test('reads one tensor at a time, tells its progress in bytes, and ends at the total', async () => {
  const source = goldenSource(TINY);
  const { tensors } = await readHeader(source);
  const largest = Math.max(...[...tensors.values()].map(({ start, end }) => end - start));
  const slices: number[] = [];
  const watched: ByteSource = {
    byteLength: source.byteLength,
    slice: (start, end) => {
      slices.push(end - start);
      return source.slice(start, end);
    },
  };
  const progress: [number, number][] = [];
  const model = await loadBaseModel([watched], { onProgress: (done, total) => progress.push([done, total]) });
  const header = slices.slice(0, 2).reduce((a, b) => Math.max(a, b));
  expect(Math.max(...slices)).toBeLessThanOrEqual(Math.max(largest, header));
  expect(progress.every(([done], i) => i === 0 || done > (progress[i - 1]?.[0] ?? 0))).toBe(true);
  const [done, total] = progress[progress.length - 1] ?? [0, 1];
  expect(done).toBe(total);
  dispose(model);
});

test('cancelled half-way, it gives all GPU memory back', async () => {
  const stop = new AbortController();
  const loading = loadBaseModel([goldenSource(TINY)], {
    signal: stop.signal,
    onProgress: (done, total) => {
      if (done > total / 2) stop.abort(new Error('enough'));
    },
  });
  await expect(loading).rejects.toThrow('enough');
  expect(gpu().buffers.ledger().usedBytes).toBe(0);
});

test('quantized while it loads: the codes of the file’s halves, in as many bytes as were predicted', async () => {
  const plan = await planBaseModel([goldenSource(TINY)]);
  const tensors = new Map((await tinyTensors()).map((tensor) => [tensor.name, tensor.data]));
  for (const matrix of ['int8', 'nf4'] as const) {
    const asked = { ...plan, basePrecision: matrix };
    const before = gpu().buffers.ledger().usedBytes;
    const predicted = simulate(() => disposeParts(reserveParts(asked, ['unet']))).peakBytes;
    const base = await loadParts(asked, ['unet']);
    await settled();
    const ledger = gpu().buffers.ledger();
    expect(ledger.usedBytes - before).toBe(predicted);
    // Nothing is left of what was quantized.
    expect(ledger.allocatedBytes).toBe(ledger.usedBytes);
    const { weights } = base.unet;
    const path = 'up_blocks.0.resnets.0';
    const stored = (name: string) => weights.matrix(`${name}.weight`).storage;
    expect([stored(`${path}.conv_shortcut`), weights.conv(`${path}.conv1`).weight.storage]).toEqual([
      'int8',
      'int8',
    ]);
    // Inputs that are no whole blocks, and what everything passes through.
    expect([stored('down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q')]).toEqual(['half']);
    expect([stored('time_embedding.linear_2'), weights.conv('conv_out').weight.storage]).toEqual([
      'half',
      'half',
    ]);
    const attention = 'down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight';
    const key = plan.tensors.unet.get(attention)?.entry.name ?? '';
    const halves = new Uint16Array(tensors.get(key)?.slice().buffer ?? new ArrayBuffer(0));
    const want = quantizeReference(matrix, f16ToF32(halves));
    const weight = weights.matrix(attention);
    expect(weight).toMatchObject({ out: 32, in: 64, storage: matrix });
    expect(codesIn(matrix, await readInts(weight.data), want.codes.length)).toEqual(want.codes);
    disposeParts(base);
  }
});

test.each<[string, (tensors: TensorToWrite[]) => TensorToWrite[], RegExp]>([
  [
    'a missing tensor',
    (all) => all.filter(({ name }) => name !== 'model.diffusion_model.out.2.bias'),
    /conv_out\.bias" is missing/,
  ],
  ['no text encoder', (all) => all.filter(({ name }) => !name.startsWith('cond_stage')), /text/],
  [
    'a tensor of another shape',
    (all) =>
      all.map((t) =>
        t.name === 'model.diffusion_model.out.0.bias' ? { ...t, shape: [16], data: t.data.slice(0, 32) } : t,
      ),
    /conv_norm_out\.bias" is \[16\], expected \[32\]/,
  ],
  [
    'a weight that is not a number',
    (all) =>
      all.map((t) =>
        t.name === 'model.diffusion_model.out.2.weight'
          ? { ...t, data: new Uint8Array(t.data).fill(0xff) }
          : t,
      ),
    /not a number/,
  ],
  [
    'instruct-pix2pix',
    (all) =>
      all.map((t) =>
        t.name === 'model.diffusion_model.input_blocks.0.0.weight'
          ? { ...t, shape: [32, 8, 3, 3], data: new Uint8Array([...t.data, ...t.data]) }
          : t,
      ),
    /instruct-pix2pix.*8 channels/,
  ],
  ['no VAE', (all) => all.filter(({ name }) => !name.startsWith('first_stage')), /lacks the VAE\. Give/],
  [
    'quantized weights',
    (all) =>
      all.map((t) =>
        t.name === 'model.diffusion_model.out.2.weight'
          ? { ...t, dtype: 'I8' as const, data: t.data.slice(0, t.data.length / 2) }
          : t,
      ),
    /I8/,
  ],
])('%s is named', async (_, change, sentence) => {
  const file = fromBytes(writeSafetensors(change(await tinyTensors())));
  await expect(loadBaseModel([file])).rejects.toThrow(sentence);
  expect(gpu().buffers.ledger().usedBytes).toBe(0);
});

/** The bits of a convolution, a matrix and a bias: what layout and type must not change. */
async function fingerprint({ unet, vae, text1 }: BaseModel) {
  return {
    conv: await readInts(unet.weights.conv('down_blocks.1.resnets.0.conv1').weight.data),
    matrix: await readInts(text1.weights.linear('text_model.encoder.layers.2.mlp.fc2').weight.data),
    attention: await readInts(vae.weights.linear('decoder.mid_block.attentions.0.to_q').weight.data),
    bias: await read(unet.weights.vector('conv_in.bias')),
  };
}

async function tinyTensors(): Promise<TensorToWrite[]> {
  const source = goldenSource(TINY);
  const { tensors } = await readHeader(source);
  const all: TensorToWrite[] = [];
  for (const { name, dtype, shape, start, end } of tensors.values()) {
    all.push({ name, dtype, shape, data: new Uint8Array(await source.slice(start, end)) });
  }
  return all;
}

async function converted(dtype: 'F32' | 'BF16'): Promise<ByteSource> {
  return fromBytes(writeSafetensors(await floatTensors(dtype)));
}

async function floatTensors(dtype: 'F32' | 'BF16' = 'F32'): Promise<TensorToWrite[]> {
  return (await tinyTensors()).map((tensor) => {
    if (tensor.dtype !== 'F16') return tensor;
    const floats = f16ToF32(new Uint16Array(tensor.data.slice().buffer));
    const data = new Uint8Array(dtype === 'F32' ? floats.buffer : f32ToBf16(floats).buffer);
    return { ...tensor, dtype, data };
  });
}

/** F32 data with another last value. */
function withValue(data: Uint8Array, value: number): Uint8Array {
  const copy = data.slice();
  new DataView(copy.buffer).setFloat32(copy.length - 4, value, true);
  return copy;
}

/** unet, vae and text encoder each in a file of its own, names without prefix; VAE attention as matrices. */
async function diffusersFiles(): Promise<ByteSource[]> {
  const all = new Map((await tinyTensors()).map((tensor) => [tensor.name, tensor]));
  const { parts } = mapCheckpoint(all.keys(), sd1Facts);
  return (['unet', 'vae', 'text1'] as const).map((part) =>
    fromBytes(
      writeSafetensors(
        [...parts[part]].flatMap(([name, { key }]) => {
          const tensor = all.get(key);
          if (!tensor) return [];
          const matrix = part === 'vae' && /attentions\.0\.to_.*weight$/.test(name);
          return [{ ...tensor, name, shape: matrix ? tensor.shape.slice(0, 2) : tensor.shape }];
        }),
      ),
    ),
  );
}

function dispose({ unet, vae, text1 }: BaseModel): void {
  for (const { weights } of [unet, vae, text1]) weights.dispose();
}

/**
 * LoRAs side by side, with weights by block, resized by each rule, merged into models of every layout, and written. Long because
 * each of these asks for the same made-up LoRAs.
 */
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { toFloats } from '../safetensors/halves';
import { readHeader } from '../safetensors/safetensors';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';
import { withAdapterConfig } from '../lora/adapter_config';
import { parseLora, type LoraModule } from '../lora/kohya_lora';
import { smallTargets } from '../lora/small_model.testing';
import { changeNorm } from './change';
import { combineLoras } from './combine';
import { mergedMetadata, planMerge } from './merge_base';
import { keptOfAll, keptRank, resizeModule } from './resize';
import { summarizeLora, tagsIn } from './summary';
import { blockOf, emptyPlaces, parseWeights, weightOf, WeightsError } from './weights';
import { writeAs } from './written_as';

const targets = smallTargets();

/** Whole numbers, so that sums are exact. */
function modulesOf(rank: number, alpha: number, seed: number, of = targets): LoraModule[] {
  return of.map(({ name, inFeatures, outFeatures, conv }, index) => {
    const tail = conv ? [1, 1] : [];
    const whole = (i: number) => ((i * 7 + index * 3 + seed * 5) % 9) - 4;
    return {
      name,
      down: Float32Array.from({ length: rank * inFeatures }, (_, i) => whole(i)),
      downShape: [rank, inFeatures, ...tail],
      up: Float32Array.from({ length: outFeatures * rank }, (_, i) => whole(i + 11)),
      upShape: [outFeatures, rank, ...tail],
      alpha,
    };
  });
}

/** alpha / rank · up·down [out, in] */
function change({ up, down, alpha, upShape: [outputs, rank], downShape: [, inputs] }: LoraModule): number[] {
  return Array.from({ length: outputs * inputs }, (_, i) => {
    const [o, c] = [Math.floor(i / inputs), i % inputs];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += up[o * rank + k] * down[k * inputs + c];
    return (alpha / rank) * sum;
  });
}

const length = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe('weights', () => {
  it('go by block, then by part', () => {
    const weights = parseWeights('0.9, unet=0.5,mid=0,up1=-2,te3=0.25');
    const names: [string, number][] = [
      ['lora_unet_down_blocks_2_attentions_0_proj_in', 0.5],
      ['lora_unet_mid_block_attentions_0_proj_in', 0],
      ['lora_unet_up_blocks_1_attentions_0_proj_in', -2],
      ['lora_te_text_model_encoder_layers_3_mlp_fc1', 0.25],
      ['lora_te_text_model_encoder_layers_11_mlp_fc1', 0.9],
    ];
    for (const [name, weight] of names) expect(weightOf(weights, name), name).toBe(weight);
    expect(blockOf('lora_te_text_model_encoder_layers_11_mlp_fc1')).toEqual({ part: 'te', block: 'te11' });
    expect(weightOf(parseWeights('1.5'), 'lora_unet_mid_block_x')).toBe(1.5);
  });

  it.each(['', 'x', 'unet', 'unet=', 'mid=1=2', 'middle=1', '1,,2', 'te=NaN', 'down=1'])(
    'refuses %j',
    (text) => {
      expect(() => parseWeights(text)).toThrow(WeightsError);
    },
  );
});

describe('places of weights', () => {
  const layer = (encoder: string, index: number) =>
    `lora_${encoder}_text_model_encoder_layers_${index}_mlp_fc1`;
  const one = [...targets.map(({ name }) => name), layer('te', 0), layer('te', 11)];
  const two = ['lora_unet_input_blocks_4_1_proj_in', layer('te1', 2), layer('te2', 2), layer('te2', 31)];

  it('of two text encoders: te both, te1 and te2 the whole of one, te1.2 and te2.31 layers', () => {
    const weights = parseWeights('te=0.5,te2=0,te2.31=2,unet=3');
    expect(two.map((name) => weightOf(weights, name))).toEqual([3, 0.5, 0, 2]);
    expect(two.map((name) => weightOf(parseWeights('te1=0'), name))).toEqual([1, 0, 1, 1]);
  });

  it('of one: te2 is its third layer, as before', () => {
    const weights = parseWeights('te2=0');
    expect([layer('te', 2), layer('te', 11), layer('te', 1)].map((name) => weightOf(weights, name))).toEqual([
      0, 1, 1,
    ]);
  });

  it.each(['te2.0=0', 'te1.3=1', 'te12=1', 'down4=0', 'up11=1'])(
    '%s is refused for a LoRA of SD 1.x',
    (text) => {
      expect(() => emptyPlaces(parseWeights(text), one)).toThrow(
        /^there is no "[^"]+" in this LoRA: it has te \(te0, te11\), unet \(down0, mid, up1\)\.$/,
      );
    },
  );

  it.each(['te0=0', 'te11=1', 'te2.32=1', 'te1.12=0', 'te3.0=1', 'down7=1'])(
    '%s is refused for one of SDXL',
    (text) => {
      expect(() => emptyPlaces(parseWeights(text), two)).toThrow(
        /it has te1 \(te1\.2\), te2 \(te2\.2, te2\.31\), unet \(down1\)\.$/,
      );
    },
  );

  it('of SD 2.x’s text encoder the layers to te22 are known', () => {
    const deep = [layer('te', 0), layer('te', 13)];
    expect(emptyPlaces(parseWeights('te13=0,te22=1'), deep)).toEqual(['te22']);
    expect(() => emptyPlaces(parseWeights('te23=1'), deep)).toThrow(/there is no "te23"/);
  });

  it('that a model has and a LoRA does not change are told, and no error', () => {
    expect(
      emptyPlaces(parseWeights('0.5,unet=1,te=0,te3=1,mid=0'), ['lora_unet_mid_block_attentions_0_proj_in']),
    ).toEqual(['te', 'te3']);
    expect(emptyPlaces(parseWeights('te1=0,te2=1,down1=2,up3=0'), two)).toEqual(['up3']);
  });
});

describe('several into one', () => {
  it('is the weighted sum of their changes, exactly, whatever their ranks', () => {
    const [a, b] = [modulesOf(2, 4, 1), modulesOf(4, 2, 2).slice(3)];
    const combined = combineLoras([
      { modules: a, weights: parseWeights('0.5') },
      { modules: b, weights: parseWeights('2,mid=0') },
    ]);
    expect(combined).toHaveLength(a.length);
    for (const module of combined) {
      const { block } = blockOf(module.name);
      const first = a.find(({ name }) => name === module.name);
      const second = block === 'mid' ? undefined : b.find(({ name }) => name === module.name);
      expect(module).toMatchObject({ alpha: second ? 6 : 2 });
      const [x, y] = [first ? change(first) : [], second ? change(second) : []];
      expect(change(module)).toEqual(x.map((value, i) => 0.5 * value + 2 * (y[i] ?? 0)));
    }
  });

  it('is refused for LoRAs of different models', () => {
    const other = modulesOf(2, 2, 1, smallTargets(64));
    const weights = parseWeights('1');
    expect(() =>
      combineLoras([
        { modules: modulesOf(2, 2, 1), weights },
        { modules: other, weights },
      ]),
    ).toThrow(/other widths/);
  });
});

describe('resizing', () => {
  const values = Float64Array.of(4, 3, 1, 0.5, 0);
  it.each([
    [{ rank: 2 }, 2],
    [{ rank: 9 }, 5],
    [{ share: 1 }, 4],
    [{ share: 0.9 }, 2],
    [{ share: 0.01 }, 1],
    [{ share: 0.99, rank: 1 }, 1],
    [{ threshold: 0.25 }, 3],
    [{ threshold: 0.5, share: 1 }, 2],
    [{ threshold: 0 }, 5],
  ])('%j keeps %i of 4, 3, 1, 0.5, 0', (rule, count) => {
    expect(keptRank(values, rule)).toBe(count);
  });

  it('says what is lost, of one and of all, and leaves what is small enough as it is', () => {
    const modules = modulesOf(6, 3, 4).slice(0, 12);
    const resized = modules.map((module) => resizeModule(module, { rank: 2 }));
    for (const [index, { module, kept, norm }] of resized.entries()) {
      expect(norm).toBeCloseTo(changeNorm(modules[index]), 6);
      expect(changeNorm(module) / norm).toBeCloseTo(kept, 6);
      // What is left and what was lost are at right angles.
      const left = change(module);
      const lost = change(modules[index]).map((value, i) => value - left[i]);
      expect(length(lost) / norm).toBeCloseTo(Math.sqrt(1 - kept * kept), 5);
    }
    const whole = Math.hypot(...resized.map(({ norm }) => norm));
    expect(keptOfAll(resized)).toBeCloseTo(
      Math.hypot(...resized.map(({ module }) => changeNorm(module))) / whole,
      6,
    );
    expect(resizeModule(modules[0], { rank: 6 }).module).toBe(modules[0]);
  }, 20_000);

  it('of nothing is nothing', () => {
    const [module] = modulesOf(3, 3, 1);
    const none = { ...module, up: module.up.map(() => 0) };
    const { module: resized, kept } = resizeModule(none, { share: 0.9 });
    expect(kept).toBe(1);
    expect(change(resized).every((value) => value === 0)).toBe(true);
  });
});

describe('into a base model', () => {
  const ldm: Record<string, string> = {
    'mid_block.attentions.0': 'model.diffusion_model.middle_block.1',
    'down_blocks.0.attentions.0': 'model.diffusion_model.input_blocks.1.1',
    'up_blocks.1.attentions.0': 'model.diffusion_model.output_blocks.3.1',
    'up_blocks.1.attentions.1': 'model.diffusion_model.output_blocks.4.1',
    'text_model.encoder': 'cond_stage_model.transformer.text_model.encoder',
  };
  const inLdm = (path: string) => {
    const from = Object.keys(ldm).find((start) => path.startsWith(`${start}.`)) ?? '';
    return `${ldm[from]}${path.slice(from.length)}.weight`;
  };
  const inDiffusers = (path: string, part: string) =>
    `${part === 'unet' ? 'unet' : 'text_encoder'}.${path}.weight`;

  const weight = (
    name: string,
    dtype: 'F16' | 'F32' | 'BF16' | 'F64',
    shape: number[],
    value: number,
  ): TensorToWrite => {
    const count = shape.reduce((a, b) => a * b, 1);
    const bits = { F16: 0x4400 + value, BF16: 0x4080 + value };
    const data =
      dtype === 'F32'
        ? new Float32Array(count).fill(4 + value)
        : dtype === 'F64'
          ? new Float64Array(count).fill(4 + value)
          : new Uint16Array(count).fill(bits[dtype]);
    return { name, dtype, shape, data: new Uint8Array(data.buffer) };
  };

  const conv = weight('model.diffusion_model.input_blocks.0.0.weight', 'F16', [8, 4, 3, 3], 1);
  const base = (dtype: 'F16' | 'F32' | 'BF16' | 'F64', named: (path: string, part: string) => string) =>
    writeSafetensors(
      [
        ...targets.map(({ path, part, conv: pixel, inFeatures, outFeatures }) =>
          weight(named(path, part), dtype, [outFeatures, inFeatures, ...(pixel ? [1, 1] : [])], 0),
        ),
        named === inLdm ? conv : { ...conv, name: 'unet.conv_in.weight' },
      ],
      { 'modelspec.title': 'a base', 'modelspec.hash_sha256': '0x12', note: 'kept' },
    );

  async function merge(bytes: Uint8Array, modules: LoraModule[], weights: string) {
    const [file] = await planMerge([fromBytes(bytes)], [{ modules, weights: parseWeights(weights) }], (own) =>
      mergedMetadata(own, ['base', 'lora']),
    );
    const pieces: Uint8Array[] = [];
    for await (const piece of file.pieces()) pieces.push(piece);
    return { file, merged: new Uint8Array(Buffer.concat(pieces)) };
  }

  it.each([
    ['LDM', 'F32', inLdm],
    ['LDM', 'F16', inLdm],
    ['LDM', 'BF16', inLdm],
    ['LDM', 'F64', inLdm],
    ['diffusers', 'F32', inDiffusers],
  ] as const)('of %s in %s', async (_, dtype, named) => {
    const modules = modulesOf(2, 2, 3);
    const { file, merged } = await merge(base(dtype, named), modules, 'unet=0.5,te=2');
    const header = await readHeader(fromBytes(merged));
    expect(merged.length).toBe(file.bytes);
    expect(header.metadata).toEqual({
      'modelspec.title': 'a base',
      'modelspec.merged_from': 'base, lora',
      note: 'kept',
    });
    for (const { name, path, part } of targets) {
      const entry = header.tensors.get(named(path, part));
      const module = modules.find((each) => each.name === name);
      if (!entry || !module) throw new Error(`${name} is not there`);
      expect(entry.dtype).toBe(dtype);
      const wanted = change(module).map((value) => 4 + (part === 'unet' ? 0.5 : 2) * value);
      const got = toFloats(merged.slice(entry.start, entry.end).buffer, dtype);
      // Such numbers are exact in each type but bfloat16, which has 8 bits.
      const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(got[i] - value)), 0);
      expect(worst).toBeLessThanOrEqual(dtype === 'BF16' ? 0.5 : 0);
    }
    const untouched = header.tensors.get(named === inLdm ? conv.name : 'unet.conv_in.weight');
    expect(merged.slice(untouched?.start, untouched?.end)).toEqual(conv.data);
  });

  it('several at once, each with its weights', async () => {
    const [a, b] = [modulesOf(2, 2, 3), modulesOf(4, 8, 5).slice(5)];
    const both = [
      { modules: a, weights: parseWeights('0.5') },
      { modules: b, weights: parseWeights('unet=-1,te=0') },
    ];
    const [file] = await planMerge([fromBytes(base('F32', inLdm))], both, (own) => ({ ...own }));
    const pieces: Uint8Array[] = [];
    for await (const piece of file.pieces()) pieces.push(piece);
    const merged = new Uint8Array(Buffer.concat(pieces));
    const { tensors } = await readHeader(fromBytes(merged));
    for (const [index, { path, part, name }] of targets.entries()) {
      const entry = tensors.get(inLdm(path));
      const other = part === 'unet' ? b.find((each) => each.name === name) : undefined;
      const [x, y] = [change(a[index]), other ? change(other) : []];
      const got = toFloats(merged.slice(entry?.start, entry?.end).buffer, 'F32');
      const wrong = x.findIndex((value, i) => got[i] !== 4 + 0.5 * value - (y[i] ?? 0));
      expect([got.length, wrong], name).toEqual([x.length, -1]);
    }
  });

  it('at weight 0 changes no byte but the metadata', async () => {
    const bytes = base('F16', inLdm);
    const { file, merged } = await merge(bytes, modulesOf(2, 2, 3), '0');
    expect(file.changed).toBe(0);
    const from = async (whole: Uint8Array) => whole.slice((await readHeader(fromBytes(whole))).dataStart);
    expect(await from(merged)).toEqual(await from(bytes));
  });

  it('is refused where a layer is lacking, too coarse, or a weight would not fit', async () => {
    await expect(merge(base('F16', inLdm), modulesOf(2, 2, 3, smallTargets(64)), '1')).rejects.toMatchObject({
      code: 'wrong-shape',
    });
    await expect(merge(base('F16', inLdm), modulesOf(2, 2e5, 3), '1')).rejects.toMatchObject({
      code: 'non-finite',
    });
    // Damage of the base model is named as that: no smaller weight would help.
    const broken = base('F16', inLdm);
    const { dataStart, tensors } = await readHeader(fromBytes(broken));
    const { name = '', start = dataStart } = tensors.get(inLdm(targets[0].path)) ?? {};
    broken.set([0, 0x7e], start);
    await expect(merge(broken, modulesOf(2, 2, 3), '1')).rejects.toMatchObject({
      code: 'non-finite',
      facts: { tensor: name, count: 1 },
      message: expect.stringMatching(/has 1 value that is infinite.*damaged/),
    });
    const coarse = targets.map(({ path, conv: pixel, inFeatures, outFeatures }) => ({
      ...weight(inLdm(path), 'F16', [outFeatures, inFeatures, ...(pixel ? [1, 1] : [])], 0),
      dtype: 'F8_E4M3' as const,
      data: new Uint8Array(outFeatures * inFeatures),
    }));
    await expect(merge(writeSafetensors([...coarse, conv]), modulesOf(2, 2, 3), '1')).rejects.toMatchObject({
      code: 'not-float',
    });
  });
});

describe('written', () => {
  const uneven = [...modulesOf(2, 1, 1).slice(0, 5), ...modulesOf(4, 3, 1).slice(5)];
  const same = (a: readonly LoraModule[], b: readonly LoraModule[]) => {
    expect(a.map(({ name }) => name).sort()).toEqual(b.map(({ name }) => name).sort());
    for (const module of a) {
      const other = b.find(({ name }) => name === module.name);
      expect(other && change(other)).toEqual(change(module));
    }
  };
  const lora = (modules: LoraModule[]) => ({
    family: 'sd1' as const,
    modules,
    precision: 'float' as const,
    metadata: { ss_note: 'x' },
  });

  it.each(['kohya', 'diffusers'] as const)('as %s it reads back the same', async (writing) => {
    const [{ bytes }] = await writeAs(writing, lora(uneven));
    const back = await parseLora(fromBytes(bytes));
    same(uneven, back.modules);
    expect(back.metadata).toMatchObject({ ss_note: 'x' });
    const names = [...(await readHeader(fromBytes(bytes))).tensors.keys()];
    expect(
      names.some((name) =>
        name.startsWith(writing === 'kohya' ? 'lora_te_text_model' : 'text_encoder.text_model.'),
      ),
    ).toBe(true);
    if (writing === 'diffusers') expect(names.every((name) => /\.lora_[AB]\.weight$/.test(name))).toBe(true);
  });

  it.each([
    ['alike', modulesOf(4, 8, 2), 8, {}],
    ['uneven', uneven, 4, expect.objectContaining({ 'down_blocks.0.attentions.0.proj_in': 2 }) as unknown],
  ])('as peft, ranks and alphas %s, it reads back the same', async (_, modules, alpha, pattern) => {
    const files = await writeAs('peft', lora(modules));
    expect(files.map(({ path }) => path).sort()).toEqual(
      ['text_encoder', 'unet'].flatMap((part) => [
        `${part}/adapter_config.json`,
        `${part}/adapter_model.safetensors`,
      ]),
    );
    const read: LoraModule[] = [];
    for (const part of ['unet', 'text_encoder']) {
      const bytesOf = (name: string) =>
        files.find(({ path }) => path === `${part}/${name}`)?.bytes ?? new Uint8Array();
      const config = new TextDecoder().decode(bytesOf('adapter_config.json'));
      const { modules: own } = await parseLora(
        await withAdapterConfig(fromBytes(bytesOf('adapter_model.safetensors')), config),
      );
      const names = [...(await readHeader(fromBytes(bytesOf('adapter_model.safetensors')))).tensors.keys()];
      // As transformers 5 calls them.
      if (part === 'text_encoder') expect(names[0]).toMatch(/^base_model\.model\.encoder\.layers\.0\./);
      read.push(...own);
      if (part === 'unet') {
        expect(JSON.parse(config)).toMatchObject({ r: 4, lora_alpha: alpha, rank_pattern: pattern });
      }
    }
    same(modules, read);
  });

  it('flat convolutions get the sides that they have in a model', async () => {
    const flat = modulesOf(2, 2, 1).map((module) => ({
      ...module,
      downShape: module.downShape.slice(0, 2),
      upShape: module.upShape.slice(0, 2),
    }));
    const [{ bytes }] = await writeAs('diffusers', lora(flat));
    const { tensors } = await readHeader(fromBytes(bytes));
    expect(tensors.get('unet.mid_block.attentions.0.proj_in.lora_A.weight')?.shape).toEqual([2, 64, 1, 1]);
  });

  it('a name that no model has is refused', async () => {
    const [module] = modulesOf(2, 2, 1);
    await expect(writeAs('diffusers', lora([{ ...module, name: 'lora_unet_other' }]))).rejects.toMatchObject({
      code: 'unknown-module',
    });
  });
});

describe('summary', () => {
  it('adds norms up by block, in the order of the model', async () => {
    const [{ bytes }] = await writeAs('kohya', {
      family: 'sd1',
      modules: modulesOf(2, 1, 1),
      precision: 'float',
      metadata: { ss_tag_frequency: '{"1_a": {"fox": 2, "tree": 5}, "2_b": {"fox": 4}}' },
    });
    const summary = await summarizeLora(await parseLora(fromBytes(bytes)));
    expect(summary.blocks.map(({ block }) => block)).toEqual(['te0', 'down0', 'mid', 'up1']);
    expect(Math.hypot(...summary.blocks.map(({ norm }) => norm))).toBeCloseTo(summary.norm, 6);
    const [first] = summary.modules;
    const module = modulesOf(2, 1, 1).find(({ name }) => name === first.name);
    expect(first.norm).toBeCloseTo(length(module ? change(module) : []), 6);
    expect(summary).toMatchObject({ ranks: { least: 2, most: 2 }, alphas: { least: 1, most: 1 } });
    expect(summary.tags).toEqual([
      { tag: 'fox', count: 6 },
      { tag: 'tree', count: 5 },
    ]);
  });

  it('takes no harm from tags that are none', () => {
    for (const text of [undefined, '', '[]', '{"a": 1}', '{"a": {"b": "c"}}', '{"a": {"b": -1}}'])
      expect(tagsIn(text)).toEqual([]);
  });
});

/** A LoRA that goes on begins with the effect it had, whatever its ranks, alphas and names; one that cannot is refused early. */
import { expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { targetsInCheckpoint, type LoraTarget } from '../../formats/lora/lora_targets';
import { defaultConfig } from '../../formats/config/config';
import { buildLoraFile, parseLora, type LoraModule } from '../../formats/lora/kohya_lora';
import { readHeader } from '../../formats/safetensors/safetensors';
import { writeSafetensors } from '../../formats/safetensors/safetensors_write';
import { planBaseModel } from './base_model';
import { goldenSource } from '../golden_source.testing';
import { continuedLora, freshLora, judgeLora, loraShapes, targetsOf } from './lora_file';

const plan = await planBaseModel([goldenSource('tiny-sd15.safetensors')]);
const config = { ...defaultConfig(), lora_rank: 6, train_text_encoder: true };
const shapes = loraShapes(plan, config);

/** Every layer with a rank of its own, 1 to 4, and alphas that are not the ranks. */
const mixed = () => layers((index) => 1 + (index % 4));

function layers(rankOf: (index: number) => number): LoraModule[] {
  return targetsOf(plan).map(({ name, inFeatures, outFeatures, conv }, index) => {
    const rank = rankOf(index);
    const kernel = conv ? [1, 1] : [];
    return {
      name,
      down: Float32Array.from({ length: rank * inFeatures }, (_, i) => Math.sin(i + index)),
      downShape: [rank, inFeatures, ...kernel],
      up: Float32Array.from({ length: outFeatures * rank }, (_, i) => Math.cos(i * 0.7 + index)),
      upShape: [outFeatures, rank, ...kernel],
      alpha: 0.5 + (index % 3),
    };
  });
}

/** scale * up @ down, [out, in]. */
function change(down: Float32Array, up: Float32Array, rank: number, scale: number): number[] {
  const [inputs, out] = [down.length / rank, up.length / rank];
  return Array.from({ length: out * inputs }, (_, at) => {
    const [o, i] = [Math.floor(at / inputs), at % inputs];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += up[o * rank + r] * down[r * inputs + i];
    return scale * sum;
  });
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0);
}

test.each([6, 8, 3.5])(
  'a lower rank is padded to the run’s; with alpha %d the effect is the same',
  async (alpha) => {
    const file = fromBytes(
      await buildLoraFile({ modules: layers(() => 3), precision: 'float', metadata: {} }),
    );
    const byName = new Map((await parseLora(file)).modules.map((module) => [module.name, module]));
    const { kept, values: begin } = await continuedLora(file, plan, config);
    expect(kept).toBeUndefined();
    const fresh = freshLora(plan.family, config.seed);
    for (const shape of loraShapes(plan, { ...config, lora_alpha: alpha })) {
      const { down, up } = begin(shape);
      expect([down.length, up.length]).toEqual([6 * shape.in, 6 * shape.out]);
      const of = byName.get(shape.name);
      if (!of) throw new Error(shape.path);
      const was = change(of.down, of.up, of.rank, of.alpha / of.rank);
      expect(largestDifference(change(down, up, 6, alpha / 6), was)).toBeLessThan(1e-5);
      // What is new can learn: its rows in `down` are those of a new LoRA.
      expect(down.subarray(of.rank * shape.in)).toEqual(fresh(shape).down.subarray(of.rank * shape.in));
    }
  },
);

test('ranks that differ among each other are kept, with their alphas, and nothing is touched', async () => {
  const file = fromBytes(await buildLoraFile({ modules: mixed(), precision: 'float', metadata: {} }));
  const { kept, values: begin } = await continuedLora(file, plan, { ...config, lora_rank: 1 });
  const own = loraShapes(plan, config, kept);
  expect(own).toHaveLength(shapes.length);
  const byName = new Map(mixed().map((module) => [module.name, module]));
  for (const shape of own) {
    const of = byName.get(shape.name);
    expect([shape.rank, shape.alpha]).toEqual([of?.downShape[0], of?.alpha]);
    expect(begin(shape)).toEqual({ down: of?.down, up: of?.up });
  }
});

test('a part keeps its modules only; one that the LoRA lacks is trained as the settings say', async () => {
  // As with kohya's block_dims: a block of dimension 0 has no module.
  const some = mixed().filter(({ name }) => /^lora_unet_(up|mid)/.test(name));
  const file = fromBytes(await buildLoraFile({ modules: some, precision: 'float', metadata: {} }));
  const { kept, values: begin } = await continuedLora(file, plan, config);
  const own = loraShapes(plan, { ...config, lora_alpha: 2 }, kept);
  expect(own.filter(({ part }) => part === 'unet').map(({ name }) => name)).toEqual(
    some.map(({ name }) => name),
  );
  const text = own.filter(({ part }) => part === 'text1');
  expect(text).toHaveLength(18);
  expect(new Set(text.map(({ rank, alpha }) => `${rank} ${alpha}`))).toEqual(new Set(['6 2']));
  const [first] = text;
  if (!first) throw new Error('no layer');
  expect(begin(first)).toEqual(freshLora(plan.family, config.seed)(first));
});

test('of its own rank and alpha nothing is touched', async () => {
  const modules = mixed().map((module, i) => ({ ...module, ...of(module, i) }));
  const file = fromBytes(await buildLoraFile({ modules, precision: 'float', metadata: {} }));
  const { values: begin } = await continuedLora(file, plan, config);
  const [first] = shapes;
  const target = targetsOf(plan).find(({ path }) => path === first?.path);
  const module = modules.find(({ name }) => name === target?.name);
  if (!first || !module) throw new Error('no layer');
  expect(begin(first)).toEqual({ down: module.down, up: module.up });

  function of({ downShape, upShape }: LoraModule, index: number) {
    const [inputs = 0, out = 0] = [downShape[1], upShape[0]];
    return {
      down: Float32Array.from({ length: 6 * inputs }, (_, i) => Math.sin(i * 0.3 + index)),
      downShape: [6, ...downShape.slice(1)],
      up: Float32Array.from({ length: 6 * out }, (_, i) => Math.cos(i + index)),
      upShape: [out, 6, ...upShape.slice(2)],
      alpha: 6,
    };
  }
});

test('names of diffusers and of kohya begin alike', async () => {
  const [one] = shapes.filter(({ part }) => part === 'unet');
  const target = targetsOf(plan).find(({ path }) => path === one?.path);
  if (!one || !target) throw new Error('no layer');
  const values = (length: number, at: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * at));
  const tensors = (down: string, up: string) =>
    fromBytes(
      writeSafetensors([
        {
          name: down,
          dtype: 'F32',
          shape: [2, one.in],
          data: new Uint8Array(values(2 * one.in, 0.3).buffer),
        },
        {
          name: up,
          dtype: 'F32',
          shape: [one.out, 2],
          data: new Uint8Array(values(2 * one.out, 0.7).buffer),
        },
      ]),
    );
  const kohya = tensors(`${target.name}.lora_down.weight`, `${target.name}.lora_up.weight`);
  const peft = tensors(`unet.${one.path}.lora_A.weight`, `unet.${one.path}.lora_B.weight`);
  const begins = await Promise.all([kohya, peft].map((file) => continuedLora(file, plan, config)));
  const [a, b] = begins.map(({ values }) => values(one));
  expect(a).toEqual(b);
  expect(a?.up.some((value) => value !== 0)).toBe(true);
});

test('the layers read off a checkpoint’s tensors are those of its configuration', async () => {
  for (const file of ['tiny-sd15.safetensors', '../../public/demo/base.safetensors']) {
    const source = goldenSource(file);
    const order = (targets: LoraTarget[]) => targets.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const { tensors } = await readHeader(source);
    expect(order(targetsInCheckpoint([tensors]))).toEqual(order(targetsOf(await planBaseModel([source]))));
  }
});

test('the header is judged without a byte of the weights', async () => {
  const bytes = await buildLoraFile({ modules: mixed(), precision: 'fp16', metadata: {} });
  const headerEnd = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  let reached = 0;
  const watched = {
    byteLength: bytes.byteLength,
    slice: (start: number, end: number) => {
      reached = Math.max(reached, end);
      return bytes.slice(start, end).buffer;
    },
  };
  expect((await judgeLora(watched, plan, { lora_rank: 4 })).layers).toHaveLength(targetsOf(plan).length);
  // Ranks of its own, whatever the settings say.
  expect((await judgeLora(watched, plan, { lora_rank: 1 })).layers).toHaveLength(targetsOf(plan).length);
  const other = { ...plan, unet: { ...plan.unet, contextChannels: 96 } };
  await expect(judgeLora(watched, other, { lora_rank: 4 })).rejects.toMatchObject({ code: 'wrong-shape' });
  expect(reached).toBe(headerEnd);
});

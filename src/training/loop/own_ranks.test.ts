/** A LoRA whose modules differ in rank and alpha is continued as it is, drawn with, saved, and resumed to the same bytes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { buildLoraFile, parseLora, type LoraModule } from '../../formats/lora/kohya_lora';
import { readHeader } from '../../formats/safetensors/safetensors';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { goldenSource } from '../golden_source.testing';
import { bytesOf, collect, of, shortRun } from '../run.testing';
import { planBaseModel } from '../step/base_model';
import { targetsOf } from '../step/lora_file';
import { stream } from '../step/random';

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

/** Ranks 1 to 4 and alphas of their own; with `padded`, of the same effect at rank 4. */
async function lora(padded: boolean): Promise<LoraModule[]> {
  const targets = targetsOf(await planBaseModel([goldenSource('tiny-sd15.safetensors')]));
  return targets
    .filter(({ part }) => part === 'unet')
    .map(({ name, inFeatures, outFeatures, conv }, index) => {
      const rank = 1 + (index % 4);
      const alpha = 0.5 + (index % 3);
      const to = padded ? 4 : rank;
      const random = stream(5, 'own ranks', name);
      const down = random.fillUniform(new Float32Array(rank * inFeatures), -0.2, 0.2);
      const up = random.fillUniform(new Float32Array(outFeatures * rank), -0.2, 0.2);
      const wide = new Float32Array(outFeatures * to);
      up.forEach((value, at) => (wide[Math.floor(at / rank) * to + (at % rank)] = value));
      const tall = new Float32Array(to * inFeatures);
      tall.set(down);
      const kernel = conv ? [1, 1] : [];
      return {
        name,
        down: tall,
        downShape: [to, inFeatures, ...kernel],
        up: wide,
        upShape: [outFeatures, to, ...kernel],
        alpha: (alpha * to) / rank,
      };
    });
}

const fileOf = async (padded: boolean) =>
  fromBytes(await buildLoraFile({ modules: await lora(padded), precision: 'float', metadata: {} }));

const SETTINGS = {
  lora_rank: 2,
  lora_alpha: 7,
  max_train_steps: 2,
  save_steps: 1,
  save_precision: 'float',
} as const;

test('it keeps them, and says so', async () => {
  const still = { ...SETTINGS, max_train_steps: 1, learning_rate: 1e-12, lr_warmup_steps: 0 };
  const events = await collect(shortRun(still, { pretrained: await fileOf(false) }));
  expect(of(events, 'plan')[0]?.plan).toMatchObject({ loraModules: 192, loraRanks: { least: 1, most: 4 } });
  expect(of(events, 'note').map(({ error }) => error)).toEqual([
    { name: 'KeptRanks', code: 'kept', facts: { least: 1, most: 4, anew: 0 } },
  ]);
  const saved = fromBytes(await bytesOf(of(events, 'saved').at(-1)?.lora));
  const { modules, metadata } = await parseLora(saved);
  expect(metadata).toMatchObject({ ss_network_dim: 'Dynamic', ss_network_alpha: 'Dynamic' });
  const byName = new Map(modules.map((module) => [module.name, module]));
  // A rate so small moves values by 1e-12 at most: what comes out is what went in.
  const apart = (a: ArrayLike<number>, b: ArrayLike<number> = []) =>
    Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? NaN))));
  for (const { name, down, downShape, up, upShape, alpha } of await lora(false)) {
    const of = byName.get(name);
    expect(of).toMatchObject({ downShape, upShape, alpha });
    expect(apart(down, of?.down)).toBeLessThan(1e-10);
    expect(apart(up, of?.up)).toBeLessThan(1e-10);
  }
});

test('samples are those of the same LoRA in one rank', async () => {
  const drawn = {
    ...SETTINGS,
    lora_rank: 4,
    lora_alpha: 4,
    // Its mask is by place, and places differ with the rank: a sample is drawn without it.
    lora_dropout: 0.5,
    max_train_steps: 1,
    sample_prompts: ['red'],
    sample_every_n_steps: 1,
    sample_steps: 2,
  };
  const pictures: Uint8ClampedArray[] = [];
  for (const more of [{ pretrained: await fileOf(false) }, { pretrained: await fileOf(true) }, {}]) {
    const [first] = of(await collect(shortRun(drawn, more)), 'sample');
    if (first?.step !== 0) throw new Error('no sample before the first step');
    pictures.push(first.rgba);
  }
  const [own, one, none] = pictures;
  const apart = (a: Uint8ClampedArray | undefined, b: Uint8ClampedArray | undefined) =>
    Math.max(...Array.from(a ?? [], (value, i) => Math.abs(value - (b?.[i] ?? NaN))));
  expect(apart(own, one)).toBeLessThanOrEqual(1);
  expect(apart(own, none)).toBeGreaterThan(8);
});

test('resumed it gives the bytes of the whole run, whatever rank and alpha the settings say by then', async () => {
  const whole = await collect(shortRun(SETTINGS, { pretrained: await fileOf(false) }));
  const [first, last] = of(whole, 'saved');
  const state = fromBytes(await bytesOf(first?.state));
  const again = await collect(shortRun({ ...SETTINGS, lora_rank: 9, lora_alpha: null }, { state }));
  expect(of(again, 'plan')[0]?.plan.loraRanks).toEqual({ least: 1, most: 4 });
  expect(of(again, 'note')).toEqual([]);
  const tensors = async (saved: typeof last, file: 'lora' | 'state') => {
    const bytes = await bytesOf(saved?.[file]);
    const header = await readHeader(fromBytes(bytes));
    return [...header.tensors.values()].map(({ name, start, end }) => [name, bytes.slice(start, end)]);
  };
  const [resumed] = of(again, 'saved').slice(-1);
  expect(await tensors(resumed, 'lora')).toEqual(await tensors(last, 'lora'));
  expect(await tensors(resumed, 'state')).toEqual(await tensors(last, 'state'));
});

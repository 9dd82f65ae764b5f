/** Fifty steps leave memory as it was after the first; what is predicted is what the ledger then shows. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { overrideManyKeys } from '../../kernels/attention/attention';
import { read, trim } from '../../kernels/program';
import { LoraParameters } from '../../models/lora';
import { unetBlocks } from '../../models/unet';
import { loadParts, planBaseModel, type BaseModelPlan } from './base_model';
import { encodeLatents } from '../data/latents';
import { decodeLatents, LEAST_TILE, sampleLatents, sampleNoise } from '../sampling/sample';
import { defaultConfig } from '../../formats/config/config';
import { GOLDEN_STEP } from '../described.testing';
import { goldenSource } from '../golden_source.testing';
import { freshLora, loraShapes } from './lora_file';
import { fitMemory, MemoryBudgetError } from '../plan/fit_memory';
import { predictions, predictMemory, walkStep, type MemoryRequest } from '../plan/memory';
import { createOptimizer, disposeOptimizer, readOptimizer, readReport, setHyper, update } from './optimizer';
import { stream } from './random';
import { StepEngine, type MicroBatch, type StepSettings } from './step';

const SETTINGS: StepSettings = { ...GOLDEN_STEP, activations: 'single', record: true };

const UNET_ALONE = { train_unet: true, train_text_encoder: false, lora_rank: 4, lora_alpha: null };

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

test('tf.memory() and the ledger are flat over fifty steps of two bucket shapes', async () => {
  const plan = await planBaseModel([goldenSource('tiny-sd15.safetensors')]);
  const base = await loadParts(plan, ['unet']);
  const lora = new LoraParameters(loraShapes(plan, UNET_ALONE));
  lora.set(freshLora(plan.family, 1));
  const optimizer = createOptimizer('adamw', lora, false);
  const engine = new StepEngine(base, lora, optimizer, SETTINGS);
  const step = async (i: number) => {
    setHyper(optimizer, defaultConfig(), () => 1, false);
    engine.begin();
    engine.micro(batchOf(i), i);
    update(optimizer, lora.values);
    return (await read(engine.loss))[0];
  };
  for (const i of [0, 1]) await step(i);
  const tensors = tf.memory();
  const ledger = gpu().buffers.ledger();
  const losses: number[] = [];
  for (let i = 2; i < 52; i++) losses.push(await step(i));
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(tf.memory()).toEqual(tensors);
  expect(gpu().buffers.ledger()).toEqual(ledger);
  engine.dispose();
  disposeOptimizer(optimizer);
  lora.dispose();
  base.unet.weights.dispose();
  expect(gpu().buffers.ledger().usedBytes).toBe(0);
});

test('a LoRA in pieces that bind trains to the bits of one in a single piece', async () => {
  const plan = await planBaseModel([goldenSource('tiny-sd15.safetensors')]);
  const base = await loadParts(plan, ['unet']);
  // Ranks that differ, and no clipping: the norm's sum is in another order.
  const shapes = loraShapes(plan, UNET_ALONE).map((shape, i) => ({
    ...shape,
    rank: 1 + (i % 5),
    alpha: 1 + (i % 3),
  }));
  const trained = async (limit?: number) => {
    const lora = new LoraParameters(shapes, undefined, limit);
    lora.set(freshLora(plan.family, 1));
    const optimizer = createOptimizer('adamw', lora, false);
    const engine = new StepEngine(base, lora, optimizer, SETTINGS);
    for (const i of [0, 1, 2]) {
      setHyper(optimizer, { ...defaultConfig(), max_grad_norm: 0 }, () => 1, false, i);
      engine.begin();
      engine.micro(batchOf(i), i);
      update(optimizer, lora.values);
    }
    const { gradientNorm, updates } = await readReport(optimizer);
    const [values, { moment1, moment2 }] = [await lora.read(), await readOptimizer(optimizer)];
    engine.dispose();
    disposeOptimizer(optimizer);
    lora.dispose();
    return { pieces: lora.pieces.length, gradientNorm, updates, tensors: { values, moment1, moment2 } };
  };
  const [one, many] = [await trained(), await trained(4096)];
  expect(one.pieces).toBe(1);
  expect(many.pieces).toBeGreaterThan(10);
  expect(many.updates).toBe(3);
  expect(many.gradientNorm / one.gradientNorm).toBeCloseTo(1, 5);
  expect(many.tensors).toEqual(one.tensors);
  base.unet.weights.dispose();
});

test('with more shapes than recordings are kept the bits stay the same, and no buffers pile up', async () => {
  const plan = await planBaseModel([goldenSource('tiny-sd15.safetensors')]);
  const base = await loadParts(plan, ['unet']);
  const sizes = [
    [8, 8],
    [8, 16],
    [16, 8],
  ] as const;
  const order = [0, 1, 0, 2, 0, 1];
  const trained = async (recordings?: number) => {
    const lora = new LoraParameters(loraShapes(plan, UNET_ALONE));
    lora.set(freshLora(plan.family, 1));
    const optimizer = createOptimizer('adamw', lora, false);
    const engine = new StepEngine(base, lora, optimizer, {
      ...SETTINGS,
      ...(recordings ? { recordings } : {}),
    });
    const losses: number[] = [];
    const kept: string[] = [];
    const arena: number[] = [];
    for (const [i, at] of order.entries()) {
      const [height, width] = sizes[at];
      setHyper(optimizer, defaultConfig(), () => 1, false, i);
      engine.begin();
      engine.micro({ ...batchOf(i), height, width, ...latentsOf(2 * height * width * 4) }, i);
      update(optimizer, lora.values);
      losses.push((await read(engine.loss))[0]);
      const there = sizes.map(([h, w]) => engine.recordingOf({ size: 2, height: h, width: w }) !== undefined);
      kept.push(there.map(Number).join(''));
      arena.push(engine.recorder.arenaBytes);
    }
    const values = await lora.read();
    engine.dispose();
    disposeOptimizer(optimizer);
    lora.dispose();
    return { numbers: { losses, values }, kept, arena };
  };
  const [all, two] = [await trained(), await trained(2)];
  expect(all.kept.at(-1)).toBe('111');
  // The shape used longest ago makes room; that of the first step was used again meanwhile.
  expect(two.kept).toEqual(['100', '110', '110', '101', '101', '110']);
  expect(two.numbers).toEqual(all.numbers);
  expect(two.arena).toEqual(all.arena);
  expect(new Set(all.numbers.losses).size).toBe(order.length);
  base.unet.weights.dispose();
});

test('attention that is kept for recomputed blocks gives the bits of attention computed again, in fewer dispatches', async () => {
  const plan = await planBaseModel([goldenSource('tiny-sd15.safetensors')]);
  const base = await loadParts(plan, ['unet']);
  const blocks = unetBlocks(plan.unet).length;
  const trained = async (firstKeptBlock: number) => {
    const lora = new LoraParameters(loraShapes(plan, UNET_ALONE));
    lora.set(freshLora(plan.family, 1));
    const optimizer = createOptimizer('adamw', lora, false);
    const engine = new StepEngine(base, lora, optimizer, { ...SETTINGS, firstKeptBlock });
    // The first step is recorded, the next two are its replays.
    for (const i of [0, 1, 2]) {
      setHyper(optimizer, defaultConfig(), () => 1, false, i);
      engine.begin();
      engine.micro(batchOf(i), i);
      update(optimizer, lora.values);
    }
    const values = await lora.read();
    engine.dispose();
    disposeOptimizer(optimizer);
    lora.dispose();
    return values;
  };
  const walked = (firstKeptBlock: number) =>
    walkStep(
      {
        config: plan,
        lora: { shapes: loraShapes(plan, UNET_ALONE), dropout: 0 },
        ...{ optimizer: 'adamw', settings: SETTINGS, samples: undefined, keep: [] },
        buckets: [{ size: 1, width: 64, height: 64 }],
      },
      { firstKeptBlock, microBatch: 1 },
    );
  const tensors = tf.memory().numTensors;
  overrideManyKeys(16);
  try {
    const [least, kept] = [await trained(blocks), await trained(blocks - 1)];
    expect(kept).toEqual(least);
    // Sixteen layers look at 77 tokens, and ten at the 64 or 16 places of their own level; six have four places or one.
    expect(walked(blocks).dispatches - walked(blocks - 1).dispatches).toBe(26);
    expect(walked(blocks).peakBytes).toBeLessThan(walked(blocks - 1).peakBytes);
  } finally {
    overrideManyKeys(undefined);
  }
  expect(tf.memory().numTensors).toBe(tensors);
  base.unet.weights.dispose();
});

test('an activation that no half can hold: the step is skipped, and the next one learns; singles hold it', async () => {
  const plan = await planBaseModel([goldenSource('tiny-sd15.safetensors')]);
  const base = await loadParts(plan, ['unet']);
  const skipped = async (activations: StepSettings['activations']) => {
    const lora = new LoraParameters(loraShapes(plan, UNET_ALONE));
    lora.set(freshLora(plan.family, 1));
    const optimizer = createOptimizer('adamw', lora, false);
    const engine = new StepEngine(base, lora, optimizer, { ...SETTINGS, activations, firstKeptBlock: 20 });
    const steps: { skipped: boolean; learnt: boolean }[] = [];
    for (const [i, size] of [1, 3e6, 1].entries()) {
      const batch = batchOf(1);
      const before = await lora.read();
      setHyper(optimizer, defaultConfig(), () => 1, false, i);
      engine.begin();
      engine.micro({ ...batch, x0: batch.x0.map((v) => size * v) }, i);
      update(optimizer, lora.values);
      const after = await lora.read();
      expect(after.every(Number.isFinite)).toBe(true);
      const learnt = after.some((v, at) => v !== before[at]);
      steps.push({ skipped: (await readReport(optimizer)).skipped, learnt });
    }
    engine.dispose();
    disposeOptimizer(optimizer);
    lora.dispose();
    return steps;
  };
  const [good, bad] = [{ skipped: false, learnt: true }, { skipped: true, learnt: false }]; // prettier-ignore
  expect(await skipped('half')).toEqual([good, bad, good]);
  expect(await skipped('single')).toEqual([good, good, good]);
  base.unet.weights.dispose();
});

test('the prediction is what the run then takes', async () => {
  const plan = await planBaseModel([goldenSource('tiny-sd15.safetensors')]);
  const shapes = loraShapes(plan, UNET_ALONE);
  const request: MemoryRequest = {
    config: plan,
    lora: { shapes, dropout: 0 },
    optimizer: 'adamw',
    settings: SETTINGS,
    buckets: [{ size: 2, width: 128, height: 192 }],
    samples: undefined,
    keep: [],
  };
  const blocks = unetBlocks(plan.unet).length;
  for (const [firstKeptBlock, manyKeys] of [
    [0, undefined],
    [blocks - 1, 300],
    [blocks, 300],
  ] as const) {
    overrideManyKeys(manyKeys);
    const { trainingBytes } = predictMemory(request, firstKeptBlock);
    gpu().buffers.trim();
    gpu().buffers.resetPeak();
    const before = gpu().buffers.ledger().allocatedBytes;
    const base = await loadParts(plan, ['unet']);
    const lora = new LoraParameters(shapes);
    lora.set(freshLora(plan.family, 1));
    const optimizer = createOptimizer('adamw', lora, false);
    const engine = new StepEngine(base, lora, optimizer, { ...SETTINGS, firstKeptBlock });
    engine.begin();
    engine.micro({ ...batchOf(0), width: 16, height: 24, ...latentsOf(2 * 16 * 24 * 4) }, 0);
    update(optimizer, lora.values);
    await read(engine.loss);
    const actual = gpu().buffers.ledger().peakBytes - before;
    expect(Math.abs(trainingBytes - actual) / actual).toBeLessThan(0.01);
    engine.dispose();
    disposeOptimizer(optimizer);
    lora.dispose();
    base.unet.weights.dispose();
  }
  overrideManyKeys(undefined);
  await encodingAndSampling(plan, request, blocks);
  fitting({ ...request, buckets: [{ size: 8, width: 128, height: 192 }] }, blocks);
});

function fitting(request: MemoryRequest, blocks: number): void {
  const all = predictMemory(request, 0).peakBytes;
  const none = predictMemory(request, blocks - 1).peakBytes;
  expect(none).toBeLessThan(all);
  expect(fitMemory(request, blocks, all).firstKeptBlock).toBe(0);
  const between = fitMemory(request, blocks, (all + none) / 2);
  expect(between.firstKeptBlock).toBeGreaterThan(0);
  expect(between.peakBytes).toBeLessThanOrEqual((all + none) / 2);
  // Less than whole batches need: in parts, down to one picture at a time, and no further.
  const parts = fitMemory(request, blocks, none - 1);
  expect(parts.microBatch).toBeLessThan(8);
  expect(parts.peakBytes).toBeLessThan(none);
  const least = predictions(request).of(blocks, 1);
  expect(fitMemory(request, blocks, least.peakBytes).peakBytes).toBe(least.peakBytes);
  expect(() => fitMemory(request, blocks, least.peakBytes - 1)).toThrow(MemoryBudgetError);
  expect(fitMemory(request, blocks, 1, undefined, { anyway: true })).toEqual(least);
}

/** The peaks of encoding a picture, and of a sample decoded whole and in tiles beside all that stays for training. */
async function encodingAndSampling(plan: BaseModelPlan, asked: MemoryRequest, blocks: number): Promise<void> {
  const [width, height] = [320, 64];
  const request = { ...asked, samples: { size: 1, width, height } };
  const { buffers } = gpu();
  const peakOf = async (work: () => Promise<void>): Promise<number> => {
    trim();
    buffers.resetPeak();
    const before = buffers.ledger().allocatedBytes;
    await work();
    return buffers.ledger().peakBytes - before;
  };
  const close = (predicted: number, actual: number) =>
    expect(Math.abs(predicted - actual) / actual).toBeLessThan(0.01);

  const tight = predictions(request).of(blocks - 1, 1, 0);
  const roomy = predictions(request).of(blocks - 1, 1, 1e12);
  expect(roomy.decodeTile).toBe(width / 8);
  expect(tight.decodeTile).toBe(LEAST_TILE);
  expect(tight.samplingBytes).toBeLessThan(roomy.samplingBytes);
  const encoded = await peakOf(async () => {
    const { vae } = await loadParts(plan, ['vae'], { vae: 'encoder' });
    const values = new Float32Array(128 * 192 * 3);
    await encodeLatents(vae, { values, width: 128, height: 192 }, new Float32Array(16 * 24 * 4), 'x.png');
    vae.weights.dispose();
  });
  close(tight.encodingBytes, encoded);
  for (const { guidedTogether, decodeTile, samplingBytes } of [tight, roomy]) {
    const drawn = await peakOf(async () => {
      const base = await loadParts(plan, ['unet', 'vae'], { vae: 'decoder' });
      const lora = new LoraParameters(request.lora.shapes);
      lora.set(freshLora(plan.family, 1));
      const optimizer = createOptimizer('adamw', lora, false);
      const context = { context: new Float32Array(77 * 64) };
      const latents = await sampleLatents(base, lora.drawnWith, {
        ...{ prompt: context, negative: context, width, height, sampler: 'ddim', steps: 1, guidance: 7 },
        ...{ guidedTogether, vPrediction: false, noise: sampleNoise(1, width, height, 4) },
      });
      await decodeLatents(base.vae, latents, width, height, decodeTile);
      disposeOptimizer(optimizer);
      lora.dispose();
      base.unet.weights.dispose();
      base.vae.weights.dispose();
    });
    close(samplingBytes, drawn);
  }
}

function batchOf(i: number): MicroBatch {
  const [height, width] = i % 2 ? [8, 8] : [8, 16];
  return {
    size: 2,
    height,
    width,
    ...latentsOf(2 * height * width * 4),
    timesteps: [i, 999 - i],
    weights: [1, 1],
    context: stream(3, 'context', i).fillNormal(new Float32Array(2 * 77 * 64)),
  };
}

function latentsOf(count: number): { x0: Float32Array; noise: Float32Array } {
  const normals = (name: string) => stream(3, name).fillNormal(new Float32Array(count));
  return { x0: normals('x0'), noise: normals('noise') };
}

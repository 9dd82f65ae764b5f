/** Whole runs on the tiny checkpoint: what they yield, resume, continue, sample, stop, and refuse. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { parseLora } from '../../formats/lora/kohya_lora';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import type { TrainEvent } from '../../protocol/trainer';
import { goldenSource } from '../golden_source.testing';
import { freshLora } from '../step/lora_file';
import { bytesOf, collect, of, pictures, QUICK, shortRun } from '../run.testing';
import { prepare } from './prepare';
import { train } from './train';
import { sd1Facts } from '../../formats/families/sd1';

describe.each(['f32', 'f16-subgroups'] as const)('%s', (tier) => {
  beforeAll(async () => {
    await openDevice({ tier });
  });
  afterAll(() => {
    expect(gpu().errors).toEqual([]);
    closeDevice();
  });

  test('a resumed run equals the uninterrupted one bit for bit: losses and exported bytes', async () => {
    const whole = await collect(shortRun());
    const saved = of(whole, 'saved');
    expect(saved.map(({ step, final }) => [step, final])).toEqual([
      [3, false],
      [6, true],
    ]);
    const state = fromBytes(await bytesOf(saved[0]?.state));
    const resumed = await collect(shortRun({}, { state }));
    expect(of(resumed, 'step').map(({ step }) => step)).toEqual([4, 5, 6]);
    // What the GPU holds meanwhile is not computed: a buffer that was let go may serve again, or not.
    const computed = (events: readonly TrainEvent[]) =>
      of(events, 'step').map(({ gpuBytes, ...report }) => [gpuBytes > 0, report]);
    expect(computed(resumed)).toEqual(computed(whole).slice(3));
    const [last] = of(resumed, 'saved').slice(-1);
    expect(await bytesOf(last?.lora)).toEqual(await bytesOf(saved[1]?.lora));
    expect(await bytesOf(last?.state)).toEqual(await bytesOf(saved[1]?.state));
  });

  test('one seed reproduces a run, another gives another', async () => {
    const settings = { ...QUICK, max_train_steps: 2, batch_size: 2 };
    const [a, b] = [await collect(shortRun(settings)), await collect(shortRun(settings))];
    expect(await bytesOf(of(a, 'saved')[0]?.lora)).toEqual(await bytesOf(of(b, 'saved')[0]?.lora));
    const c = await collect(shortRun({ ...settings, seed: 43, max_train_steps: 1 }));
    expect(of(c, 'step')[0]?.loss).not.toBe(of(a, 'step')[0]?.loss);
  });

  test('stopping finishes the step and saves; nothing is left on the GPU', async () => {
    const tensors = tf.memory().numTensors;
    const stop = new AbortController();
    const events = [];
    for await (const event of train(shortRun({ save_steps: 0, resolution: 64 }, { signal: stop.signal }))) {
      events.push(event);
      if (event.kind === 'step' && event.step === 1) stop.abort();
    }
    const [saved] = of(events, 'saved');
    expect(saved?.step).toBeGreaterThanOrEqual(1);
    expect(saved?.step).toBeLessThan(6);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(gpu().buffers.ledger().usedBytes).toBe(0);
  });

  test('the text encoder trains too, with shuffled captions of several chunks, and samples are drawn', async () => {
    const run = shortRun({
      resolution: 64,
      train_text_encoder: true,
      text_encoder_lr: 5e-3,
      shuffle_caption: true,
      max_token_length: 150,
      clip_skip: 2,
      max_train_steps: 2,
      save_steps: 0,
      sample_prompts: ['a red square'],
      sample_every_n_steps: 1,
      sample_steps: 2,
      // What decays shows in two steps, and what is written is what there is.
      weight_decay: 1,
      save_precision: 'float',
    });
    const events = await collect(run);
    const samples = of(events, 'sample');
    expect(samples.map(({ step }) => step)).toEqual([0, 1, 2]);
    expect(samples[0]?.rgba).toHaveLength(64 * 64 * 4);
    expect(samples[2]?.rgba).not.toEqual(samples[0]?.rgba);
    const lora = await parseLora(fromBytes(await bytesOf(of(events, 'saved')[0]?.lora)));
    expect(lora.modules).toHaveLength(192 + 18);
    // With clip skip 2 the last layer has no part in the loss: its LoRA stays where it began.
    const moved = (name: string) =>
      lora.modules.find((module) => module.name === name)?.up.some((v) => v !== 0);
    expect(moved('lora_te_text_model_encoder_layers_1_mlp_fc1')).toBe(true);
    expect(moved('lora_te_text_model_encoder_layers_2_mlp_fc1')).toBe(false);
    // And with no gradient it does not decay either, as in PyTorch.
    const down = (name: string) => lora.modules.find((module) => module.name === name)?.down;
    const fresh = freshLora(sd1Facts, run.config.seed);
    const path = 'text_model.encoder.layers.2.mlp.fc1';
    const idle = down('lora_te_text_model_encoder_layers_2_mlp_fc1') ?? [];
    const began = fresh({
      ...{ part: 'text1', name: '', path, in: idle.length / 2, out: 1, conv: false, rank: 2, alpha: 2 },
    }).down;
    expect([...idle]).toEqual([...began]);
  });

  test('without an interval no samples are drawn, not even at the end, and none are prepared for', async () => {
    const settings = { ...QUICK, max_train_steps: 1, sample_prompts: ['a red square'], sample_steps: 1 };
    const none = await collect(shortRun({ ...settings, sample_every_n_steps: 0 }));
    expect(of(none, 'sample')).toEqual([]);
    expect(of(none, 'phase').map(({ phase }) => phase)).not.toContain('sample');
    const some = await collect(shortRun({ ...settings, sample_every_n_steps: 1 }));
    expect(of(some, 'sample').map(({ step }) => step)).toEqual([0, 1]);
    // A phase of its own, before the first step and after the last.
    expect(of(some, 'phase').map(({ phase }) => phase)).toEqual([
      ...['load', 'encode', 'load', 'sample', 'compile', 'train', 'save', 'sample'],
    ]);
    const predicted = (events: TrainEvent[]) => of(events, 'plan')[0]?.plan.predictedPeakBytes ?? 0;
    expect(predicted(none)).toBeLessThanOrEqual(predicted(some));
  });

  test('what steps and samples run is compiled before the first of them, counted', async () => {
    const { device } = await openDevice({ tier });
    const compiled = device.createComputePipeline.bind(device);
    const events: TrainEvent[] = [];
    const late: string[] = [];
    const settings = { sample_prompts: ['a red square'], sample_steps: 1, sample_every_n_steps: 1 };
    for await (const event of train(shortRun({ ...QUICK, ...settings, max_train_steps: 1 }))) {
      events.push(event);
      if (event.kind === 'phase' && event.phase === 'sample')
        device.createComputePipeline = (descriptor) => {
          late.push(descriptor.label ?? '');
          return compiled(descriptor);
        };
    }
    const counts = of(events, 'progress').filter(({ phase }) => phase === 'compile');
    const { done, total, unit } = counts.at(-1) ?? {};
    expect([unit, done]).toEqual(['programs', total]);
    expect(total).toBeGreaterThan(30);
    expect(counts.length).toBeGreaterThan(1);
    // What tfjs brings along is small, and not ours to compile.
    expect(late.filter((name) => !/^[A-Z]\w*Program$/.test(name))).toEqual([]);
  });

  test('continuing from a LoRA begins with its values', async () => {
    const settings = {
      ...QUICK,
      lora_rank: 4,
      lora_alpha: 4,
      max_train_steps: 1,
      lr_warmup_steps: 0,
      learning_rate: 1e-12,
    };
    const events = await collect(shortRun(settings, { pretrained: goldenSource('lora_init.safetensors') }));
    const ours = await parseLora(fromBytes(await bytesOf(of(events, 'saved')[0]?.lora)));
    const theirs = await parseLora(goldenSource('lora_init.safetensors'));
    const [a, b] = [ours.modules[5], theirs.modules.find(({ name }) => name === ours.modules[5]?.name)];
    // alpha 2 became 4, so up is halved: the effect is the same.
    a?.up.forEach((value, i) => expect(value).toBeCloseTo((b?.up[i] as number) / 2, 2));
  });
});

describe('what bad input gets', () => {
  beforeAll(async () => {
    await openDevice({ tier: 'f32' });
  });
  afterAll(closeDevice);

  const fails = async (run: ReturnType<typeof shortRun>, name: string, sentence: RegExp) => {
    const error: unknown = await collect(run).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).name).toBe(name);
    expect((error as Error).message).toMatch(sentence);
    expect(gpu().buffers.ledger().usedBytes).toBe(0);
  };
  const withBase = (bytes: Uint8Array) => shortRun({}, { base: { name: 'x', files: [fromBytes(bytes)] } });

  test('base_precision is how the U-Net is loaded', async () => {
    const preparing = prepare(shortRun({ base_precision: 'nf4', resolution: 64 }));
    let event = await preparing.next();
    while (!event.done) event = await preparing.next();
    const run = event.value;
    const block = 'down_blocks.0.attentions.0.transformer_blocks.0';
    expect(run?.base.unet.weights.matrix(`${block}.attn2.to_k.weight`).storage).toBe('nf4');
    run?.dispose();
    expect(gpu().buffers.ledger().usedBytes).toBe(0);
  });

  test('a LoRA given as base model', async () => {
    const run = shortRun({}, { base: { name: 'lora', files: [goldenSource('lora_init.safetensors')] } });
    await fails(run, 'CheckpointError', /LoRA/);
    // A LoRA that cannot be continued is refused before anything is loaded or encoded.
    const events: TrainEvent[] = [];
    const further = shortRun({ lora_rank: 1 }, { pretrained: goldenSource('lora_init.safetensors') });
    const error: unknown = await (async () => {
      for await (const event of train(further)) events.push(event);
    })().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LoraError', code: 'wrong-rank' });
    expect(events).toEqual([{ kind: 'phase', phase: 'load' }]);
  });

  test('a pickle, an empty and a truncated file', async () => {
    await fails(
      withBase(Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
      'SafetensorsError',
      /pickle/,
    );
    await fails(withBase(new Uint8Array(0)), 'SafetensorsError', /./);
    const whole = new Uint8Array(await goldenSource('tiny-sd15.safetensors').slice(0, 3_000_000));
    await fails(withBase(whole), 'SafetensorsError', /3000000|3,000,000|cut|truncat/i);
  });

  test('a picture that cannot be decoded, and one whose latents are not finite', async () => {
    const [first, ...rest] = pictures();
    if (!first) throw new Error('no picture');
    const broken = { ...first, pixels: () => Promise.reject(new Error('0.png cannot be decoded.')) };
    await fails(shortRun({}, { images: [broken, ...rest] }), 'Error', /0\.png/);
    const nan = { ...first, pixels: () => Promise.resolve(new Float32Array(192 * 96 * 3).fill(NaN)) };
    await fails(
      shortRun(
        { enable_bucket: false },
        { images: [{ ...nan, pixels: () => Promise.resolve(new Float32Array(128 * 128 * 3).fill(NaN)) }] },
      ),
      'NonFiniteLatentsError',
      /0\.png/,
    );
  });

  test('nothing to train, no pictures, a budget too small, another run’s state', async () => {
    await fails(shortRun({ train_unet: false }), 'RunSettingsError', /train_unet/);
    await fails(shortRun({}, { images: [] }), 'RunSettingsError', /pictures/);
    await fails(shortRun({ bucket_reso_steps: 32 }), 'InvalidBucketConfigError', /multiple of 64/);
    await fails(shortRun({ memory_budget_gb: 0.001 }), 'MemoryBudgetError', /memory_budget_gb/);
    const other = await collect(shortRun({ ...QUICK, max_train_steps: 1 }));
    const state = fromBytes(await bytesOf(of(other, 'saved')[0]?.state));
    await fails(shortRun({ ...QUICK, lora_rank: 4 }, { state }), 'ResumeError', /other settings/);
  });

  test('a loss that is never finite ends the run with a sentence', async () => {
    const savedBy = async (settings: Parameters<typeof shortRun>[0]) => {
      const events: TrainEvent[] = [];
      const never = shortRun({ ...QUICK, max_grad_norm: 0, max_train_steps: 30, ...settings });
      const error = await (async () => {
        for await (const event of train(never)) events.push(event);
      })().catch((reason: unknown) => reason);
      expect((error as Error).name).toBe('NonFiniteLossError');
      return of(events, 'saved').map(({ final }) => final);
    };
    // An update was made, and its numbers are some: they are handed back.
    expect(await savedBy({ learning_rate: 1e30, save_precision: 'float' })).toEqual([false]);
    // From the first step on: there is nothing but what the run began with, which is no checkpoint.
    expect(await savedBy({ learning_rate: 1e-3, noise_offset: 1e30 })).toEqual([]);
    // Nor is there where it ends before patience does: the second of two steps is its last.
    const short = { learning_rate: 1e-3, noise_offset: 1e30, max_train_steps: 2, save_steps: 1 };
    expect(await savedBy(short)).toEqual([]);
  });
});

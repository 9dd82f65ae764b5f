/** Drawing on the tiny checkpoint: equal to the engine called by hand, LoRAs by weight, kept base, stopping, refusals. */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, test } from 'vitest';
import { fromBlob } from '../../formats/safetensors/byte_source';
import { LoraError } from '../../formats/lora/lora_error';
import { makeTokenizer } from '../../formats/captions/tokenizer';
import { gpu, openDevice, OutOfMemoryError } from '../../kernels/device';
import type { DrawEvent, DrawRequest, PictureRequest } from '../../protocol/trainer';
import { applyLoras } from './apply_loras';
import { configOf, loadBaseModel, planBaseModel } from '../step/base_model';
import { captionIds, encodeCaption } from '../data/dataset';
import { DrawRequestError, runDraw } from './draw_job';
import { releaseBase } from '../step/kept_base';
import { decodeLatents, LEAST_TILE, sampleLatents, sampleNoise, toRgba } from './sample';
import { drawPlan } from './sample_memory';

const golden = (name: string) =>
  new Blob([readFileSync(new URL(`../../../reference/golden/${name}`, import.meta.url))]);
const base = golden('tiny-sd15.safetensors');
const lora = golden('lora_init.safetensors');
const merges = readFileSync(new URL('../../../public/clip/merges.txt', import.meta.url), 'utf8');

const picture: PictureRequest = {
  prompt: 'a red bridge',
  negative: 'blurry',
  seed: 7,
  width: 128,
  height: 64,
  steps: 3,
  guidance: 7.5,
  sampler: 'dpmpp_2m',
};

function request(loras: DrawRequest['loras'], more: Partial<DrawRequest> = {}): DrawRequest {
  return { base: [base], baseName: 'tiny', merges, loras, pictures: [picture], ...more };
}

describe.each(['f32', 'f16-subgroups'] as const)('%s', (tier) => {
  afterAll(releaseBase);

  async function collect(asked: DrawRequest): Promise<DrawEvent[]> {
    const events: DrawEvent[] = [];
    for await (const event of runDraw(asked, undefined, { tier })) events.push(event);
    return events;
  }
  const rgba = (events: DrawEvent[]) =>
    events.flatMap((event) => (event.kind === 'picture' ? [event.rgba] : []));
  const drawn = async (loras: DrawRequest['loras'], more?: Partial<DrawRequest>) => {
    const [only] = rgba(await collect(request(loras, more)));
    return [...(only ?? [])];
  };

  test('a picture with a LoRA is, bit for bit, what the engine makes when called by hand', async () => {
    const got = await drawn([{ file: lora, weight: 0.6 }]);
    await openDevice({ tier });
    const model = await loadBaseModel([fromBlob(base)]);
    const loras = await applyLoras(configOf(model), [{ source: fromBlob(lora), weight: 0.6 }]);
    const tokenizer = makeTokenizer(merges, model.text1.config.vocabulary);
    const states = (words: string) => encodeCaption(model, captionIds(tokenizer, words, 75), 1, loras.of);
    const { width, height, steps, guidance } = picture;
    const latents = await sampleLatents(model, loras.of, {
      prompt: await states(picture.prompt),
      negative: await states(picture.negative),
      width,
      height,
      steps,
      guidance,
      sampler: 'dpmpp_2m',
      vPrediction: false,
      noise: sampleNoise(7, width, height, 4),
    });
    const want = toRgba(await decodeLatents(model.vae, latents, width, height));
    expect(got.length).toBe(4 * width * height);
    expect(new Set(got).size).toBeGreaterThan(50);
    expect(got).toEqual([...want]);
  });

  test('weights: 0 is the base model, 0.3 and 0.7 together are 1, more is another picture', async () => {
    const plain = await drawn([]);
    expect(await drawn([{ file: lora, weight: 0 }])).toEqual(plain);
    const whole = await drawn([{ file: lora, weight: 1 }]);
    const both = await drawn([
      { file: lora, weight: 0.3 },
      { file: lora, weight: 0.7 },
    ]);
    const apart = (a: number[], b: number[]) =>
      Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? 0))));
    expect(apart(whole, plain)).toBeGreaterThan(20);
    expect(apart(both, whole)).toBeLessThanOrEqual(tier === 'f32' ? 1 : 8);
  });

  test('the base model is loaded once, and again after a run had the device; nothing else stays', async () => {
    releaseBase();
    const first = await collect(request([{ file: lora, weight: 1 }]));
    expect(first.some(({ kind }) => kind === 'load')).toBe(true);
    const [tensors, bytes] = [tf.memory().numTensors, gpu().buffers.ledger().usedBytes];
    const again = await collect(request([{ file: lora, weight: 1 }]));
    expect(again.map(({ kind }) => kind)).not.toContain('load');
    expect(rgba(again)).toEqual(rgba(first));
    expect([tf.memory().numTensors, gpu().buffers.ledger().usedBytes]).toEqual([tensors, bytes]);
    await openDevice({ tier });
    expect((await collect(request([]))).some(({ kind }) => kind === 'load')).toBe(true);
  });

  test('several pictures come in order with their progress; long prompts take more chunks', async () => {
    const long = Array.from({ length: 90 }, () => 'bridge').join(' ');
    const events = await collect(
      request([], { pictures: [picture, { ...picture, prompt: long, guidance: 1, steps: 2 }], clipSkip: 2 }),
    );
    expect(events.flatMap((event) => (event.kind === 'picture' ? [event.picture] : []))).toEqual([0, 1]);
    const progress = events.filter((event) => event.kind === 'progress');
    expect(progress.at(-1)).toEqual({ kind: 'progress', picture: 1, done: 2, total: 2 });
    expect(gpu().errors).toEqual([]);
  });

  test('stops between two steps, leaves only the base model, and draws the same afterwards', async () => {
    const want = await drawn([{ file: lora, weight: 1 }]);
    const [tensors, bytes] = [tf.memory().numTensors, gpu().buffers.ledger().usedBytes];
    const stop = new AbortController();
    const asked = request([{ file: lora, weight: 1 }], { pictures: [{ ...picture, steps: 50 }] });
    let steps = 0;
    const stopped = (async () => {
      for await (const event of runDraw(asked, stop.signal, { tier })) {
        if (event.kind !== 'progress') continue;
        steps = event.done;
        if (event.done >= 2) stop.abort();
      }
    })();
    await expect(stopped).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(steps).toBeLessThan(10);
    expect([tf.memory().numTensors, gpu().buffers.ledger().usedBytes]).toEqual([tensors, bytes]);
    expect(await drawn([{ file: lora, weight: 1 }])).toEqual(want);
  });

  test('a file that is no LoRA is refused, and so is a picture that cannot be; the next call works', async () => {
    await expect(collect(request([{ file: base, weight: 1 }]))).rejects.toThrow(LoraError);
    await expect(collect(request([], { pictures: [{ ...picture, width: 100 }] }))).rejects.toThrow(
      DrawRequestError,
    );
    await expect(collect(request([], { pictures: [{ ...picture, sampler: 'x' }] }))).rejects.toThrow(/"x"/);
    const [a, b] = await Promise.all([drawn([]), drawn([{ file: lora, weight: 1 }])]);
    expect(a).not.toEqual(b);
    expect(a).toEqual(await drawn([]));
  });
});

describe('where memory is short', () => {
  const wide = { ...picture, width: 320, steps: 1 };
  const small = { ...picture, width: 64, steps: 1 };
  const apart = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));
  const meanApart = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a, (value, i) => Math.abs(value - b[i])).reduce((sum, one) => sum + one, 0) / a.length;
  async function collect(asked: DrawRequest, budgetBytes?: number, on?: (event: DrawEvent) => void) {
    const events: DrawEvent[] = [];
    for await (const event of runDraw(asked, undefined, {
      tier: 'f32',
      ...(budgetBytes === undefined ? {} : { budgetBytes }),
    })) {
      on?.(event);
      events.push(event);
    }
    const pictures = events.flatMap((event) => (event.kind === 'picture' ? [event.rgba] : []));
    return {
      pictures,
      loads: events.filter((event) => event.kind === 'load' && event.done === event.total).length,
    };
  }
  /** From now on the open device fails every buffer that is made. */
  const fillUp = () => {
    const { device } = gpu();
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      device.dispatchEvent(
        new GPUUncapturedErrorEvent('uncapturederror', { error: new GPUOutOfMemoryError('no memory left') }),
      );
      // An invalid buffer: using it is an error, as it is for one that could not be made.
      return create({ ...descriptor, usage: 0xffff, mappedAtCreation: false });
    };
  };
  afterAll(releaseBase);

  test('the text encoders leave before the U-Net comes, tiles are decoded, and it takes what was predicted', async () => {
    const loras = [{ file: lora, weight: 0.6 }];
    const roomy = await collect(request(loras, { pictures: [wide] }));
    expect(roomy.loads).toBe(1);
    releaseBase();
    await openDevice({ tier: 'f32' });
    const plan = await planBaseModel([fromBlob(base)]);
    const applied = await applyLoras(plan, [{ source: fromBlob(lora), weight: 0.6 }]);
    const asked = { loraBytes: applied.bytes, chunks: 1, budgetBytes: 0 };
    applied.dispose();
    const least = drawPlan(plan, wide, asked);
    expect(least).toMatchObject({ textsStay: false, guidedTogether: false, decodeTile: LEAST_TILE });
    const roomier = drawPlan(plan, wide, { ...asked, budgetBytes: 1e12 });
    expect(roomier).toMatchObject({ textsStay: true, guidedTogether: true, decodeTile: wide.width / 8 });
    expect(least.peakBytes).toBeLessThan(roomier.peakBytes);

    let peak = 0;
    const short = await collect(request(loras, { pictures: [wide] }), 0, () => {
      peak = Math.max(peak, gpu().buffers.ledger().peakBytes);
    });
    expect(Math.abs(peak - least.peakBytes) / least.peakBytes).toBeLessThan(0.01);
    expect(Object.keys(gpu().buffers.ledger().byLabel).some((label) => label.includes('text'))).toBe(false);
    expect(short.loads).toBe(2);
    // A tile's norms are its own: the seams show in a model of random numbers.
    expect(meanApart(short.pictures[0], roomy.pictures[0])).toBeLessThan(1);
    // The same words need no text encoder again, unless a LoRA adapts it; others do, and then the U-Net has to leave.
    expect((await collect(request([], { pictures: [small] }), 0)).loads).toBe(2);
    const again = await collect(request([], { pictures: [{ ...small, seed: 8 }] }), 0);
    expect(again.loads).toBe(0);
    const other = await collect(request([], { pictures: [{ ...small, prompt: 'a hill' }] }), 0);
    expect(other.loads).toBe(2);
    expect(apart(other.pictures[0], again.pictures[0])).toBeGreaterThan(10);
    expect(meanApart(other.pictures[0], again.pictures[0])).toBeGreaterThan(1);
  });

  test('memory that runs out all the same: the pictures left are drawn with the least, once', async () => {
    const asked = request([], { pictures: [small, { ...small, seed: 8 }] });
    const want = await collect(asked);
    let filled = false;
    const got = await collect(asked, undefined, (event) => {
      // After the first picture.
      if (event.kind === 'picture' && !filled) fillUp();
      filled = true;
    });
    expect(got.pictures.length).toBe(2);
    expect(got.pictures[0]).toEqual(want.pictures[0]);
    expect(meanApart(got.pictures[1], want.pictures[1])).toBeLessThan(1);
    expect(gpu().errors).toEqual([]);
    releaseBase();
    await expect(collect(asked, undefined, fillUp)).rejects.toThrow(OutOfMemoryError);
  });
});

/** A GPU whose memory runs out in mid-run: the run goes on with less, and trains on the same things. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice, OutOfMemoryError } from '../../kernels/device';
import type { TrainEvent } from '../../protocol/trainer';
import { planBaseModel } from '../step/base_model';
import { placeImages } from '../data/dataset';
import { predictions } from '../plan/memory';
import { outlineOf } from '../plan/run_plan';
import { trainAdapting } from './adapting';
import { of, shortRun } from '../run.testing';
import { StepEngine, type MicroBatch } from '../step/step';

let micro: typeof StepEngine.prototype.micro;
const seen: MicroBatch[] = [];

beforeEach(async () => {
  await openDevice({ tier: 'f32' });
  seen.length = 0;
  micro = StepEngine.prototype.micro;
  StepEngine.prototype.micro = function (batch, seed) {
    // What the prediction walks through has no noise in it.
    if (batch.noise.some((value) => value !== 0)) seen.push(batch);
    micro.call(this, batch, seed);
  };
});
afterEach(() => {
  StepEngine.prototype.micro = micro;
  closeDevice();
});

/**
 * From now on the device fails buffers as a full one does: none is made that would bring the bytes alive above `limit`, and
 * the error comes later, by itself.
 */
function fillUpAbove(limit: () => number): void {
  const { device, buffers } = gpu();
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    if (buffers.ledger().allocatedBytes + descriptor.size <= limit()) return create(descriptor);
    device.dispatchEvent(
      new GPUUncapturedErrorEvent('uncapturederror', { error: new GPUOutOfMemoryError('no memory left') }),
    );
    // An invalid buffer: using it is an error, as it is for one that could not be made.
    return create({ ...descriptor, usage: 0xffff, mappedAtCreation: false });
  };
}

async function run(settings: Parameters<typeof shortRun>[0], limitAfter?: { step: number; bytes: number }) {
  const events: TrainEvent[] = [];
  let encoding = false;
  for await (const event of trainAdapting(shortRun(settings))) {
    events.push(event);
    // Encoding the tiny model's pictures takes more than training on them: the memory is full only then.
    if (event.kind === 'phase') encoding = event.phase === 'encode';
    const full = event.kind === 'saved' && event.step === limitAfter?.step;
    // The run goes on with a device opened anew; the memory is as full as before.
    if (limitAfter && (full || event.kind === 'adapted')) {
      const { bytes } = limitAfter;
      fillUpAbove(() => (encoding ? Infinity : bytes));
    }
  }
  return events;
}

/** Per sample of a run, in order: its noise's first value, its timestep and the loss's weight as part of the update. */
function samplesOf(batches: readonly MicroBatch[]): [number, number, number][] {
  return batches.flatMap(({ size, noise, timesteps, weights }) =>
    timesteps.map((t, i): [number, number, number] => [
      noise[(i * noise.length) / size],
      t,
      weights[i] / size,
    ]),
  );
}

const SMALL: Parameters<typeof shortRun>[0] = {
  batch_size: 4,
  gradient_accumulation_steps: 1,
  save_steps: 1,
  max_train_steps: 3,
  lora_dropout: 0,
  flip_aug: false,
  // So that losses of one picture at a time and of four differ by f32's rounding alone.
  mixed_precision: 'fp32',
};

test('the run goes on from what was saved, with less, on the same samples', async () => {
  const whole = await run(SMALL);
  const all = samplesOf(seen);
  const first = seen[0]?.size ?? 0;
  seen.length = 0;
  const [planned] = of(whole, 'plan');
  expect(planned?.plan).toMatchObject({ recomputedBlocks: 0, microBatch: 4, largestBatch: 4 });

  closeDevice();
  await openDevice({ tier: 'f32' });
  const events = await run(SMALL, { step: 1, bytes: await betweenWholeAndParts() });
  const adapted = of(events, 'adapted');
  expect(adapted.at(-1)).toMatchObject({ step: 1, blocks: 59, recomputedBlocks: 59 });
  expect(of(events, 'plan').at(-1)?.plan.microBatch).toBeLessThan(4);
  expect(of(events, 'done')).toEqual([{ kind: 'done', step: 3 }]);
  expect(gpu().errors).toEqual([]);
  expect(gpu().buffers.ledger().usedBytes).toBe(0);

  // The samples of the last two steps, however they were passed through.
  const later = all.slice(first);
  const again = samplesOf(seen).slice(-later.length);
  again.forEach(([noise, t, weight], i) => {
    const [n, s, w] = later[i];
    expect([noise, t]).toEqual([n, s]);
    expect(weight).toBeCloseTo(w, 12);
  });
  const losses = (each: readonly TrainEvent[]) => of(each, 'step').slice(-2);
  losses(events).forEach(({ step, loss }, i) => {
    expect(step).toBe(i + 2);
    expect(loss).toBeCloseTo(losses(whole)[i]?.loss ?? NaN, 5);
  });
});

/** More than one picture at a time needs, less than a whole batch, blocks recomputed in both. */
async function betweenWholeAndParts(): Promise<number> {
  const { config, base, images } = shortRun(SMALL);
  const { request } = outlineOf(await planBaseModel(base.files), config, placeImages(images, config));
  const predicted = predictions(request);
  const [one, whole] = [predicted.of(58, 1), predicted.of(58, 4)];
  return (one.trainingBytes + whole.trainingBytes) / 2;
}

test('memory that runs out before anything was saved: what was drawn of step 0 is not drawn again', async () => {
  const engine = StepEngine.prototype;
  let failed = false;
  const recording = engine.micro;
  engine.micro = function (batch, seed) {
    if (!failed && batch.noise.some((value) => value !== 0)) {
      failed = true;
      throw new OutOfMemoryError();
    }
    recording.call(this, batch, seed);
  };
  const events = await run({
    ...SMALL,
    save_steps: 0,
    max_train_steps: 1,
    sample_prompts: ['a red star'],
    sample_steps: 1,
  });
  expect(of(events, 'adapted')).toMatchObject([{ step: 0 }]);
  expect(of(events, 'sample').map(({ step }) => step)).toEqual([0, 1]);
});

test('where nothing is left to save on, the run says so', async () => {
  const none = { step: 1, bytes: 0 };
  await expect(run({ ...SMALL, batch_size: 1 }, none)).rejects.toThrow(OutOfMemoryError);
});

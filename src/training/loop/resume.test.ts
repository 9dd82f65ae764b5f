/** What a saved state is resumed with: the run before it, lower rates, another alpha; and with what it is not. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { readHeader } from '../../formats/safetensors/safetensors';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import type { TrainEvent } from '../../protocol/trainer';
import { bytesOf, collect, of, pictures, QUICK, shortRun } from '../run.testing';
import { train } from './train';

let whole: TrainEvent[];
/** By step. */
const states = new Map<number, Uint8Array<ArrayBuffer>>();
const usual = { ...QUICK, lora_alpha: 4, save_steps: 2 };
const ended = { max_train_steps: 6 };

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
  whole = await collect(shortRun(usual, { base: baseOf('one') }));
  for (const saved of of(whole, 'saved')) states.set(saved.step, await bytesOf(saved.state));
}, 240_000);
afterAll(closeDevice);

function baseOf(sha256: string) {
  return { ...shortRun().base, whole: Promise.resolve(sha256) };
}

const stateAt = (step: number) => {
  const found = states.get(step);
  if (!found) throw new Error(`nothing was saved at step ${step}`);
  return found;
};

const resumed = (
  settings: Parameters<typeof shortRun>[0] = {},
  more: Parameters<typeof shortRun>[1] = {},
  step = 2,
) =>
  shortRun(
    { ...usual, ...ended, ...settings },
    { base: baseOf('one'), state: fromBytes(stateAt(step)), ...more },
  );

/** What it says before it is refused, and why. */
async function refusal(run: ReturnType<typeof shortRun>): Promise<{ events: TrainEvent[]; error: unknown }> {
  const events: TrainEvent[] = [];
  try {
    for await (const event of train(run)) events.push(event);
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

test('a newest state with one bit flipped costs the steps since the one before it, and the file is the same', async () => {
  const newest = stateAt(4).slice();
  newest[newest.length - 1000] ^= 1;
  const events = await collect(
    resumed({}, { state: fromBytes(newest), olderStates: [fromBytes(stateAt(2))] }),
  );
  expect(of(events, 'fell-back')).toEqual([{ kind: 'fell-back', step: 2, newest: 4 }]);
  expect(of(events, 'plan')[0]?.plan.from).toBe(2);
  expect(of(events, 'step').map(({ step }) => step)).toEqual([3, 4, 5, 6]);
  expect(await bytesOf(of(events, 'saved').at(-1)?.lora)).toEqual(
    await bytesOf(of(whole, 'saved').at(-1)?.lora),
  );
  const alone = await refusal(resumed({}, { state: fromBytes(newest) }));
  expect(alone.error).toMatchObject({ name: 'ResumeError', code: 'damaged' });
});

test('another base, repainted pictures, other settings are refused by name before anything is loaded', async () => {
  const repainted = pictures().map((image, i) => ({
    ...image,
    digest: () => Promise.resolve(i === 2 ? 'repainted' : `picture ${i}`),
  }));
  const known = await collect(
    shortRun(
      { ...usual, max_train_steps: 1, save_steps: 0 },
      {
        images: pictures().map((image, i) => ({ ...image, digest: () => Promise.resolve(`picture ${i}`) })),
      },
    ),
  );
  const state = fromBytes(await bytesOf(of(known, 'saved')[0]?.state));
  for (const [run, sentence] of [
    [resumed({}, { base: baseOf('two') }), /the base model is another\. Put them back/],
    [
      resumed({ max_train_steps: 2 }, { images: repainted, state, base: shortRun().base }),
      /other content: 2\.png/,
    ],
    [
      resumed({ v_parameterization: true, noise_offset: 0.2 }),
      /v_parameterization was false and is true; noise_offset was 0.05 and is 0.2/,
    ],
    [resumed({ lora_rank: 4 }), /lora_rank was 2 and is 4/],
  ] as const) {
    const { events, error } = await refusal(run);
    expect(error).toMatchObject({ name: 'ResumeError', code: 'changed' });
    expect((error as Error).message).toMatch(sentence);
    expect(events).toEqual([{ kind: 'phase', phase: 'load' }]);
    expect(gpu().buffers.ledger().usedBytes).toBe(0);
  }
});

test('a lower rate and a longer run go on, and are said', async () => {
  const events = await collect(resumed({ learning_rate: 5e-3, max_train_steps: 3 }));
  const [note] = of(events, 'note');
  expect(note?.sentence).toBe(
    'From step 2 on it is trained with other settings: max_train_steps was 6 and is 3; learning_rate was 0.01 and is 0.005.',
  );
  expect(of(events, 'step').map(({ step }) => step)).toEqual([3]);
});

test('another alpha is folded into the values: the next step has the same loss', async () => {
  const events = await collect(resumed({ lora_alpha: 16, max_train_steps: 3, lr_scheduler: 'cosine' }));
  const [same] = of(whole, 'step').filter(({ step }) => step === 3);
  const [now] = of(events, 'step');
  expect(now?.step).toBe(3);
  expect(now?.loss).toBeCloseTo(same?.loss ?? NaN, 6);
  // Without the fold it is another loss.
  expect(of(whole, 'step')[1]?.loss).not.toBeCloseTo(same?.loss ?? NaN, 6);
});

test('a run that is complete says so, and its files stay as they are', async () => {
  const events = await collect(resumed({}, {}, 6));
  expect(of(events, 'note').map(({ sentence }) => sentence)).toEqual([
    'This run is complete: 6 of 6 steps are done. To train on, raise epochs or max_train_steps.',
  ]);
  expect(of(events, 'saved')).toEqual([]);
  expect(of(events, 'done')).toEqual([{ kind: 'done', step: 6 }]);
  // Not even encoded.
  expect(of(events, 'phase').map(({ phase }) => phase)).toEqual(['load']);
  const shorter = await collect(resumed({ max_train_steps: 4 }, {}, 6));
  expect(of(shorter, 'note').map(({ sentence }) => sentence)).toEqual([
    'This run is complete: 6 of 4 steps are done. To train on, raise epochs or max_train_steps.',
  ]);
});

test('captions encoded in stretches of steps give the bytes of all at once, also resumed among them', async () => {
  const settings = { ...QUICK, caption_dropout_rate: 0.4, max_train_steps: 4, save_steps: 2 };
  const encoded: number[] = [];
  const bytesFrom = async (more: Parameters<typeof shortRun>[1] = {}) => {
    const saved: Extract<TrainEvent, { kind: 'saved' }>[] = [];
    encoded.length = 0;
    for await (const event of train(shortRun(settings, more))) {
      if (event.kind === 'saved') saved.push(event);
      if (event.kind === 'progress' && event.unit === 'captions' && event.done === 1)
        encoded.push(event.total);
      if (event.kind === 'step') {
        const { byLabel } = gpu().buffers.ledger();
        expect(Object.keys(byLabel).filter((label) => /text encoder|VAE/.test(label))).toEqual([]);
      }
    }
    const of = async (at: (typeof saved)[number] | undefined) =>
      at && { lora: await bytesOf(at.lora), state: await bytesOf(at.state) };
    return { first: await of(saved[0]), last: await of(saved.at(-1)) };
  };
  const whole = await bytesFrom();
  expect(encoded).toHaveLength(1);
  const cut = await bytesFrom({ captionsAtOnce: 1 });
  expect(encoded.length).toBeGreaterThan(1);
  expect(cut).toEqual(whole);
  if (!whole.first) throw new Error('nothing was saved at step 2');
  const resumed = await bytesFrom({ captionsAtOnce: 1, state: fromBytes(whole.first.state) });
  expect(resumed.last).toEqual(whole.last);
});

test('a base model in 8 bits stays so: resumed to the same bytes, refused in halves, in 4 bits and back', async () => {
  const settings = { ...usual, base_precision: 'int8' as const, max_train_steps: 3 };
  const int8 = await collect(shortRun(settings, { base: baseOf('one') }));
  const [middle, end] = of(int8, 'saved');
  const file = await bytesOf(end?.lora);
  // It is another run than that on halves, and the file says so.
  expect(of(int8, 'step')[0]?.loss).not.toBe(of(whole, 'step')[0]?.loss);
  const { metadata } = await readHeader(fromBytes(file));
  expect(metadata).toMatchObject({ ss_base_precision: 'int8' });

  const state = fromBytes(await bytesOf(middle?.state));
  const rest = await collect(resumed(settings, { state }));
  expect(of(rest, 'plan')[0]?.plan.from).toBe(2);
  expect(await bytesOf(of(rest, 'saved').at(-1)?.lora)).toEqual(file);
  for (const [run, sentence] of [
    [resumed({ ...settings, base_precision: 'fp16' }, { state }), /base_precision was "int8" and is "fp16"/],
    [resumed({ ...settings, base_precision: 'nf4' }, { state }), /base_precision was "int8" and is "nf4"/],
    [resumed({ base_precision: 'int8' }), /base_precision was "fp16" and is "int8"/],
  ] as const) {
    const { error } = await refusal(run);
    expect(error).toMatchObject({ code: 'changed' });
    expect((error as Error).message).toMatch(sentence);
  }
});

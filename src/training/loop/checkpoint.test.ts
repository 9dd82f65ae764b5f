/** A saved state is trusted only whole: any bit flipped, any end cut off, is noticed, and the state before it is taken. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { writeSafetensors } from '../../formats/safetensors/safetensors_write';
import { openState, ResumeError, soundState, writeState, type RunState } from './checkpoint';

const state = (step: number): RunState => ({
  step,
  fingerprint: 'f',
  facts: {
    settings: { lora_alpha: 4 },
    pictures: [['a.png', null, 'c', 64, 64, 1, 0.5, 0.5]],
    base: { legacy: ['deadbeef'] },
  },
  startedAt: 1_700_000_000_000,
  averageLoss: 0.125,
  averageCount: step,
  microBatch: 2,
  tensors: {
    values: Float32Array.of(1, 2, 3, 4),
    moment1: Float32Array.of(0.5, 0, 0, 0),
    moment2: Float32Array.of(0.25, 0, 0, 0),
    optimizer: Float32Array.of(1, 2),
  },
});
const sizes = { values: 4, moment1: 4, moment2: 4, optimizer: 2 };

test('what is written comes back', async () => {
  const { tensors, ...said } = state(7);
  const { load, ...read } = await openState(fromBytes(await writeState(state(7))));
  expect(read).toEqual(said);
  expect(await load(sizes)).toEqual(tensors);
});

test('what was measured of the adapter comes back, and nothing else in its place', async () => {
  const read = async (tuning: unknown) =>
    openState(
      fromBytes(await writeState({ ...state(7), tuning: tuning as NonNullable<RunState['tuning']> })),
    );
  const tuning = { multiprocessors: 82, math: 'wide', gflops: 14_000 };
  expect((await read(tuning)).tuning).toEqual(tuning);
  for (const bad of [null, 'wide', { multiprocessors: 1e9 }, { math: 'fast' }, { gflops: -1 }])
    await expect(read(bad)).rejects.toMatchObject({ code: 'damaged' });
});

test('ranks of its own come back, and such as no LoRA has are refused', async () => {
  const facts = (ranks: unknown) => ({ ...state(7).facts, ranks }) as NonNullable<RunState['facts']>;
  const read = async (ranks: unknown) =>
    openState(fromBytes(await writeState({ ...state(7), facts: facts(ranks) })));
  const ranks = [
    ['lora_unet_a', 3, 1.5],
    ['lora_unet_b', 128, 64],
  ];
  expect((await read(ranks)).facts?.ranks).toEqual(ranks);
  for (const bad of [{}, [1], [['a', 0, 1]], [['a', 1.5, 1]], [['a', 1e9, 1]], [[1, 1, 1]], [['a', 1, null]]])
    await expect(read(bad)).rejects.toMatchObject({ code: 'damaged' });
});

test('one bit flipped anywhere, or an end cut off, is never trained on', async () => {
  const whole = await writeState(state(7));
  const outcome = async (bytes: Uint8Array<ArrayBuffer>) =>
    openState(fromBytes(bytes)).then(
      () => 'taken',
      (error: unknown) => (error instanceof ResumeError ? error.code : String(error)),
    );
  expect(await outcome(whole)).toBe('taken');
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length * 8 - 1), async (bit) => {
      const bytes = whole.slice();
      bytes[bit >> 3] ^= 1 << (bit & 7);
      // A flipped letter of `format` makes it another kind of file; of `checksum`, one from before there was one.
      expect(await outcome(bytes)).toMatch(/^(damaged|not-a-state)$/);
    }),
    { numRuns: 2000 },
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
      expect(await outcome(whole.slice(0, length))).toBe('damaged');
    }),
    { numRuns: 200 },
  );
  const zeroed = whole.slice();
  zeroed.fill(0, whole.length - 30, whole.length - 10);
  expect(await outcome(zeroed)).toBe('damaged');
});

test('of a damaged newest state the one before it is taken, and which step that costs is known', async () => {
  const [older, newest] = [await writeState(state(4)), await writeState(state(7))];
  const flipped = newest.slice();
  flipped[flipped.length - 1] ^= 1;
  const found = await soundState([fromBytes(flipped), fromBytes(older)]);
  expect(found).toMatchObject({ fellBack: true, newest: 7, state: { step: 4 } });
  const cut = await soundState([fromBytes(newest.slice(0, 40)), fromBytes(older)]);
  expect(cut).toMatchObject({ fellBack: true, state: { step: 4 } });
  expect(cut).not.toHaveProperty('newest');
  await expect(soundState([fromBytes(flipped), fromBytes(older.slice(1))])).rejects.toMatchObject({
    code: 'damaged',
  });
  expect(await soundState([])).toBeUndefined();
  // Another file is no damage: nothing else is taken for it in silence.
  const other = writeSafetensors([], { format: 'pt' });
  await expect(soundState([fromBytes(other), fromBytes(older)])).rejects.toMatchObject({
    code: 'not-a-state',
  });
});

test('a state from before there was a checksum is taken if its numbers are finite', async () => {
  const old = (values: Float32Array<ArrayBuffer>) => {
    const { tensors } = state(7);
    const all = { ...tensors, values };
    return writeSafetensors(
      Object.entries(all).map(([name, { buffer, length, byteOffset }]) => ({
        name,
        dtype: 'F32' as const,
        shape: [length],
        data: new Uint8Array(buffer as ArrayBuffer, byteOffset, length * 4),
      })),
      { format: 'lora-studio-state-1', step: '7', fingerprint: 'f', startedAt: '1', averageLoss: '0.5' },
    );
  };
  const sound = await openState(fromBytes(old(Float32Array.of(1, 2, 3, 4))));
  expect(sound).toMatchObject({ step: 7, averageCount: 7 });
  await sound.load(sizes);
  const broken = await openState(fromBytes(old(Float32Array.of(1, NaN, 3, 4))));
  await expect(broken.load(sizes)).rejects.toMatchObject({ code: 'damaged' });
});

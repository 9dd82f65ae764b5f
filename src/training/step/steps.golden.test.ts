/**
 * Thirty training steps with PyTorch's latents, noise and timesteps: the loss of each, the norm of each gradient, and
 * the LoRA at the end. f32 stays within 1e-3 of float64 although AdamW divides by small second moments; f16 keeps every
 * loss within 1 %.
 */
import { expect, test } from 'vitest';
import { relativeError } from '../../kernels/testing';
import { cosine, type Golden } from '../golden_numbers.testing';
import { trainGolden } from '../golden_steps.testing';
import { golden, onTiers } from '../golden.testing';

onTiers((base, tier) => {
  const f32 = tier === 'f32';
  test('AdamW, 30 steps', async () => {
    const want = await golden('steps');
    const got = await trainGolden(base(), want, 'adamw', { learning_rate: 1e-2 }, 1, true);
    for (const [i, loss] of got.losses.entries()) {
      expect(relativeError([loss], [want.floats('adamw/losses')[i]]), `loss ${i}`).toBeLessThan(
        f32 ? 1e-4 : 1e-2,
      );
    }
    expect(relativeError(got.norms, want.floats('adamw/grad_norms'))).toBeLessThan(f32 ? 1e-3 : 2e-2);
    expectFinal(got.final, want, 'adamw', f32 ? 0.9999 : 0.99);
  });

  test('Lion, 8 steps', async () => {
    const want = await golden('steps');
    const got = await trainGolden(
      base(),
      want,
      'lion',
      { optimizer: 'lion', adam_beta2: 0.99, learning_rate: 5e-3 },
      1,
      true,
    );
    for (const [i, loss] of got.losses.entries()) {
      expect(relativeError([loss], [want.floats('lion/losses')[i]]), `loss ${i}`).toBeLessThan(
        f32 ? 1e-3 : 1e-2,
      );
    }
    expectFinal(got.final, want, 'lion', f32 ? 0.999 : 0.95);
  });

  test('gradient accumulation, 4 steps of 2; replayed, its steps have the bits of steps run the plain way', async () => {
    const want = await golden('steps');
    const settings = { learning_rate: 1e-2 };
    const got = await trainGolden(base(), want, 'accumulate', settings, 2, true);
    const losses = want.floats('accumulate/losses');
    for (const [i, loss] of got.losses.entries()) {
      const mean = (losses[2 * i] + losses[2 * i + 1]) / 2;
      expect(relativeError([loss], [mean]), `loss ${i}`).toBeLessThan(f32 ? 1e-4 : 1e-2);
    }
    expect(relativeError(got.norms, want.floats('accumulate/grad_norms'))).toBeLessThan(f32 ? 1e-3 : 2e-2);
    expectFinal(got.final, want, 'accumulate', f32 ? 0.9999 : 0.99);

    const plain = await trainGolden(base(), want, 'accumulate', settings, 2, false);
    expect(got.losses).toEqual(plain.losses);
    expect(got.norms).toEqual(plain.norms);
    expect(got.values).toEqual(plain.values);
  });
});

/** All trained matrices as one vector: single ones may be anything where a gradient was almost zero. */
function expectFinal(
  got: ReadonlyMap<string, Float32Array>,
  want: Golden,
  prefix: string,
  least: number,
): void {
  const names = want.names.filter((name) => name.startsWith(`${prefix}/final/`));
  expect(names.length).toBeGreaterThan(70);
  const start = (name: string) => (name.endsWith('down.weight') ? want.floats(`start/${name}`) : undefined);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (const name of names) {
    const short = name.slice(`${prefix}/final/`.length);
    const from = start(short);
    const values = got.get(short);
    if (!values) throw new Error(`No ${short}.`);
    values.forEach((v, i) => ours.push(v - (from?.[i] ?? 0)));
    want.floats(name).forEach((v, i) => theirs.push(v - (from?.[i] ?? 0)));
  }
  expect(cosine(ours, theirs)).toBeGreaterThan(least);
}

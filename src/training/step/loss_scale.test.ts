import { describe, expect, it } from 'vitest';
import {
  initialLossScale,
  LOSS_SCALE_DEFAULTS,
  type LossScaleState,
  nextLossScale,
  NO_LOSS_SCALING,
  NonFiniteLossError,
} from './loss_scale';

const run = (
  outcomes: boolean[],
  config = LOSS_SCALE_DEFAULTS,
  from = initialLossScale(config),
): LossScaleState => outcomes.reduce((state, finite, i) => nextLossScale(state, finite, i, config), from);

describe('loss scaling', () => {
  it('starts at 65536, doubles after 2000 good steps in a row, halves after a bad one', () => {
    expect(initialLossScale().scale).toBe(65536);
    expect(run(Array(1999).fill(true)).scale).toBe(65536);
    expect(run(Array(2000).fill(true))).toMatchObject({ scale: 131072, goodSteps: 0 });
    expect(run([false])).toMatchObject({ scale: 32768, skippedSteps: 1 });
    const interrupted = [...Array(1999).fill(true), false, ...Array(1999).fill(true)];
    expect(run(interrupted).scale).toBe(32768);
    expect(run([...interrupted, true]).scale).toBe(65536);
  });

  it('never leaves its bounds', () => {
    expect(run(Array(17).fill(false)).scale).toBe(1);
    expect(run(Array(60_000).fill(true)).scale).toBe(2 ** 24);
    expect(run(Array(5000).fill(true), NO_LOSS_SCALING).scale).toBe(1);
  });

  it('stops after five bad steps in a row at the lowest scale, saying where and what to do', () => {
    // Sixteen halvings bring 65536 to 1; the next five are at the floor.
    expect(() => run(Array(20).fill(false))).not.toThrow();
    expect(() => run(Array(21).fill(false))).toThrow(NonFiniteLossError);
    expect(() => run(Array(21).fill(false))).toThrow(
      /5 steps in a row, up to step 20.*Lower the learning rate.*mixed_precision: fp32/s,
    );
    expect(() => run(Array(5).fill(false), NO_LOSS_SCALING)).toThrow(NonFiniteLossError);
  });

  it('forgives when a good step comes between', () => {
    const four = [false, false, false, false];
    expect(run([...four, true, ...four], NO_LOSS_SCALING)).toMatchObject({
      skipsAtFloor: 4,
      skippedSteps: 8,
    });
  });

  it('goes on from a state that went through JSON', () => {
    const outcomes = Array.from({ length: 300 }, (_, i) => i % 7 !== 3);
    const config = { ...LOSS_SCALE_DEFAULTS, growthInterval: 5 };
    const half = JSON.parse(JSON.stringify(run(outcomes.slice(0, 131), config)));
    expect(run(outcomes.slice(131), config, half)).toEqual(run(outcomes, config));
  });
});

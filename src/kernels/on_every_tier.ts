/** Runs kernel cases under Vitest, once for each tier. A tier that the adapter lacks is a failure, never a skip. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeDevice, gpu, openDevice, type Tier } from './device';
import type { KernelCase } from './testing';

export const TIERS: readonly Tier[] = ['f32', 'f16', 'f16-subgroups'];

/** A CPU driver may compile a wide attention head for a minute or two; a second run finds it in its cache. */
const TIMEOUT_MS = 400_000;

export function onEveryTier(cases: readonly KernelCase[], tiers = TIERS): void {
  describe.each([...tiers])('tier %s', (tier) => {
    beforeAll(async () => {
      await openDevice({ tier });
    });
    afterAll(closeDevice);
    test.each(cases.map((one) => [one.name, one] as const))('%s', { timeout: TIMEOUT_MS }, async (_, one) => {
      const comparisons = await one.run();
      expect(gpu().errors).toEqual([]);
      expect(comparisons.length).toBeGreaterThan(0);
      for (const { what, error, tolerance } of comparisons) {
        expect(error, `${what} on ${tier}`).toBeLessThanOrEqual(tolerance);
      }
    });
  });
}

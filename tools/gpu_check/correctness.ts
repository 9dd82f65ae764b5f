/** Right before fast: kernel cases and goldens on one tier, and what is wrong with them. */
import { openDevice, type Tier } from '../../src/kernels/device';
import type { GoldenFiles } from '../../src/training/golden_numbers.testing';
import { loadBaseModel } from '../../src/training/step/base_model';
import { complaints, runCase, type Case } from '../run_cases';
import { goldenCases } from './goldens';
import type { Parts } from './parts';

export interface TierCorrectness {
  tier: Tier;
  /** Cases run; those that there was no time for are in the report's `skipped`. */
  run: number;
  passed: number;
  /** One sentence a deviation. */
  wrong: string[];
  /** The comparison that came nearest to its tolerance, or went furthest over it. */
  nearest: { name: string; error: number; tolerance: number } | null;
  seconds: number;
}

/** Opens the device on this tier, and leaves it open. `cases` are the kernels'; the goldens come after them. */
export async function checkTier(
  tier: Tier,
  cases: readonly Case[],
  files: GoldenFiles,
  everything: boolean,
  parts: Parts,
): Promise<TierCorrectness> {
  const started = parts.seconds;
  const result: TierCorrectness = { tier, run: 0, passed: 0, wrong: [], nearest: null, seconds: 0 };
  await openDevice({ tier });
  await runAll('kernel cases', cases, result, parts);
  const base = await parts.run(`${tier}: loading the tiny model`, () =>
    loadBaseModel([files('tiny-sd15.safetensors')]),
  );
  if (base) await runAll('goldens', goldenCases(base, files, everything), result, parts);
  result.seconds = parts.seconds - started;
  parts.say(
    `${tier}: ${result.passed} of ${result.run} cases and goldens right (${result.seconds.toFixed(0)} s)`,
  );
  return result;
}

async function runAll(
  what: string,
  cases: readonly Case[],
  into: TierCorrectness,
  parts: Parts,
): Promise<void> {
  for (const [i, one] of cases.entries()) {
    const name = `${into.tier}: ${one.name}`;
    if (parts.over) {
      parts.skip(`${into.tier}: ${what} from "${one.name}" on (${cases.length - i})`);
      return;
    }
    const result = await parts.run(name, () => runCase(one));
    if (!result) continue;
    into.run++;
    const wrong = complaints(result);
    if (wrong.length === 0) into.passed++;
    else parts.say(`WRONG ${into.tier}: ${wrong.join('; ')}`);
    into.wrong.push(...wrong);
    for (const { what, error, tolerance } of result.comparisons) {
      const over = error / tolerance;
      if (!into.nearest || !(over <= into.nearest.error / into.nearest.tolerance))
        into.nearest = { name: `${one.name}: ${what}`, error, tolerance };
    }
  }
}

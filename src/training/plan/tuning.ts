/**
 * Which tuning a run goes by: that of its saved state; else, where the setting allows it, what was measured on this adapter
 * before, or is measured now, in about a second. A CPU is never tuned. The choice changes rounding, so it is a run's own: it
 * goes into the state, and a resumed run takes it from there, whatever this adapter would be given today.
 */
import { gpu, setTuning } from '../../kernels/device';
import { trim } from '../../kernels/program';
import { readTuning, type Tuning } from '../../kernels/tuned';
import { measureTuning } from '../../kernels/tuner';
import type { TrainConfig } from '../../formats/config/config_fields';

/** Where tunings are kept from run to run. What it gives may be anything: it is read as a stranger's. */
export interface TuningCache {
  get(adapter: string): Promise<unknown>;
  put(adapter: string, tuning: Tuning): Promise<void>;
}

/** A run's own, of a state: an empty one where it was trained without. */
export async function tuneFor(
  { tune_gpu: wanted }: Pick<TrainConfig, 'tune_gpu'>,
  saved: { tuning?: Tuning } | undefined,
  cache: TuningCache | undefined,
  measure: () => Promise<Tuning> = measureTuning,
): Promise<void> {
  setTuning(undefined);
  if (gpu().software) return;
  if (saved) setTuning(saved.tuning);
  else if (wanted) setTuning((await kept(cache)) ?? (await measured(cache, measure)));
}

/** For questions about runs: what the next one would go by, as far as it is known. */
export async function tuneIfKnown(cache: TuningCache | undefined): Promise<void> {
  if (!gpu().software && !gpu().tuning) setTuning(await kept(cache));
}

/** A run does not fail for what only makes it faster: where it cannot be measured, it goes on without. */
async function measured(
  cache: TuningCache | undefined,
  measure: () => Promise<Tuning>,
): Promise<Tuning | undefined> {
  const tuning = await measure().catch(() => undefined);
  trim();
  if (!tuning) return undefined;
  // Without it the next run measures again, and that is all.
  await cache?.put(adapterKey(), tuning).catch(() => undefined);
  return tuning;
}

async function kept(cache: TuningCache | undefined): Promise<Tuning | undefined> {
  return readTuning(await cache?.get(adapterKey()).catch(() => undefined));
}

/** Raised when the kernels change so much that what was measured says nothing any more. */
const KERNELS = 1;

/** Adapter and driver, browser or Node, tier, and our kernels. */
export function adapterKey(): string {
  const { adapter, tier } = gpu();
  const { vendor, architecture, device, description } = adapter;
  const browser = typeof navigator === 'undefined' ? '' : (navigator.userAgent ?? '');
  return JSON.stringify([vendor, architecture, device, description, browser, tier, KERNELS]);
}

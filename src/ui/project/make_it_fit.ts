/**
 * What can be changed so that a run needs less memory, from what costs nothing but time to what costs quality. Each
 * lever is a change of settings; what it is worth is asked of the trainer (estimating.svelte.ts), not guessed here. All
 * but nf4 are tried unasked: its error steers the gradient where noise dominates.
 */
import { configFields, type TrainConfig } from '../../formats/config/config_fields';
import type { Estimate } from '../../protocol/trainer';

export const leverNames = ['recompute', 'int8', 'batch', 'unet-only', 'resolution', 'nf4'] as const;
export type LeverName = (typeof leverNames)[number];

/** A budget nothing fits: the trainer then says what the run needs with every block recomputed. */
export const leastBudget = 0.001;

/** The change a lever makes, or undefined if it has nothing to change. For 'recompute' see `recomputing`. */
export function leverChange(
  lever: Exclude<LeverName, 'recompute'>,
  config: TrainConfig,
): Partial<TrainConfig> | undefined {
  switch (lever) {
    case 'int8':
      return config.base_precision === 'fp16' ? { base_precision: 'int8' } : undefined;
    case 'nf4':
      return config.base_precision === 'nf4' ? undefined : { base_precision: 'nf4' };
    case 'batch': {
      const passes = config.batch_size * config.gradient_accumulation_steps;
      if (config.batch_size === 1 || passes > configFields.gradient_accumulation_steps.max) return undefined;
      return { batch_size: 1, gradient_accumulation_steps: passes };
    }
    case 'unet-only':
      return config.train_unet && config.train_text_encoder ? { train_text_encoder: false } : undefined;
    case 'resolution': {
      const lower = lowerResolution(config.resolution);
      if (lower === undefined) return undefined;
      return { resolution: lower, min_bucket_reso: Math.min(config.min_bucket_reso, lower) };
    }
  }
}

/** What may be chosen for a person: the rest is only offered. */
export function triedUnasked(levers: readonly LeverName[]): LeverName[] {
  return levers.filter((name) => name !== 'nf4');
}

/** Whether a lever is worth a row: nf4 where the run does not fit, and neither precision where it saves next to nothing. */
export function isOffered(lever: LeverName, now: Estimate, then?: Estimate): boolean {
  if (lever === 'nf4' && now.fits) return false;
  if (lever !== 'int8' && lever !== 'nf4') return true;
  return then === undefined || then.peakBytes < 0.99 * now.peakBytes;
}

/** Whether blocks are left that could be recomputed. */
export function canRecompute({ fits, recomputedBlocks, blocks }: Estimate): boolean {
  return fits && recomputedBlocks < blocks - 1;
}

/** The setting by which every block is recomputed: a budget just above what that needs, in hundredths of a GB. */
export function recomputing(least: Estimate): Partial<TrainConfig> {
  return { memory_budget_gb: Math.ceil(least.peakBytes / 1e7) / 100 };
}

/** All changes of several levers at once, without recomputation. */
export function leverChanges(levers: Iterable<LeverName>, config: TrainConfig): Partial<TrainConfig> {
  let changes: Partial<TrainConfig> = {};
  for (const lever of levers) {
    if (lever !== 'recompute') changes = { ...changes, ...leverChange(lever, { ...config, ...changes }) };
  }
  return changes;
}

/** Three quarters, in whole steps of 64; nothing below 64. */
function lowerResolution(resolution: number): number | undefined {
  const lower = Math.floor((resolution * 0.75) / 64) * 64;
  return lower >= 64 && lower < resolution ? lower : undefined;
}

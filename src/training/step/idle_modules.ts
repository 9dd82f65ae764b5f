/**
 * Modules that no gradient reaches: with clip skip, or by the family, a text encoder's last layers have no part in the loss. PyTorch's
 * optimizers leave a parameter without a gradient as it is; with weight decay that is not the same as a gradient of zero.
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { LoraShape } from '../../models/lora';
import type { BaseModelConfig } from './base_model';

/** Whether no gradient reaches a module. */
export function idleModules(
  base: Pick<BaseModelConfig, 'family' | 'text1' | 'text2'>,
  config: Pick<TrainConfig, 'clip_skip'>,
): (module: Pick<LoraShape, 'part' | 'path'>) => boolean {
  return ({ part, path }) => {
    if (part === 'unet') return false;
    const text = base[part];
    return text !== undefined && layerOf(path) >= base.family.layersUsed(part, text, config.clip_skip);
  };
}

function layerOf(path: string): number {
  return Number(/\.layers\.(\d+)\./.exec(path)?.[1] ?? -1);
}

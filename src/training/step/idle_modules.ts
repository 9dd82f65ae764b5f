/**
 * Modules that no gradient reaches: with clip skip, the text encoder's last layers have no part in the loss. PyTorch's
 * optimizers leave a parameter without a gradient as it is; with weight decay that is not the same as a gradient of zero.
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { Idle } from '../../kernels/optimizer/optimizer';
import type { LoraParameters } from '../../models/lora';
import type { BaseModelConfig } from './base_model';

/** Their elements in the LoRA's flat tensor: the end of the text encoder's part. */
export function idleModules(
  lora: Pick<LoraParameters, 'modules' | 'textSize'>,
  base: BaseModelConfig,
  config: Pick<TrainConfig, 'clip_skip'>,
): Idle {
  const used = base.text1.layers + 1 - config.clip_skip;
  const text = lora.modules.filter(({ part }) => part !== 'unet');
  const first = text.findIndex(({ path }) => layerOf(path) >= used);
  if (first < 0) return { from: 0, to: 0 };
  if (text.slice(first).some(({ path }) => layerOf(path) < used))
    throw new Error('The modules of the text encoder are not in the order of its layers.');
  return { from: text[first]?.down ?? 0, to: lora.textSize };
}

function layerOf(path: string): number {
  return Number(/\.layers\.(\d+)\./.exec(path)?.[1] ?? -1);
}

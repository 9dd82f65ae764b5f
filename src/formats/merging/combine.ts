// Several LoRAs as one, exactly: the ranks of a module stand side by side, [w1 s1 up1 | w2 s2 up2] · [down1; down2], s being
// alpha / rank of each. Alpha of the result is its rank, so that every program multiplies by 1.
import type { LoraWeights } from '../../protocol/lora_tools';
import type { FamilyName } from '../families/families';
import { refuseMixedFamilies } from '../lora/lora_kind';
import type { LoraModule } from '../lora/kohya_lora';
import { rankOf, strengthOf } from './change';
import { weightOf } from './weights';
import { LoraError } from '../lora/lora_error';

export interface WeightedLora {
  /** Of base models, where a file says it. */
  readonly family?: FamilyName;
  readonly modules: readonly LoraModule[];
  readonly weights: LoraWeights;
}

/** Modules in the order in which they first come. Throws LoraError where two files disagree on the family or a module's widths. */
export function combineLoras(loras: readonly WeightedLora[]): LoraModule[] {
  refuseMixedFamilies(loras.flatMap(({ family }) => family ?? []));
  const byName = new Map<string, { module: LoraModule; factor: number }[]>();
  for (const { modules, weights } of loras) {
    for (const module of modules) {
      const factor = weightOf(weights, module.name) * strengthOf(module);
      if (factor === 0) continue;
      const list = byName.get(module.name) ?? [];
      byName.set(module.name, list);
      list.push({ module, factor });
    }
  }
  return [...byName.values()].map(sideBySide);
}

function sideBySide(list: readonly { module: LoraModule; factor: number }[]): LoraModule {
  const [{ module: first }] = list;
  const [inputs, outputs] = [first.downShape[1], first.upShape[0]];
  const rank = list.reduce((sum, { module }) => sum + rankOf(module), 0);
  const down = new Float32Array(rank * inputs);
  const up = new Float32Array(outputs * rank);
  let at = 0;
  for (const { module, factor } of list) {
    if (module.downShape[1] !== inputs || module.upShape[0] !== outputs) {
      throw new LoraError(
        'wrong-shape',
        {
          en: `"${module.name}" has other widths in one of the LoRAs than in another. They were made for different models.`,
          zh: `“${module.name}”在不同的 LoRA 中宽度不同。它们是为不同的模型制作的。`,
        },
        module.name,
      );
    }
    const own = rankOf(module);
    down.set(module.down, at * inputs);
    for (let o = 0; o < outputs; o++)
      for (let k = 0; k < own; k++) up[o * rank + at + k] = factor * module.up[o * own + k];
    at += own;
  }
  const tail = (shape: readonly number[]) => shape.slice(2);
  return {
    name: first.name,
    down,
    downShape: [rank, inputs, ...tail(first.downShape)],
    up,
    upShape: [outputs, rank, ...tail(first.upShape)],
    alpha: rank,
  };
}

/**
 * The trained LoRA to and from kohya's file.
 */
import type { ByteSource } from '../formats/byte_source';
import type { TrainConfig } from '../formats/config_fields';
import { buildLoraFile, matchLora, parseLora } from '../formats/kohya_lora';
import { trainingMetadata, type TrainingFacts } from '../formats/kohya_metadata';
import { kohyaName, loraTargets, type LoraTarget } from '../formats/kohya_names';
import type { LoraParameters, LoraShape, LoraValues } from '../models/lora';
import type { BaseModelConfig } from './base_model';
import { stream } from './random';

/** Modules that kohya's trainer adapts in this model; the text encoder's only where it is trained. */
export function loraShapes(
  base: BaseModelConfig,
  config: Pick<TrainConfig, 'train_unet' | 'train_text_encoder'>,
): LoraShape[] {
  return targetsOf(base)
    .filter(({ part }) => (part === 'unet' ? config.train_unet : config.train_text_encoder))
    .map(({ part, path, conv, inFeatures, outFeatures }) => ({
      part,
      path,
      conv,
      in: inFeatures,
      out: outFeatures,
    }));
}

/** kohya's initialisation: down uniform within ±1 / sqrt(in) (kaiming with a = sqrt 5), up zero. */
export function freshLora(seed: number, rank: number): (module: LoraShape) => LoraValues {
  return (module) => {
    const down = new Float32Array(rank * module.in);
    const bound = 1 / Math.sqrt(module.in);
    stream(seed, 'lora', module.part, module.path).fillUniform(down, -bound, bound);
    return { down, up: new Float32Array(module.out * rank) };
  };
}

/**
 * The values of an existing LoRA, fresh ones for modules that it lacks. Its alpha is folded into `up` where it differs,
 * so that its effect is the same. Throws `LoraError` if it does not fit the model or the rank.
 */
export async function continuedLora(
  source: ByteSource,
  base: BaseModelConfig,
  config: TrainConfig,
  alpha: number,
): Promise<(module: LoraShape) => LoraValues> {
  const file = await parseLora(source);
  matchLora(file, targetsOf(base), config.lora_rank);
  const byName = new Map(file.modules.map((module) => [module.name, module]));
  const fresh = freshLora(config.seed, config.lora_rank);
  return (module) => {
    const found = byName.get(kohyaName(module.part, module.path));
    if (!found) return fresh(module);
    const factor = found.alpha / alpha;
    return { down: found.down, up: factor === 1 ? found.up : found.up.map((value) => value * factor) };
  };
}

/** The finished file: kohya's names, metadata and hashes. Reads the parameters back from the GPU. */
export async function exportLora(
  lora: LoraParameters,
  config: TrainConfig,
  facts: TrainingFacts,
): Promise<Uint8Array<ArrayBuffer>> {
  const values = await lora.get();
  const modules = lora.modules.flatMap(({ part, path, conv, in: inputs, out }) => {
    const pair = values.get(path);
    const tail = conv ? [1, 1] : [];
    return pair
      ? [
          {
            name: kohyaName(part, path),
            down: pair.down,
            downShape: [lora.rank, inputs, ...tail],
            up: pair.up,
            upShape: [out, lora.rank, ...tail],
            alpha: lora.alpha,
          },
        ]
      : [];
  });
  return buildLoraFile({ modules, precision: config.save_precision, metadata: trainingMetadata(facts) });
}

/** Every module that kohya adapts in this model. */
export function targetsOf({ unet, text }: BaseModelConfig): LoraTarget[] {
  return loraTargets({
    blockOutChannels: unet.blockChannels,
    layersPerBlock: unet.layersPerBlock,
    attentionLevels: unet.attention,
    transformerDepth: 1,
    crossAttentionDim: unet.contextChannels,
    text: { layers: text.layers, hidden: text.hidden, intermediate: text.intermediate },
  });
}

/**
 * The trained LoRA to and from kohya's file.
 */
import type { ByteSource } from '../../formats/safetensors/byte_source';
import type { TrainConfig } from '../../formats/config/config_fields';
import { alphaOf, buildLoraFile, parseLora, type LoraModule } from '../../formats/lora/kohya_lora';
import { trainingMetadata, type TrainingFacts } from '../../formats/lora/kohya_metadata';
import {
  checkRanks,
  matchLora,
  outlineLora,
  ranksDiffer,
  type LocatedLayer,
  type LoraOutline,
} from '../../formats/lora/lora_outline';
import { refuseOtherFamily } from '../../formats/lora/lora_kind';
import type { LoraParameters, LoraShape, LoraValues } from '../../models/lora';
import type { BaseModelConfig } from './base_model';
import { stream } from './random';
import { LORA_PARTS, loraTargets, type LoraTarget } from '../../formats/lora/lora_targets';
import type { FamilyFacts } from '../../formats/families/family_facts';

/** The settings that say which modules are adapted, and at what rank and strength. */
export type LoraSettings = Pick<
  TrainConfig,
  'train_unet' | 'train_text_encoder' | 'lora_rank' | 'lora_alpha'
>;

/**
 * Modules that kohya's trainer adapts in this model; the text encoder's only where it is trained. Of the settings' rank and
 * alpha, or of those that a LoRA with ranks of its own keeps: then the parts that it has have its modules only.
 */
export function loraShapes(base: BaseModelConfig, config: LoraSettings, kept?: KeptRanks): LoraShape[] {
  const own = { rank: config.lora_rank, alpha: config.lora_alpha ?? config.lora_rank };
  const targets = targetsOf(base);
  const has = new Set(targets.filter(({ name }) => kept?.has(name)).map(({ part }) => part));
  return targets
    .filter(({ part }) => (part === 'unet' ? config.train_unet : config.train_text_encoder))
    .flatMap(({ part, name, path, conv, inFeatures, outFeatures }) => {
      const strength = has.has(part) ? kept?.get(name) : own;
      return strength ? [{ part, name, path, conv, in: inFeatures, out: outFeatures, ...strength }] : [];
    });
}

/** Rank and alpha of modules, by kohya's name. */
export type KeptRanks = ReadonlyMap<string, Pick<LoraShape, 'rank' | 'alpha'>>;

/** kohya's initialisation: down uniform within ±1 / sqrt(in) (kaiming with a = sqrt 5), up zero. */
export function freshLora(
  { lora }: Pick<FamilyFacts, 'lora'>,
  seed: number,
): (module: LoraShape) => LoraValues {
  return (module) => {
    const down = new Float32Array(module.rank * module.in);
    const bound = 1 / Math.sqrt(module.in);
    stream(seed, 'lora', lora[module.part]?.seed ?? module.part, module.path).fillUniform(
      down,
      -bound,
      bound,
    );
    return { down, up: new Float32Array(module.out * module.rank) };
  };
}

/**
 * Reads the header of a LoRA to continue from, and nothing of the model's weights. Throws `LoraError` if it does not fit
 * the model or the rank, `SafetensorsError` for a broken file.
 */
export async function judgeLora(
  source: ByteSource,
  base: BaseModelConfig,
  { lora_rank }: Pick<TrainConfig, 'lora_rank'>,
): Promise<LoraOutline> {
  const outline = await outlineLora(source);
  refuseOtherFamily(outline.family, base.family);
  matchLora(outline.layers, targetsOf(base));
  checkRanks(outline.layers, lora_rank);
  return outline;
}

/** Of a LoRA whose layers differ in rank: what each keeps. Undefined where all have one: then the settings say. */
export async function keptRanks(
  source: ByteSource,
  layers: readonly LocatedLayer[],
): Promise<KeptRanks | undefined> {
  if (!ranksDiffer(layers)) return undefined;
  const kept = new Map<string, { rank: number; alpha: number }>();
  for (const layer of layers) kept.set(layer.name, { rank: layer.rank, alpha: await alphaOf(source, layer) });
  return kept;
}

/** What a run begins with. */
export interface LoraBeginning {
  /** Ranks of its own, where it has them. */
  readonly kept: KeptRanks | undefined;
  readonly values: (module: LoraShape) => LoraValues;
}

/**
 * The values of an existing LoRA, fresh ones for modules that it lacks. Its strength is folded into `up` where alpha or
 * rank differ, and a lower rank is padded, so that its effect is the same; one whose ranks differ among each other keeps
 * them. Throws as `judgeLora`, and `LoraError` for values that are not finite.
 */
export async function continuedLora(
  source: ByteSource,
  base: BaseModelConfig,
  config: Pick<TrainConfig, 'lora_rank' | 'seed'>,
): Promise<LoraBeginning> {
  const { layers } = await judgeLora(source, base, config);
  const file = await parseLora(source);
  const byName = new Map(file.modules.map((module) => [module.name, module]));
  const fresh = freshLora(base.family, config.seed);
  const values = (module: LoraShape): LoraValues => {
    const found = byName.get(module.name);
    if (!found) return fresh(module);
    const { rank, alpha } = module;
    // The run scales by alpha / rank, the file by its own.
    const factor = (found.alpha / alpha) * (rank / found.rank);
    const up = factor === 1 ? found.up : found.up.map((value) => value * factor);
    if (found.rank === rank) return { down: found.down, up };
    const { down } = fresh(module);
    down.set(found.down);
    return { down, up: widened(up, found.rank, rank) };
  };
  return { kept: await keptRanks(source, layers), values };
}

/** [out, from] to [out, to]: zeros for what is new, whose rows in `down` then change nothing until they are trained. */
function widened(up: Float32Array, from: number, to: number): Float32Array {
  const wide = new Float32Array((up.length / from) * to);
  for (let row = 0; row * from < up.length; row++)
    wide.set(up.subarray(row * from, (row + 1) * from), row * to);
  return wide;
}

/** The finished file: kohya's names, metadata and hashes. Reads the parameters back from the GPU. */
export async function exportLora(
  lora: LoraParameters,
  config: TrainConfig,
  facts: TrainingFacts,
): Promise<Uint8Array<ArrayBuffer>> {
  const values = await lora.get();
  const modules = fileModules(lora.modules, ({ name }) => values.get(name));
  return buildLoraFile({ modules, precision: config.save_precision, metadata: trainingMetadata(facts) });
}

/** As they stand in a file; those without values are left out. */
export function fileModules(
  shapes: readonly LoraShape[],
  values: (module: LoraShape) => LoraValues | undefined,
): LoraModule[] {
  return shapes.flatMap((module) => {
    const pair = values(module);
    const { name, conv, rank, alpha, in: inputs, out } = module;
    const tail = conv ? [1, 1] : [];
    return pair
      ? [{ name, alpha, ...pair, downShape: [rank, inputs, ...tail], upShape: [out, rank, ...tail] }]
      : [];
  });
}

/** Every module that kohya adapts in this model, the U-Net's first, in its order. */
export function targetsOf(base: BaseModelConfig): LoraTarget[] {
  return LORA_PARTS.flatMap((part) => loraTargets(base.family, part, base.family.shapes(base, part)));
}

/**
 * The layers of a base model that kohya's `networks.lora` adapts by default, found among its tensors by the family's
 * patterns, and what it calls them. Source: kohya sd-scripts `networks/lora.py`.
 */
import { mapCheckpoint } from '../checkpoint/checkpoint_kind';
import { factsOfBase } from '../checkpoint/lacking';
import { shapeTaken, type FamilyFacts, type LoraPart, type TensorShapes } from '../families/family_facts';

/** One adapted layer: down is [r, inFeatures], up is [outFeatures, r]; `conv` ones have [.., 1, 1] after. */
export interface LoraTarget {
  /** kohya's name, e.g. `lora_unet_mid_block_attentions_0_proj_in`. */
  readonly name: string;
  /** diffusers' path within its part, e.g. `mid_block.attentions.0.proj_in`. */
  readonly path: string;
  readonly part: LoraPart;
  readonly conv: boolean;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** U-Net first, then the text encoders, as kohya counts them. */
export const LORA_PARTS: readonly LoraPart[] = ['unet', 'text1', 'text2'];

/** Those among one part's tensors (diffusers names), in their order. */
export function loraTargets(
  family: FamilyFacts,
  part: LoraPart,
  shapes: Iterable<readonly [name: string, shape: readonly number[]]>,
): LoraTarget[] {
  const naming = family.lora[part];
  if (!naming) return [];
  return [...shapes].flatMap(([name, shape]): LoraTarget[] => {
    const path = name.endsWith('.weight') ? name.slice(0, -'.weight'.length) : '';
    if (!naming.modules.test(path)) return [];
    const [outFeatures, inFeatures] = shape;
    return [
      {
        name: naming.name(path),
        path,
        part,
        conv: shape.length === 4 || naming.convolutions.test(path),
        inFeatures,
        outFeatures,
      },
    ];
  });
}

/** From the headers of a model's files, by their own names; in no particular order. Throws CheckpointError for what is no base model. */
export function targetsInCheckpoint(files: readonly TensorShapes[]): LoraTarget[] {
  const family = factsOfBase(files);
  return files.flatMap((tensors) => {
    const { parts } = mapCheckpoint(tensors.keys(), family);
    return LORA_PARTS.flatMap((part) =>
      loraTargets(
        family,
        part,
        [...parts[part]].map(([name, { key, ...how }]) => [
          name,
          shapeTaken(tensors.get(key)?.shape ?? [], how),
        ]),
      ),
    );
  });
}

/** What a file is that was given as a base model, or as a part of one, told by its header alone. */
import {
  familyOf,
  identifyCheckpoint,
  mapCheckpoint,
  quantizedTensor,
  type CheckpointKind,
} from '../checkpoint/checkpoint_kind';
import { marksOf } from '../checkpoint/marks';
import { familyFacts, type FamilyName } from '../families/families';
import type { ModelMarks, PartName } from '../families/family_facts';
import { fromBlob } from '../safetensors/byte_source';
import { readHeader } from '../safetensors/safetensors';
import { SafetensorsError, type SafetensorsErrorCode } from '../safetensors/safetensors_error';

export type BaseReading =
  | {
      readonly kind: CheckpointKind;
      /** Of a base model or a part of one. */
      readonly known?: {
        /** A type of numbers that cannot be trained on. */
        readonly quantized: string | undefined;
        readonly marks: ModelMarks;
        /** Names of its tensors, for each family that it can be of: what lies beside it may tell. */
        readonly parts: Readonly<Record<FamilyName, Readonly<Record<PartName, readonly string[]>>>>;
      };
    }
  | { readonly damaged: SafetensorsErrorCode; readonly expected: string };

/** Rejects only where the file cannot be read. */
export async function readBaseParts(file: Blob): Promise<BaseReading> {
  try {
    const { tensors, metadata } = await readHeader(fromBlob(file));
    const { kind } = identifyCheckpoint(tensors);
    const family = familyOf([kind]);
    if (!family) return { kind };
    const of = (name: FamilyName) => partsIn(tensors.keys(), name);
    const parts = { sd1: of('sd1'), sd2: of('sd2'), sdxl: of('sdxl') };
    return {
      kind,
      known: {
        quantized: quantizedTensor(tensors, familyFacts[family])?.dtype,
        marks: marksOf({ tensors, metadata }),
        parts,
      },
    };
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    return { damaged: error.code, expected: error.expected };
  }
}

function partsIn(names: Iterable<string>, family: FamilyName): Record<PartName, readonly string[]> {
  const { unet, text1, text2, vae } = mapCheckpoint(names, familyFacts[family]).parts;
  return { unet: [...unet.keys()], text1: [...text1.keys()], text2: [...text2.keys()], vae: [...vae.keys()] };
}

/** What a file is that was given as a base model, or as a part of one, told by its header alone. */
import {
  familyOf,
  identifyCheckpoint,
  mapCheckpoint,
  quantizedTensor,
  type CheckpointKind,
} from '../checkpoint/checkpoint_kind';
import { familyFacts, type FamilyName } from '../families/families';
import type { PartName } from '../families/family_facts';
import { fromBlob } from '../safetensors/byte_source';
import { readHeader } from '../safetensors/safetensors';
import { SafetensorsError, type SafetensorsErrorCode } from '../safetensors/safetensors_error';

export type BaseReading =
  | {
      readonly kind: CheckpointKind;
      /** Of a family that can be trained on. */
      readonly known?: {
        readonly family: FamilyName;
        /** A type of numbers that cannot be trained on. */
        readonly quantized: string | undefined;
        /** Names of its tensors. */
        readonly parts: Readonly<Record<PartName, readonly string[]>>;
      };
    }
  | { readonly damaged: SafetensorsErrorCode; readonly expected: string };

/** Rejects only where the file cannot be read. */
export async function readBaseParts(file: Blob): Promise<BaseReading> {
  try {
    const { tensors } = await readHeader(fromBlob(file));
    const { kind } = identifyCheckpoint(tensors);
    const family = familyOf(kind);
    if (!family) return { kind };
    const facts = familyFacts[family];
    const { unet, text1, text2, vae } = mapCheckpoint(tensors.keys(), facts).parts;
    const parts = {
      unet: [...unet.keys()],
      text1: [...text1.keys()],
      text2: [...text2.keys()],
      vae: [...vae.keys()],
    };
    return { kind, known: { family, quantized: quantizedTensor(tensors, facts)?.dtype, parts } };
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    return { damaged: error.code, expected: error.expected };
  }
}

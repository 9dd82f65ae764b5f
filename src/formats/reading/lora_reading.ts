/** LoRA files as a page asks about them: whether one can be trained on from, and whether one is sound. */
import { factsOfBase } from '../checkpoint/lacking';
import { parseLora } from '../lora/kohya_lora';
import { checkRanks, matchLora, outlineLora, ranksOf } from '../lora/lora_outline';
import { refuseOtherFamily } from '../lora/lora_kind';
import { targetsInCheckpoint } from '../lora/lora_targets';
import { fromBlob } from '../safetensors/byte_source';
import { readHeader } from '../safetensors/safetensors';

export interface Continuable {
  /** Of its layers. */
  readonly ranks: { readonly least: number; readonly most: number };
  /** Embeddings bundled with it, which are not used. */
  readonly setAside: readonly string[];
}

/** Reads headers only. Rejects with LoraError, CheckpointError or SafetensorsError where it cannot be continued on `base`, if that is given. */
export async function readContinuable(lora: Blob, base: readonly Blob[]): Promise<Continuable> {
  const { family, layers, setAside } = await outlineLora(fromBlob(lora));
  const ranks = ranksOf(layers);
  checkRanks(layers, ranks.most);
  const headers = await Promise.all(base.map((file) => readHeader(fromBlob(file))));
  const tensors = headers.map((header) => header.tensors);
  if (headers.length > 0) {
    refuseOtherFamily(family, factsOfBase(tensors));
    matchLora(layers, targetsInCheckpoint(tensors));
  }
  return { ranks, setAside };
}

/** Reads all of it. Rejects with LoraError or SafetensorsError where it is no LoRA that can be drawn with. */
export async function checkLora(lora: Blob): Promise<void> {
  await parseLora(fromBlob(lora));
}

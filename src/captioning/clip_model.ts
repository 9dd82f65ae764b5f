/**
 * A CLIP of two ONNX files, opened and checked against each other: pictures and sentences to embeddings of one space.
 */
import type { Tokenizer } from '../formats/captions/tokenizer';
import { CaptionerError } from './error';
import type { ModelBytes, Runtime } from './runtime';
import { openText, type TextTower } from './text_tower';
import { openVision, type VisionTower } from './vision_tower';

export interface ClipModel {
  readonly vision: VisionTower;
  readonly text: TextTower;
}

/** Rejects with CaptionerError. */
export async function openClip(
  runtime: Runtime,
  files: { readonly vision: ModelBytes; readonly text: ModelBytes },
  tokenizer: Tokenizer,
): Promise<ClipModel> {
  const vision = await openVision(runtime, files.vision);
  const text = await openText(runtime, files.text, tokenizer);
  if (vision.dimensions !== text.dimensions) {
    throw new CaptionerError(
      'towers-differ',
      `The vision file gives embeddings of ${vision.dimensions} numbers, the text file of ${text.dimensions}: they are ` +
        'not of one model. Choose both from the same one.',
    );
  }
  return { vision, text };
}

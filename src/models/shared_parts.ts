/** What families have in common: the shapes of their parts, and all of prompts where there is one text encoder. */
import { encodeChunks, textShapes } from './clip';
import type { Family, ModelConfig } from './family';
import type { PartName } from '../formats/families/family_facts';
import { unetShapes } from './unet_shapes';
import { vaeShapes } from './vae';

/** See `Family.shapes`. */
export function partShapes(config: ModelConfig, part: PartName): Map<string, number[]> {
  switch (part) {
    case 'unet':
      return unetShapes(config.unet);
    case 'vae':
      return vaeShapes(config.vae);
    case 'text1':
      return textShapes(config.text1);
    case 'text2':
      return config.text2 ? textShapes(config.text2) : new Map();
  }
}

/** Prompts are the states of the one text encoder, of the layer that the clip skip says. */
export const oneTextEncoder: Pick<Family, 'layersUsed' | 'encode'> = {
  layersUsed: (_, { layers }, clipSkip) => layers + 1 - clipSkip,
  encode: ({ text1 }, config, { ids, chunks, clipSkip, rows }) => {
    if (!text1 || !ids.text1)
      throw new Error('Prompts are to be encoded, but the text encoder is not loaded.');
    return { context: encodeChunks(text1, config.text1, ids.text1, chunks, clipSkip, rows) };
  },
};

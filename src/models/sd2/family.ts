/**
 * Stable Diffusion 2.x: SD 1.x's levels with heads of 64 channels and matrices around its transformers, and OpenCLIP's text
 * encoder up to its last layer but one. Its attention is computed in f32: 2.1's scores exceed what a half holds.
 */
import { sd2Facts } from '../../formats/families/sd2';
import { encodeChunks, paddedWithZero, textShapes } from '../clip';
import { belongTogether, CheckpointShapeError, inferText, inferUnet, inferVae } from '../config';
import type { Family } from '../family';
import { noiseSchedule } from '../schedule';
import { unetBlocks } from '../unet';
import { unetShapes } from '../unet_shapes';
import { vaeShapes } from '../vae';

export const sd2: Family = {
  ...sd2Facts,
  infer: (shapes) => {
    const config = {
      unet: inferUnet(shapes.unet, { headSize: 64, attention: 'single' }),
      vae: inferVae(shapes.vae, sd2Facts.latents.scaling, sd2Facts.vaePrecision),
      text1: inferText(shapes.text1, 'gelu'),
    };
    belongTogether(config);
    const { unet, text1 } = config;
    if (unet.contextChannels !== text1.hidden) {
      throw new CheckpointShapeError(
        `The text encoder gives ${text1.hidden} channels and the U-Net takes ${unet.contextChannels}: they do not belong together.`,
      );
    }
    return config;
  },
  shapes: (config, part) => {
    switch (part) {
      case 'unet':
        return unetShapes(config.unet);
      case 'vae':
        return vaeShapes(config.vae);
      case 'text1':
        return textShapes(config.text1);
      case 'text2':
        return new Map();
    }
  },
  blocks: unetBlocks,
  schedule: () => noiseSchedule(sd2Facts.noise),
  idsOf: (_, ids, config) => paddedWithZero(ids, config),
  layersUsed: (_, { layers }, clipSkip) => layers + 1 - clipSkip,
  encode: ({ text1 }, config, { ids, chunks, clipSkip, rows }) => {
    if (!text1 || !ids.text1)
      throw new Error('Prompts are to be encoded, but the text encoder is not loaded.');
    return { context: encodeChunks(text1, config.text1, ids.text1, chunks, clipSkip, rows) };
  },
};

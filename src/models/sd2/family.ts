/**
 * Stable Diffusion 2.x: SD 1.x's levels with heads of 64 channels and matrices around its transformers, and OpenCLIP's text
 * encoder up to its last layer but one. Its attention is computed in f32: 2.1's scores exceed what a half holds.
 */
import { sd2Facts } from '../../formats/families/sd2';
import { paddedWithZero } from '../clip';
import { belongTogether, CheckpointShapeError, inferText, inferUnet, inferVae } from '../config';
import type { Family } from '../family';
import { noiseSchedule } from '../schedule';
import { oneTextEncoder, partShapes } from '../shared_parts';
import { unetBlocks } from '../unet';

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
  shapes: partShapes,
  blocks: unetBlocks,
  schedule: () => noiseSchedule(sd2Facts.noise),
  idsOf: (_, ids, config) => paddedWithZero(ids, config),
  ...oneTextEncoder,
};

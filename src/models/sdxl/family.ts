/**
 * Stable Diffusion XL: two text encoders whose states lie side by side, a U-Net with heads of 64 channels and several
 * blocks a transformer, and a vector of pooled text and sizes added to its time. Podell et al. 2023.
 */
import { sdxlFacts } from '../../formats/families/sdxl';
import { concatChannels } from '../../kernels/layout/layout';
import { innerStates, joinChunks, paddedWithZero, pooledText } from '../clip';
import { belongTogether, CheckpointShapeError, inferText, inferUnet, inferVae } from '../config';
import { sizesLength, type Family } from '../family';
import { noiseSchedule } from '../schedule';
import { partShapes } from '../shared_parts';
import { unetBlocks } from '../unet';
import { sizeSinusoids, SIZES } from './sizes';

export const sdxl: Family = {
  ...sdxlFacts,
  infer: (shapes) => {
    const config = {
      unet: inferUnet(shapes.unet, { headSize: 64 }),
      vae: inferVae(shapes.vae, sdxlFacts.latents.scaling, sdxlFacts.vaePrecision),
      text1: inferText(shapes.text1),
      text2: inferText(shapes.text2, 'gelu'),
    };
    belongTogether(config);
    const { unet, text1, text2 } = config;
    if (unet.contextChannels !== text1.hidden + text2.hidden) {
      throw new CheckpointShapeError(
        `The text encoders give ${text1.hidden} and ${text2.hidden} channels and the U-Net takes ${unet.contextChannels}: they do not belong together.`,
      );
    }
    const sizes = sizesLength(config);
    if (text2.projection === 0 || sizes <= 0 || sizes % (2 * SIZES) !== 0) {
      throw new CheckpointShapeError(
        `The U-Net takes ${unet.addChannels} channels of pooled text and sizes, and the second text encoder gives ${text2.projection} pooled ones: they do not belong together.`,
      );
    }
    return config;
  },
  shapes: partShapes,
  blocks: unetBlocks,
  schedule: () => noiseSchedule(sdxlFacts.noise),
  idsOf: (part, ids, config) => (part === 'text2' ? paddedWithZero(ids, config) : ids),
  layersUsed: (part, { layers }) => (part === 'text2' ? layers : layers - 1),
  encode: ({ text1, text2 }, config, { ids, chunks, rows, ends }) => {
    if (!text1 || !text2 || !config.text2 || !ids.text1 || !ids.text2 || !ends)
      throw new Error('Prompts are to be encoded, but a text encoder is not loaded or its ids are missing.');
    // Both without their last layer and without the final norm, whatever the clip skip.
    const first = innerStates(text1, config.text1, ids.text1, 2);
    const second = innerStates(text2, config.text2, ids.text2, 2);
    return {
      context: concatChannels(
        joinChunks(first, config.text1, chunks, rows),
        joinChunks(second, config.text2, chunks, rows),
      ),
      pooled: pooledText(text2, config.text2, second, ends),
    };
  },
  sizes: sizeSinusoids,
};

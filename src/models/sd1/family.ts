/** Stable Diffusion 1.x: one CLIP text encoder, a U-Net of eight heads and one block a transformer. Rombach et al. 2022. */
import { sd1Facts } from '../../formats/families/sd1';
import {
  belongTogether,
  CheckpointShapeError,
  inferText,
  inferUnet,
  inferVae,
  type Shapes,
  type UnetConfig,
} from '../config';
import type { Family } from '../family';
import { noiseSchedule } from '../schedule';
import { oneTextEncoder, partShapes } from '../shared_parts';
import { unetBlocks } from '../unet';

export const sd1: Family = {
  ...sd1Facts,
  infer: (shapes) => {
    const config = {
      unet: inferSd1Unet(shapes.unet),
      vae: inferVae(shapes.vae, sd1Facts.latents.scaling, sd1Facts.vaePrecision),
      text1: inferText(shapes.text1),
    };
    belongTogether(config);
    return config;
  },
  shapes: partShapes,
  blocks: unetBlocks,
  schedule: () => noiseSchedule(sd1Facts.noise),
  idsOf: (_, ids) => ids,
  ...oneTextEncoder,
};

/** Head counts leave no trace in shapes. More blocks a transformer are SDXL's. */
function inferSd1Unet(shapes: Shapes): UnetConfig {
  const config = inferUnet(shapes, { heads: 8 });
  if (Math.max(config.middleDepth, ...config.depths) > 1) {
    throw new CheckpointShapeError(
      'U-Net: more than one transformer block a layer, as in SDXL; this trainer knows Stable Diffusion 1.x.',
    );
  }
  return config;
}

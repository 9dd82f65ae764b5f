/** For tests and benches: SDXL base 1.0 as released, by what is read off its shapes. Podell et al. 2023. */
import type { ModelConfig } from '../family';
import { sd15 } from '../sd1/sd15.testing';

export const sdxlBase: ModelConfig & Required<Pick<ModelConfig, 'text2'>> = {
  unet: {
    ...sd15.unet,
    blockChannels: [320, 640, 1280],
    depths: [0, 2, 10],
    middleDepth: 10,
    heads: [5, 10, 20],
    linearProjection: true,
    contextChannels: 2048,
    addChannels: 2816,
  },
  vae: { ...sd15.vae, scaling: 0.13025, precision: 'single' },
  text1: sd15.text1,
  text2: {
    hidden: 1280,
    intermediate: 5120,
    layers: 32,
    heads: 20,
    vocabulary: 49408,
    positions: 77,
    activation: 'gelu',
    projection: 1280,
  },
};

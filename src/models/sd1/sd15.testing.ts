/** For tests and benches: Stable Diffusion 1.5 as released, by what is read off its shapes. Rombach et al. 2022. */
import type { ModelConfig } from '../family';

export const sd15: ModelConfig = {
  unet: {
    inChannels: 4,
    outChannels: 4,
    blockChannels: [320, 640, 1280, 1280],
    layersPerBlock: 2,
    depths: [1, 1, 1, 0],
    middleDepth: 1,
    heads: [8, 8, 8, 8],
    linearProjection: false,
    attention: 'half',
    contextChannels: 768,
    timeChannels: 1280,
    addChannels: 0,
  },
  vae: {
    blockChannels: [128, 256, 512, 512],
    layersPerBlock: 2,
    latentChannels: 4,
    scaling: 0.18215,
    precision: 'half',
  },
  text1: {
    hidden: 768,
    intermediate: 3072,
    layers: 12,
    heads: 12,
    vocabulary: 49408,
    positions: 77,
    activation: 'quickGelu',
    projection: 0,
  },
};

/** For tests and benches: Stable Diffusion 2.1 as released, by what is read off its shapes. Stability-AI/stablediffusion. */
import type { ModelConfig } from '../family';
import { sd15 } from '../sd1/sd15.testing';

export const sd21: ModelConfig = {
  unet: {
    ...sd15.unet,
    heads: [5, 10, 20, 20],
    linearProjection: true,
    attention: 'single',
    contextChannels: 1024,
  },
  vae: sd15.vae,
  text1: {
    hidden: 1024,
    intermediate: 4096,
    layers: 23,
    heads: 16,
    vocabulary: 49408,
    positions: 77,
    activation: 'gelu',
    projection: 0,
  },
};

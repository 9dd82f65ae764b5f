/** U-Nets with random weights made on the GPU, of SD 1.5's architecture in full or in small. */
import { timestepFrequencies } from '../../src/kernels/embedding/embedding';
import { write } from '../../src/kernels/program';
import { FREQUENCIES } from '../../src/models/unet';
import { unetShapes } from '../../src/models/unet_shapes';
import { reserveParts, type BaseModelConfig, type BaseParts } from '../../src/training/step/base_model';
import { fillFloats, fillHalves } from './fill';
import { sd1 } from '../../src/models/sd1/family';
import { sd15 } from '../../src/models/sd1/sd15.testing';

/** runwayml/stable-diffusion-v1-5's, from its published configuration files. */
const SD15: BaseModelConfig = { family: sd1, ...sd15 };

const TINY: BaseModelConfig = {
  family: sd1,
  unet: { ...sd15.unet, blockChannels: [32, 64, 64, 64], contextChannels: 64, timeChannels: 128 },
  vae: {
    blockChannels: [32, 32, 32, 32],
    layersPerBlock: 1,
    latentChannels: 4,
    scaling: 0.18215,
    precision: 'half',
  },
  text1: {
    ...sd15.text1,
    hidden: 64,
    intermediate: 256,
    layers: 2,
    heads: 1,
    vocabulary: 1024,
  },
};

export const MODELS = { sd15: SD15, tiny: TINY } as const;

/** The caller disposes its weights. Scaled so that activations neither vanish nor grow much. */
export function randomUnet(config: BaseModelConfig): BaseParts<'unet'> {
  const base = reserveParts(config, ['unet']);
  const { unet } = base;
  let seed = 1;
  for (const [name, shape] of unetShapes(config.unet)) {
    const fanIn = shape.slice(1).reduce((product, n) => product * n, 1);
    seed++;
    if (unet.weights.storageOf(name, shape) === 'float') {
      const gain = shape.length === 1 && name.endsWith('.weight');
      fillFloats(unet.weights.vector(name), 0.1, seed, gain ? 1 : 0);
    } else {
      const path = name.replace(/\.weight$/, '');
      const { data } = shape[2] === 3 ? unet.weights.conv(path).weight : unet.weights.matrix(name);
      fillHalves(data, 0.7 * Math.sqrt(3 / fanIn), seed);
    }
  }
  const dim = config.unet.blockChannels[0];
  write(unet.weights.vector(FREQUENCIES), timestepFrequencies(dim));
  return base;
}

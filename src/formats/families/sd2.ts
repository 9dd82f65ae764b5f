/**
 * Stable Diffusion 2.x (512-base and 768-v): names and numbers. Sources: Stability-AI/stablediffusion's configurations, kohya
 * sd-scripts `networks/lora.py`, `library/model_util.py` and `library/sai_model_spec.py`.
 */
import type { FamilyFacts } from './family_facts';
import { loraNaming, TEXT_MODULES, TRANSFORMER_MODULES, textPath, unetPath } from './lora_naming';
import { plainFacts } from './plain';
import { ldmLayout } from './sd1_keys';
import { sd2Name } from './sd2_keys';

export const sd2Facts: FamilyFacts = {
  ...plainFacts.sd2,
  keyMap: (names) => {
    const layout = ldmLayout(names);
    return (key) => sd2Name(key, layout);
  },
  lora: {
    unet: loraNaming({
      prefix: 'lora_unet',
      folders: ['unet', 'diffusion_model'],
      seed: 'unet',
      pathOf: unetPath,
      modules: TRANSFORMER_MODULES,
      // Matrices in the model; kohya's trainer makes convolutions of one pixel of them (`linear_transformer_to_conv`).
      convolutions: /\.proj_(?:in|out)$/,
      convolutionsInModel: false,
    }),
    text1: loraNaming({
      prefix: 'lora_te',
      folders: ['text_encoder', 'text_encoders.clip_h.transformer'],
      seed: 'text',
      pathOf: textPath,
      modules: TEXT_MODULES,
    }),
  },
  latents: { scaling: 0.18215 },
  vaePrecision: 'half',
  textStates: 'single',
  noise: { betaStart: 0.00085, betaEnd: 0.012, timesteps: 1000 },
  sdScripts: { script: 'train_network.py', options: { v2: true } },
  metadata: {
    baseModelVersion: 'sd_v2',
    v2: true,
    architecture: 'stable-diffusion-v2-512/lora',
    implementation: 'diffusers',
    predictingV: { baseModelVersion: 'sd_v2_v', architecture: 'stable-diffusion-v2-768-v/lora' },
  },
};

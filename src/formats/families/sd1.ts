/**
 * Stable Diffusion 1.x: everything of it that is names and numbers. Sources: CompVis/stable-diffusion's configurations,
 * kohya sd-scripts `networks/lora.py` and `library/sai_model_spec.py`.
 */
import type { FamilyFacts } from './family_facts';
import { loraNaming, TEXT_MODULES, TRANSFORMER_MODULES, textPath, unetPath } from './lora_naming';
import { plainFacts } from './plain';
import { diffusersName, ldmLayout } from './sd1_keys';

export const sd1Facts: FamilyFacts = {
  ...plainFacts.sd1,
  keyMap: (names) => {
    const layout = ldmLayout(names);
    return (key) => diffusersName(key, layout);
  },
  lora: {
    unet: loraNaming({
      prefix: 'lora_unet',
      folders: ['unet', 'diffusion_model'],
      seed: 'unet',
      pathOf: unetPath,
      modules: TRANSFORMER_MODULES,
      convolutions: /\.proj_(?:in|out)$/,
    }),
    text1: loraNaming({
      prefix: 'lora_te',
      folders: ['text_encoder', 'text_encoders.clip_l.transformer'],
      seed: 'text',
      pathOf: textPath,
      modules: TEXT_MODULES,
    }),
  },
  latents: { scaling: 0.18215 },
  vaePrecision: 'half',
  textStates: 'single',
  noise: { betaStart: 0.00085, betaEnd: 0.012, timesteps: 1000 },
  sdScripts: { script: 'train_network.py', options: {} },
  metadata: {
    baseModelVersion: 'sd_v1',
    v2: false,
    architecture: 'stable-diffusion-v1/lora',
    implementation: 'diffusers',
  },
};

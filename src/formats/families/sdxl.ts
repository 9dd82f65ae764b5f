/**
 * Stable Diffusion XL (base), and what was trained from it, such as Pony, Illustrious and NoobAI: names and numbers.
 * Sources: Podell et al. 2023, Stability-AI/generative-models `sd_xl_base.yaml`, kohya sd-scripts `networks/lora.py`,
 * `library/sdxl_model_util.py` and `library/sai_model_spec.py`.
 */
import type { FamilyFacts } from './family_facts';
import {
  loraNaming,
  TEXT_MODULES,
  TRANSFORMER,
  TRANSFORMER_MODULES,
  textPath,
  unetPath,
} from './lora_naming';
import { plainFacts } from './plain';
import { sdxlLayout, sdxlName } from './sdxl_keys';

/** A level's resnets on the way down; one more, and its upsampler with the last, on the way up. */
const LAYERS = 2;

export const sdxlFacts: FamilyFacts = {
  ...plainFacts.sdxl,
  keyMap: (names) => {
    const layout = sdxlLayout(names);
    return (key) => sdxlName(key, layout);
  },
  lora: {
    unet: loraNaming({
      prefix: 'lora_unet',
      folders: ['unet', 'diffusion_model'],
      seed: 'unet',
      pathOf: unetPath,
      modules: TRANSFORMER_MODULES,
      // kohya's names are those of the checkpoint's blocks.
      original: {
        modules: String.raw`(?:(?:input|output)_blocks\.\d+\.1|middle_block\.1)\.${TRANSFORMER}`,
        of: originalBlocks,
        pathOf: unetPath,
      },
    }),
    text1: loraNaming({
      prefix: 'lora_te1',
      folders: ['text_encoder', 'text_encoders.clip_l.transformer'],
      seed: 'text',
      pathOf: textPath,
      modules: TEXT_MODULES,
    }),
    text2: loraNaming({
      prefix: 'lora_te2',
      folders: ['text_encoder_2', 'text_encoders.clip_g.transformer'],
      seed: 'text2',
      pathOf: textPath,
      modules: TEXT_MODULES,
    }),
  },
  latents: { scaling: 0.13025 },
  // Madebyollin's sdxl-vae-fp16-fix exists because of it.
  vaePrecision: 'single',
  textStates: 'half',
  noise: { betaStart: 0.00085, betaEnd: 0.012, timesteps: 1000 },
  // The VAE in f32, as here.
  sdScripts: { script: 'sdxl_train_network.py', options: { no_half_vae: true } },
  metadata: {
    baseModelVersion: 'sdxl_base_v1-0',
    v2: false,
    architecture: 'stable-diffusion-xl-v1-base/lora',
    implementation: 'https://github.com/Stability-AI/generative-models',
  },
};

/** `down_blocks.1.attentions.0.proj_in` is `input_blocks.4.1.proj_in`: `input_blocks.0` is the first convolution. */
function originalBlocks(path: string): string {
  return path
    .replace(
      /^(down|up)_blocks\.(\d+)\.attentions\.(\d+)\./,
      (_, side: string, level: string, layer: string) => {
        const index = Number(level) * (LAYERS + 1) + Number(layer);
        return side === 'down' ? `input_blocks.${index + 1}.1.` : `output_blocks.${index}.1.`;
      },
    )
    .replace(/^mid_block\.attentions\.0\./, 'middle_block.1.');
}

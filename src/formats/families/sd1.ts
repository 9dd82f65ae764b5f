/**
 * Stable Diffusion 1.x: everything of it that is names and numbers. Sources: CompVis/stable-diffusion's configurations,
 * kohya sd-scripts `networks/lora.py` and `library/sai_model_spec.py`.
 */
import type { FamilyFacts, LoraNaming } from './family_facts';
import { diffusersName, ldmLayout } from './sd1_keys';

export const sd1Facts: FamilyFacts = {
  title: { en: 'Stable Diffusion 1.x', zh: 'Stable Diffusion 1.x' },
  parts: ['unet', 'text1', 'vae'],
  texts: ['text1'],
  keyMap: (names) => {
    const layout = ldmLayout(names);
    return (key) => diffusersName(key, layout);
  },
  lora: {
    // Every Linear and 1x1 convolution inside the U-Net's transformers.
    unet: naming('lora_unet', ['unet', 'diffusion_model'], 'unet', unetPath, [
      /(?:(?:down|up)_blocks\.\d+|mid_block)\.attentions\.\d+\./,
      /(?:proj_in|proj_out|transformer_blocks\.\d+\.(?:attn[12]\.to_(?:q|k|v|out\.0)|ff\.net\.(?:0\.proj|2)))/,
    ]),
    // Every Linear in the text encoder's attention and MLP.
    text1: naming('lora_te', ['text_encoder', 'text_encoders.clip_l.transformer'], 'text', textPath, [
      /text_model\.encoder\.layers\.\d+\.(?:self_attn\.(?:q|k|v|out)_proj|mlp\.fc[12])/,
    ]),
  },
  latents: { scaling: 0.18215 },
  vaePrecision: 'half',
  noise: { betaStart: 0.00085, betaEnd: 0.012, timesteps: 1000 },
  prediction: 'epsilon',
  resolution: { side: 512, bucketStep: 64 },
  metadata: {
    baseModelVersion: 'sd_v1',
    v2: false,
    architecture: 'stable-diffusion-v1/lora',
    implementation: 'diffusers',
  },
};

/** Words of paths that have an underscore in them, with a dot in its place. */
const WORDS =
  /\b(?:down\.blocks|up\.blocks|mid\.block|transformer\.blocks|proj\.in|proj\.out|to\.[qkv]|to\.out|text\.model|self\.attn|(?:[qkv]|out)\.proj)\b/g;

/** The name of a module is its diffusers path with underscores for dots, after the part's prefix. */
function naming(
  prefix: string,
  [folder, ...otherFolders]: readonly [string, ...string[]],
  seed: string,
  pathOf: LoraNaming['pathOf'],
  path: readonly RegExp[],
): LoraNaming {
  const source = path.map((part) => part.source).join('');
  const modules = new RegExp(`^${source}$`);
  const name = (module: string) => `${prefix}_${module.replaceAll('.', '_')}`;
  return {
    prefix,
    folder,
    otherFolders,
    seed,
    pathOf,
    modules,
    name,
    // Where a name has an underscore for a dot, the words of the paths tell.
    pathOfName: (given) => {
      const dotted = given.slice(prefix.length + 1).replaceAll('_', '.');
      const module = dotted.replace(WORDS, (word) => word.replaceAll('.', '_'));
      return modules.test(module) && name(module) === given ? module : undefined;
    },
    // transformers 5 leaves it out.
    modelPath: (module) => module.replace(/^text_model\./, ''),
    convolutions: /\.proj_(?:in|out)$/,
    names: new RegExp(`^${prefix}_${source.replaceAll('\\.', '_')}$`),
  };
}

function unetPath(rest: string): string | undefined {
  if (/^(down_blocks|mid_block|up_blocks)\./.test(rest)) return rest;
  // OneTrainer's `original` and ComfyUI keep the checkpoint's own names.
  const mapped = diffusersName(`model.diffusion_model.${rest}.weight`);
  return mapped.is === 'weights' ? mapped.tensors[0].name.slice(0, -'.weight'.length) : undefined;
}

/** transformers 5 leaves `text_model.` out. */
function textPath(rest: string): string | undefined {
  if (!/^(text_model\.)?encoder\.layers\./.test(rest)) return undefined;
  return rest.startsWith('text_model.') ? rest : `text_model.${rest}`;
}

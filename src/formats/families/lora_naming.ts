/**
 * How a LoRA's modules are named: the diffusers path with underscores for dots, after the part's prefix; in some families
 * with the checkpoint's own names of the blocks. Source: kohya sd-scripts `networks/lora.py`.
 */
import type { LoraNaming } from './family_facts';
import { diffusersName } from './sd1_keys';

/** Every Linear and 1x1 convolution inside the U-Net's transformers, after its block. */
export const TRANSFORMER = String.raw`(?:proj_in|proj_out|transformer_blocks\.\d+\.(?:attn[12]\.to_(?:q|k|v|out\.0)|ff\.net\.(?:0\.proj|2)))`;
export const TRANSFORMER_MODULES = String.raw`(?:(?:down|up)_blocks\.\d+|mid_block)\.attentions\.\d+\.${TRANSFORMER}`;
/** Every Linear in a text encoder's attention and MLP. */
export const TEXT_MODULES = String.raw`text_model\.encoder\.layers\.\d+\.(?:self_attn\.(?:q|k|v|out)_proj|mlp\.fc[12])`;

/** Words of paths that have an underscore in them, with a dot in its place. */
const WORDS =
  /\b(?:down\.blocks|up\.blocks|mid\.block|input\.blocks|output\.blocks|middle\.block|transformer\.blocks|proj\.in|proj\.out|to\.[qkv]|to\.out|text\.model|self\.attn|(?:[qkv]|out)\.proj)\b/g;

interface NamingFacts {
  readonly prefix: string;
  /** diffusers' name of the part, then what other programs put there. */
  readonly folders: readonly [string, ...string[]];
  readonly seed: string;
  readonly pathOf: LoraNaming['pathOf'];
  /** A pattern of the diffusers paths. */
  readonly modules: string;
  /** None where it is left out. */
  readonly convolutions?: RegExp;
  /** True unless it says otherwise. */
  readonly convolutionsInModel?: boolean;
  /** Where names are not made of diffusers' paths: a pattern of those they are made of, and the way there and back. */
  readonly original?: {
    readonly modules: string;
    of(path: string): string;
    pathOf(original: string): string | undefined;
  };
}

export function loraNaming(facts: NamingFacts): LoraNaming {
  const { prefix, folders, seed, pathOf, original } = facts;
  const [folder, ...otherFolders] = folders;
  const modules = new RegExp(`^${facts.modules}$`);
  const name = (module: string) =>
    `${prefix}_${(original ? original.of(module) : module).replaceAll('.', '_')}`;
  return {
    prefix,
    folder,
    otherFolders,
    seed,
    pathOf,
    modules,
    name,
    pathOfName: (given) => {
      const dotted = dottedOf(given.slice(prefix.length + 1));
      const module = original ? original.pathOf(dotted) : dotted;
      return module !== undefined && modules.test(module) && name(module) === given ? module : undefined;
    },
    // transformers 5 leaves it out.
    modelPath: (module) => module.replace(/^text_model\./, ''),
    convolutions: facts.convolutions ?? /(?!)/,
    convolutionsInModel: facts.convolutionsInModel ?? true,
    names: new RegExp(`^${prefix}_${(original?.modules ?? facts.modules).replaceAll('\\.', '_')}$`),
  };
}

/** A path from its form with underscores alone: where one stands for a dot, the words of the paths tell. */
export function dottedOf(underscored: string): string {
  return underscored.replaceAll('_', '.').replace(WORDS, (word) => word.replaceAll('.', '_'));
}

/** A path within the U-Net, in diffusers' words or the checkpoint's. */
export function unetPath(rest: string): string | undefined {
  if (/^(down_blocks|mid_block|up_blocks)\./.test(rest)) return rest;
  // OneTrainer's `original` and ComfyUI keep the checkpoint's own names.
  const mapped = diffusersName(`model.diffusion_model.${rest}.weight`);
  return mapped.is === 'weights' ? mapped.tensors[0].name.slice(0, -'.weight'.length) : undefined;
}

/** A path within a text encoder; transformers 5 leaves `text_model.` out. */
export function textPath(rest: string): string | undefined {
  if (!/^(text_model\.)?encoder\.layers\./.test(rest)) return undefined;
  return rest.startsWith('text_model.') ? rest : `text_model.${rest}`;
}

/**
 * Names of SDXL's tensors, from single-file checkpoints and diffusers folders to our models'. U-Net and VAE are laid out as
 * SD 1.x's; what is its own: a second text encoder in OpenCLIP's words, and the size conditioning. Sources:
 * Stability-AI/generative-models, diffusers `loaders/single_file_utils.py`.
 */
import type { MappedKey } from './family_facts';
import { openClipName } from './openclip_keys';
import { diffusersName, ldmLayout, MARK, MARKS, weights, type LdmLayout } from './sd1_keys';

export interface SdxlLayout extends LdmLayout {
  /** Names without a folder are the second text encoder's: the file has its projection, or more layers than the first. */
  readonly bareIsSecond: boolean;
}

export function sdxlLayout(names: Iterable<string>): SdxlLayout {
  const all = [...names];
  const bareIsSecond = all.some(
    (name) => name === 'text_projection.weight' || Number(BARE_LAYER.exec(name)?.[1] ?? 0) >= FIRST_LAYERS,
  );
  return { ...ldmLayout(all), bareIsSecond };
}

const BARE_LAYER = /^(?:text_model\.)?encoder\.layers\.(\d{1,3})\./;
/** Of CLIP ViT-L, the first text encoder; the second has 32. */
const FIRST_LAYERS = 12;

/** Maps one name of a file, as `diffusersName` does for SD 1.x. */
export function sdxlName(key: string, layout: SdxlLayout): MappedKey {
  if (key.startsWith(FIRST)) return diffusersName(`text_encoder.${key.slice(FIRST.length)}`, layout);
  if (key.startsWith(SECOND)) return openClipName(key.slice(SECOND.length), 'text2');
  const label = /^model\.diffusion_model\.label_emb\.0\.([02])\.(weight|bias)$/.exec(key);
  if (label) return weights('unet', `add_embedding.linear_${label[1] === '0' ? 1 : 2}.${label[2]}`);
  if (MARKS.test(key)) return MARK;
  const [, folder] = /^(text_encoder_2[./])/.exec(key) ?? [];
  if (folder !== undefined) return second(key.slice(folder.length));
  if (BARE_TEXT.test(key) && layout.bareIsSecond) return second(key);
  return diffusersName(key, layout);
}

const FIRST = 'conditioner.embedders.0.transformer.';
const SECOND = 'conditioner.embedders.1.model.';
const BARE_TEXT =
  /^(text_model\.|text_projection\.|embeddings\.(token|position)_|encoder\.layers\.|final_layer_norm\.)/;

/** transformers' names: those of a `CLIPTextModelWithProjection`. */
function second(rest: string): MappedKey {
  if (rest === 'text_projection.weight') return weights('text2', rest);
  const mapped = diffusersName(`text_encoder.${rest}`);
  if (mapped.is !== 'weights') return mapped;
  return { is: 'weights', tensors: mapped.tensors.map((tensor) => ({ ...tensor, part: 'text2' })) };
}

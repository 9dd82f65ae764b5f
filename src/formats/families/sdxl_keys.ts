/**
 * Names of SDXL's tensors, from single-file checkpoints and diffusers folders to our models'. U-Net and VAE are laid out as
 * SD 1.x's; what is its own: a second text encoder in OpenCLIP's words, and the size conditioning. Sources:
 * Stability-AI/generative-models, OpenCLIP `transformer.py`, diffusers `loaders/single_file_utils.py`.
 */
import type { MappedKey, MappedTensor } from './family_facts';
import { diffusersName, ignored, ldmLayout, UNKNOWN, weights, type LdmLayout } from './sd1_keys';

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
  if (key.startsWith(SECOND)) return openClip(key.slice(SECOND.length));
  const label = /^model\.diffusion_model\.label_emb\.0\.([02])\.(weight|bias)$/.exec(key);
  if (label) return weights('unet', `add_embedding.linear_${label[1] === '0' ? 1 : 2}.${label[2]}`);
  if (MARKS.test(key)) return ignored('a mark of how the model was trained, without numbers of its weights');
  const [, folder] = /^(text_encoder_2[./])/.exec(key) ?? [];
  if (folder !== undefined) return second(key.slice(folder.length));
  if (BARE_TEXT.test(key) && layout.bareIsSecond) return second(key);
  return diffusersName(key, layout);
}

const FIRST = 'conditioner.embedders.0.transformer.';
const SECOND = 'conditioner.embedders.1.model.';
/** `v_pred`, `ztsnr` and EDM's: read by `checkpoint/marks.ts`. */
const MARKS = /^(v_pred|ztsnr|edm_(mean|std)|edm_vpred\.sigma_(max|min)|denoiser\.sigmas)$/;
const BARE_TEXT =
  /^(text_model\.|text_projection\.|embeddings\.(token|position)_|encoder\.layers\.|final_layer_norm\.)/;

/** transformers' names: those of a `CLIPTextModelWithProjection`. */
function second(rest: string): MappedKey {
  if (rest === 'text_projection.weight') return weights('text2', rest);
  const mapped = diffusersName(`text_encoder.${rest}`);
  if (mapped.is !== 'weights') return mapped;
  return { is: 'weights', tensors: mapped.tensors.map((tensor) => ({ ...tensor, part: 'text2' })) };
}

/** OpenCLIP's names: attention has its three projections in one matrix, the last projection is applied from the right. */
function openClip(rest: string): MappedKey {
  if (rest === 'logit_scale') return ignored('the scale of CLIP’s own comparison, which nothing here makes');
  if (rest === 'attn_mask') return ignored('the causal mask, which is known');
  if (rest === 'text_projection')
    return { is: 'weights', tensors: [{ part: 'text2', name: 'text_projection.weight', transposed: true }] };
  // Some tools save the projection of transformers under OpenCLIP's prefix.
  if (rest === 'text_projection.weight') return weights('text2', rest);
  const outer = OUTER.get(rest);
  if (outer !== undefined) return weights('text2', `text_model.${outer}`);
  const [, layer, single, joined, kind] = RESBLOCK.exec(rest) ?? [];
  if (layer === undefined) return UNKNOWN;
  const at = `text_model.encoder.layers.${layer}`;
  if (joined !== undefined) {
    const tensors = ['q', 'k', 'v'].map((to, index): MappedTensor => ({
      part: 'text2',
      name: `${at}.self_attn.${to}_proj.${kind}`,
      rows: { index, of: 3 },
    }));
    return { is: 'weights', tensors };
  }
  return weights('text2', `${at}.${INNER.get(single) ?? ''}.${kind}`);
}

const OUTER = new Map([
  ['token_embedding.weight', 'embeddings.token_embedding.weight'],
  ['positional_embedding', 'embeddings.position_embedding.weight'],
  ['ln_final.weight', 'final_layer_norm.weight'],
  ['ln_final.bias', 'final_layer_norm.bias'],
]);
const RESBLOCK =
  /^transformer\.resblocks\.(\d{1,3})\.(?:(ln_1|ln_2|mlp\.c_fc|mlp\.c_proj|attn\.out_proj)\.|(attn\.in_proj)_)(weight|bias)$/;
const INNER = new Map([
  ['ln_1', 'layer_norm1'],
  ['ln_2', 'layer_norm2'],
  ['mlp.c_fc', 'mlp.fc1'],
  ['mlp.c_proj', 'mlp.fc2'],
  ['attn.out_proj', 'self_attn.out_proj'],
]);

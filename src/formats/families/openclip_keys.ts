/**
 * Names of an OpenCLIP text encoder's tensors, as single-file checkpoints of SDXL and SD 2.x have them, to transformers'
 * names. Sources: OpenCLIP `transformer.py`, diffusers `loaders/single_file_utils.py`.
 */
import { ignored, UNKNOWN, weights } from './sd1_keys';
import type { MappedKey, MappedTensor, TextPart } from './family_facts';

/** Attention has its three projections in one matrix, the last projection is applied from the right. */
export function openClipName(rest: string, part: TextPart): MappedKey {
  if (rest === 'logit_scale') return ignored('the scale of CLIP’s own comparison, which nothing here makes');
  if (rest === 'attn_mask') return ignored('the causal mask, which is known');
  if (rest === 'text_projection')
    return { is: 'weights', tensors: [{ part, name: 'text_projection.weight', transposed: true }] };
  // Some tools save the projection of transformers under OpenCLIP's prefix.
  if (rest === 'text_projection.weight') return weights(part, rest);
  const outer = OUTER.get(rest);
  if (outer !== undefined) return weights(part, `text_model.${outer}`);
  const [, layer, single, joined, kind] = RESBLOCK.exec(rest) ?? [];
  if (layer === undefined) return UNKNOWN;
  const at = `text_model.encoder.layers.${layer}`;
  if (joined !== undefined) {
    const tensors = ['q', 'k', 'v'].map((to, index): MappedTensor => ({
      part,
      name: `${at}.self_attn.${to}_proj.${kind}`,
      rows: { index, of: 3 },
    }));
    return { is: 'weights', tensors };
  }
  return weights(part, `${at}.${INNER.get(single) ?? ''}.${kind}`);
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

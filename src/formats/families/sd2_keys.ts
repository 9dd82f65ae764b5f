/**
 * Names of SD 2.x's tensors, from single-file checkpoints and diffusers folders to our models'. U-Net and VAE are laid out as
 * SD 1.x's; the text encoder is in OpenCLIP's words, of whose layers the last is not used. Sources: Stability-AI/stablediffusion
 * `ldm/modules/encoders/modules.py` (`layer: penultimate`), diffusers `loaders/single_file_utils.py`.
 */
import type { MappedKey } from './family_facts';
import { openClipName } from './openclip_keys';
import { diffusersName, ignored, MARK, MARKS, type LdmLayout } from './sd1_keys';

/** Maps one name of a file, as `diffusersName` does for SD 1.x. */
export function sd2Name(key: string, layout: LdmLayout): MappedKey {
  if (MARKS.test(key)) return MARK;
  if (PROJECTION.test(key)) return ignored('CLIP’s projection of its pooled text, which SD 2.x does not use');
  if (!key.startsWith(TEXT)) return diffusersName(key, layout);
  const rest = key.slice(TEXT.length);
  const [, layer] = LAYER.exec(rest) ?? [];
  if (Number(layer) >= LAYERS) return ignored('the text encoder’s last layer, which SD 2.x does not use');
  return openClipName(rest, 'text1');
}

const TEXT = 'cond_stage_model.model.';
const PROJECTION =
  /^(?:cond_stage_model\.model\.text_projection|(?:text_encoder[./])?text_projection\.weight)/;
const LAYER = /^transformer\.resblocks\.(\d{1,3})\./;
/** Of OpenCLIP ViT-H's 24; folders of diffusers have these alone. */
const LAYERS = 23;

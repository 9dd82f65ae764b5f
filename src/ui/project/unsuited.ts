/**
 * Which values of a link were made for another kind of base model. The demo model is small: its rates and sizes ruin a
 * run on Stable Diffusion 1.5, and the reverse teaches the demo model nothing. Pure.
 */
import type { FieldName, TrainConfig } from '../../formats/config/config_fields';
import { meantByLink, type LinkBase, type LinkedSettings } from '../../formats/config/share_link';
import type { BaseModelRef } from '../../storage/projects';

/** What goes with the base model, not with the pictures or with taste. */
const ofTheModel: readonly FieldName[] = [
  'learning_rate',
  'unet_lr',
  'text_encoder_lr',
  'resolution',
  'min_bucket_reso',
  'max_bucket_reso',
  'sample_cfg_scale',
];
/** Nobody trains Stable Diffusion this small; the demo model takes no more. */
const SMALL = 256;

/** Undefined where the link fits the project's base model, or where there is none yet and it fits the most common. */
export function madeForOther(link: LinkedSettings, base: BaseModelRef | undefined): LinkBase | undefined {
  const theirs = link.base ?? guessed(meantByLink(link));
  return theirs === (base?.where.in === 'demo' ? 'demo' : 'own') ? undefined : theirs;
}

/** Of these fields, those that are better left: they belong to the other base model. */
export function unsuited(names: readonly FieldName[], other: LinkBase | undefined): FieldName[] {
  return other === undefined ? [] : names.filter((name) => ofTheModel.includes(name));
}

/** For links of before they said it. */
function guessed({ resolution }: Partial<TrainConfig>): LinkBase {
  return resolution !== undefined && resolution <= SMALL ? 'demo' : 'own';
}

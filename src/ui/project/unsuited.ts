/**
 * Which values of a link or a file were made for another kind of base model. The demo model is small: its rates and sizes ruin a
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

/** Undefined where settings made for `theirs` fit the project's base model, or where there is none yet and they fit the most common. */
export function madeForOther(
  theirs: LinkBase | undefined,
  base: BaseModelRef | undefined,
): LinkBase | undefined {
  return theirs === (base?.where.in === 'demo' ? 'demo' : 'own') ? undefined : theirs;
}

/** What a link was made for; by its size, where it is from before links said it. */
export function madeForByLink(link: LinkedSettings): LinkBase {
  return link.base ?? madeFor(meantByLink(link)) ?? 'own';
}

/** What the settings of a file were made for, by their size; undefined where they say none. */
export function madeFor({ resolution }: Partial<TrainConfig>): LinkBase | undefined {
  if (resolution === undefined) return undefined;
  return resolution <= SMALL ? 'demo' : 'own';
}

/** Of these fields, those that are better left: they belong to the other base model. */
export function unsuited(names: readonly FieldName[], other: LinkBase | undefined): FieldName[] {
  return other === undefined ? [] : names.filter((name) => ofTheModel.includes(name));
}

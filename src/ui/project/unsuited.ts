/**
 * Which values of a link or a file were made for another kind of base model. The demo model is small: its rates and sizes ruin a
 * run on Stable Diffusion 1.5, and the reverse teaches the demo model nothing; SDXL learned at other sizes. Pure.
 */
import type { FieldName, TrainConfig } from '../../formats/config/config_fields';
import { meantByLink, type LinkBase, type LinkedSettings } from '../../formats/config/share_link';
import { plainFacts, type FamilyName } from '../../formats/families/plain';
import type { BaseModelRef } from '../../storage/projects';
import { familyOfBase } from './base_values';

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

/** Stable Diffusion 1.x is seldom trained above it. */
const LARGE = 768;

/** `own`: a full-size model of a family that is not said. */
export type MadeFor = 'demo' | 'own' | FamilyName;

/** How a link tells what its settings were made for; undefined where there is no base model yet. */
export function linkBaseOf(base: BaseModelRef | undefined): LinkBase | undefined {
  const mine = base && kindOf(base);
  return mine === 'sd1' ? 'own' : mine;
}

function kindOf(base: BaseModelRef): MadeFor {
  return base.where.in === 'demo' ? 'demo' : (familyOfBase(base) ?? 'own');
}

/** Undefined where settings made for `theirs` fit the project's base model, or where there is none yet and they fit the most common. */
export function madeForOther(
  theirs: MadeFor | undefined,
  base: BaseModelRef | undefined,
): MadeFor | undefined {
  const mine = base ? kindOf(base) : 'own';
  if (theirs === undefined || theirs === mine) return undefined;
  if (mine === 'demo' || theirs === 'demo') return theirs === 'demo' ? theirs : 'own';
  return mine === 'own' || theirs === 'own' ? undefined : theirs;
}

/** What a link was made for; by its size, where it is from before links said it, or says no family. */
export function madeForByLink(link: LinkedSettings): MadeFor {
  const { base } = link;
  if (base !== undefined && base in plainFacts) return base as FamilyName;
  const meant = meantByLink(link);
  if (base === 'demo' || (base === undefined && madeFor(meant) === 'demo')) return 'demo';
  return base === 'own' && (meant.resolution ?? 0) <= LARGE ? 'sd1' : 'own';
}

/** What the settings of a file were made for, by their size; undefined where they say none. */
export function madeFor({ resolution }: Partial<TrainConfig>): 'demo' | 'own' | undefined {
  if (resolution === undefined) return undefined;
  return resolution <= SMALL ? 'demo' : 'own';
}

/** Of these fields, those that are better left: they belong to the other base model. */
export function unsuited(names: readonly FieldName[], other: MadeFor | undefined): FieldName[] {
  return other === undefined ? [] : names.filter((name) => ofTheModel.includes(name));
}

// What a base model must be made of, said where a file is none, or where a part is missing.
import { familyFacts, type FamilyName } from '../families/families';
import {
  listed,
  partWords,
  type FamilyFacts,
  type PartName,
  type TensorShapes,
} from '../families/family_facts';
import { CheckpointError, familyOf, identifyCheckpoint } from './checkpoint_kind';

/**
 * The family that the files with these headers are a base model of. Throws CheckpointError `kind` for the first that is part of
 * none, saying what it is.
 */
export function familyOfBase(files: readonly TensorShapes[]): FamilyName {
  const kinds = files.map(identifyCheckpoint);
  for (const { kind, sentence } of kinds)
    if (!familyOf([kind])) throw new CheckpointError('kind', { kind }, sentence);
  const family = familyOf(kinds.map(({ kind }) => kind));
  if (!family) throw new CheckpointError('kind', { kind: 'empty' }, 'No base model was given. Choose one.');
  return family;
}

/** `familyOfBase`, its facts. */
export function factsOfBase(files: readonly TensorShapes[]): FamilyFacts {
  return familyFacts[familyOfBase(files)];
}

/** Parts that are missing, in the order in which they are to be named. */
export function lacking(missing: readonly PartName[]): CheckpointError {
  const vaeAlone = missing.length === 1 && missing[0] === 'vae';
  const what = listed(
    missing.map((part) => `the ${partWords[part].en}`),
    'and',
  );
  const remedy = vaeAlone
    ? 'Give a VAE of its own beside it (the setting vae), or a whole checkpoint.'
    : 'Give the whole checkpoint, or all files of the diffusers folder.';
  const kind = vaeAlone ? 'sd1-no-vae' : 'unknown';
  return new CheckpointError('kind', { kind, lacks: missing }, `The base model lacks ${what}. ${remedy}`);
}

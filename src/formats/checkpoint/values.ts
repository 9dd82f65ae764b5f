// What a base model's values must be: finite, and where they are kept as halves within a half's range. A value that is not
// would train on NaN from the first step on, and say so only by losses.
import { CheckpointError } from './checkpoint_kind';

/** Counts of a tensor's values: infinite or NaN; finite but beyond a half's 65504. Throws CheckpointError with the tensor's name. */
export function refuseValues(
  tensor: string,
  { nonFinite, saturated }: { readonly nonFinite: number; readonly saturated: number },
): void {
  if (nonFinite > 0) {
    const facts = { tensor, count: nonFinite };
    const sentence = `"${tensor}" has ${valuesOf(nonFinite)} infinite or not a number. The checkpoint is damaged; download it again.`;
    throw new CheckpointError('non-finite', facts, sentence);
  }
  if (saturated > 0) {
    const facts = { tensor, count: saturated };
    const sentence = `"${tensor}" has ${saturated} ${saturated === 1 ? 'value' : 'values'} beyond 65504, the largest number of half precision, in which the base model's weights are kept. No sound Stable Diffusion checkpoint has such values: the file is damaged, or a merge or conversion went wrong. Use another checkpoint.`;
    throw new CheckpointError('too-large', facts, sentence);
  }
}

function valuesOf(count: number): string {
  return count === 1 ? '1 value that is' : `${count} values that are`;
}

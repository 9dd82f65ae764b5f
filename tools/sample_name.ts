/** What a sample's file is called: run, step, place in the list of prompts, and the prompt as far as it goes. */
import type { TrainEvent } from '../src/protocol/trainer';

export function sampleName(
  run: string,
  { step, index, prompt }: Pick<Extract<TrainEvent, { kind: 'sample' }>, 'step' | 'index' | 'prompt'>,
): string {
  const words = prompt.replace(/[^\p{L}\p{N}]+/gu, '_').slice(0, 40);
  return `${run}-${String(step).padStart(6, '0')}-${String(index + 1).padStart(2, '0')}-${words}.png`;
}

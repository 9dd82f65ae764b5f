/** The files that a model is made of, and which is which. */
import type { CaptionerRole, StoredCaptioner } from '../../storage/captioners';

export const rolesOf = { clip: ['vision', 'text'], tagger: ['model', 'tags'] } as const;

/** What the file is by its name, in the order in which public exports name them; undefined if it is none of them. */
export function roleOf(kind: StoredCaptioner['kind'], name: string): CaptionerRole | undefined {
  const low = name.toLowerCase();
  if (kind === 'tagger') return low.endsWith('.csv') ? 'tags' : low.endsWith('.onnx') ? 'model' : undefined;
  if (!low.endsWith('.onnx')) return undefined;
  return low.includes('text')
    ? 'text'
    : low.includes('vision') || low.includes('visual')
      ? 'vision'
      : undefined;
}

/** An error that a run survives, as an event carries it: the English sentence, and by what it is said in other languages. */
import type { ToldError } from '../../protocol/trainer';

export function told(error: unknown): ToldError {
  const sentence = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Error && 'code' in error && 'facts' in error)) return { sentence };
  return { sentence, error: { name: error.name, code: String(error.code), facts: error.facts } };
}

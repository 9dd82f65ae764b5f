/** What to tell a person of anything that was thrown: errors of ours carry a sentence. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

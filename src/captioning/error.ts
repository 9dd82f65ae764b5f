/** What the captioner refuses with: a sentence, and as its name the problem, which is what crosses to the page. */
import type { CaptionerProblem } from '../protocol/captioner';

export class CaptionerError extends Error {
  override readonly name: CaptionerProblem;
  constructor(problem: CaptionerProblem, sentence: string, cause?: unknown) {
    super(sentence, { cause });
    this.name = problem;
  }
}

/** The first line of what was thrown, for the end of a sentence. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .split('\n', 1)[0]
    .replace(/^.*ERROR_MESSAGE: /, '')
    .slice(0, 300);
}

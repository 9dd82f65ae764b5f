/**
 * What goes wrong in the page itself, apart from files and storage: with a code and facts, so that error_sentences.ts
 * can say it in Chinese too.
 */
export interface PageFacts {
  'no-word-list': Record<string, never>;
  'no-trainer': Record<string, never>;
  'no-picture-reader': Record<string, never>;
  'no-canvas': Record<string, never>;
  'no-demo-set': { set: string };
  /** `status` of the server's answer; 0 where none came; -1 where it answered with a page. */
  'no-demo-file': { file: string; status: number };
}

type English = { readonly [Code in keyof PageFacts]: (facts: PageFacts[Code]) => string };

const english: English = {
  'no-word-list': () => "CLIP's word list could not be read. Go online once and try again.",
  'no-trainer': () => 'The trainer could not be started. Reload the page.',
  'no-picture-reader': () => 'What reads pictures could not be started. Reload the page and add them again.',
  'no-canvas': () => 'This browser gave no canvas to save the picture with.',
  'no-demo-set': ({ set }) => `There is no demo set "${set}". Reload the page to get its present version.`,
  'no-demo-file': ({ file, status }) =>
    `The demo's ${file} could not be fetched (${status < 0 ? 'not on this server' : status || 'no connection'}). Go online and try again.`,
};

export class PageError<Code extends keyof PageFacts = keyof PageFacts> extends Error {
  override readonly name = 'PageError';
  constructor(
    readonly code: Code,
    readonly facts: PageFacts[Code],
  ) {
    super(english[code](facts));
  }
}

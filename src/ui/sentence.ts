/**
 * What to tell a person of anything that was thrown. Errors of ours carry a sentence in English, and a code and facts
 * by which it is said in another language.
 */
import { sentencesZh } from './error_sentences';
import { language } from './language.svelte';

export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (language.current === 'zh' && inChinese(error)) || error.message;
}

function inChinese(error: Error): string | undefined {
  if (!('code' in error && 'facts' in error)) return undefined;
  const ofKind: Readonly<Record<string, unknown>> = sentencesZh[error.name as keyof typeof sentencesZh] ?? {};
  const say = ofKind[String(error.code)];
  return typeof say === 'function' ? String(say(error.facts)) : undefined;
}

/**
 * What to tell a person of anything that was thrown. Errors of ours carry a sentence in English, and a code and facts
 * by which it is said in other languages.
 */
import type { ToldError } from '../protocol/trainer';
import { translatedSentences } from './translated_sentences.svelte';

export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return translated(error) ?? error.message;
}

/** The same of an error that a run told of and survived. */
export function sentenceOfTold({ sentence, error }: ToldError): string {
  return sentenceOf(error ? Object.assign(new Error(sentence), error) : new Error(sentence));
}

/** Errors that came from a worker are of no class any more: name, code and facts are what is left. */
function translated(error: Error): string | undefined {
  if (!('code' in error && 'facts' in error)) return undefined;
  const { table } = translatedSentences;
  if (!table || !Object.hasOwn(table, error.name)) return undefined;
  const ofKind: Readonly<Record<string, unknown>> = table[error.name as keyof typeof table];
  const code = String(error.code);
  const say = Object.hasOwn(ofKind, code) ? ofKind[code] : undefined;
  return typeof say === 'function' ? String(say(error.facts)) : undefined;
}

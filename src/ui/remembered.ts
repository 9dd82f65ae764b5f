/**
 * Small choices that are needed before the first paint (theme, language, the project last open): strings in
 * localStorage. Not for anything a person made: that is in storage/.
 */
type Choice = 'language' | 'thumbnails' | 'theme' | 'project' | 'probe' | 'gpu-lost' | 'card' | 'captioner';

/** Undefined where nothing is remembered, or where the browser forbids storage. */
export function recall(choice: Choice): string | undefined {
  try {
    return localStorage.getItem(choice) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Forgets with `undefined`. Where the browser forbids storage, the choice holds until the page closes. */
export function remember(choice: Choice, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(choice);
    else localStorage.setItem(choice, value);
  } catch {
    // A choice that is not remembered is no loss; the storage panel says that nothing is kept here.
  }
}

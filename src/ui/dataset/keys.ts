/**
 * The screen's keyboard: what a key means wherever the focus is, unless something there has taken it. Pure; the screen
 * does what it says.
 */
export type Command =
  | 'next'
  | 'previous'
  | 'untagged'
  | 'edit'
  | 'crop'
  | 'undo'
  | 'redo'
  | 'all'
  | 'escape'
  | 'aside'
  | 'take'
  | 'take-all'
  | 'dismiss';

export interface Key {
  readonly key: string;
  readonly ctrl: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  /** What has the focus: a field to type in (and whether it is empty), something that uses arrows, a button, or none. */
  readonly focus: 'text' | 'empty-text' | 'arrows' | 'picture' | 'button' | 'page';
}

/** `offered`: the picture that is open has a caption suggested. */
export function commandOf({ key, ctrl, shift, alt, focus }: Key, offered = false): Command | undefined {
  if (alt) return undefined;
  const typing = focus === 'text' || focus === 'empty-text';
  const letter = key.toLowerCase();
  if (ctrl) {
    if (letter === 'j') return 'untagged';
    if (key === 'Enter') return 'take-all';
    // Typed words are undone by the field itself.
    if (focus === 'text') return undefined;
    if (letter === 'z') return shift ? 'redo' : 'undo';
    if (letter === 'y') return 'redo';
    if (letter === 'a' && !typing) return 'all';
    return undefined;
  }
  if (key === 'Escape') return 'escape';
  if (typing || shift) return undefined;
  if (letter === 'j') return 'next';
  if (letter === 'k') return 'previous';
  if (letter === 'c') return 'crop';
  if (letter === 'e') return 'edit';
  if (letter === 'x' && offered) return 'dismiss';
  if (focus === 'arrows') return undefined;
  if (key === 'ArrowRight') return 'next';
  if (key === 'ArrowLeft') return 'previous';
  if (focus === 'button') return undefined;
  if (key === 'Enter') return offered ? 'take' : 'edit';
  if (key === 'Delete') return 'aside';
  return undefined;
}

/** What the element is, for `commandOf`. */
export function focusOf(target: EventTarget | null): Key['focus'] {
  if (!(target instanceof HTMLElement)) return 'page';
  if (target instanceof HTMLTextAreaElement) return target.value === '' ? 'empty-text' : 'text';
  if (target instanceof HTMLSelectElement) return 'arrows';
  if (target instanceof HTMLInputElement) {
    if (target.type === 'range' || target.type === 'radio') return 'arrows';
    if (target.type === 'checkbox') return 'button';
    return target.value === '' ? 'empty-text' : 'text';
  }
  if (target.classList.contains('shot')) return 'picture';
  return target.closest('button, a, summary') ? 'button' : 'page';
}

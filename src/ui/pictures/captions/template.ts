/**
 * Caption templates with a slot: "ancient Chinese ink painting of [subject], soft brush strokes". The slot takes what
 * the caption says already. Applying a template twice does nothing more.
 */

export const SLOT = '[subject]';

export function hasSlot(template: string): boolean {
  return template.toLowerCase().includes(SLOT);
}

/** The first slot is filled with the caption. An empty caption stays empty: there is nothing to put in. */
export function applyTemplate(caption: string, template: string): string {
  const at = template.toLowerCase().indexOf(SLOT);
  if (at < 0) return caption;
  const before = template.slice(0, at).trimStart();
  const after = template.slice(at + SLOT.length).trimEnd();
  const subject = caption.trim();
  if (subject === '') return caption;
  const done =
    subject.length > before.length + after.length && subject.startsWith(before) && subject.endsWith(after);
  return done || before + after === '' ? caption : `${before}${subject}${after}`;
}

/**
 * Text without what it begins or ends with. `/[\s,]+$/` does the same in a time that grows with the square of a run of
 * spaces in the middle, which a file from outside may have; this looks at each letter once.
 */

/** `drop`: tried on single UTF-16 units. */
export function withoutEnd(text: string, drop: RegExp): string {
  let end = text.length;
  while (end > 0 && drop.test(text[end - 1])) end--;
  return text.slice(0, end);
}

export function withoutEnds(text: string, drop: RegExp): string {
  const rest = withoutEnd(text, drop);
  let start = 0;
  while (start < rest.length && drop.test(rest[start])) start++;
  return rest.slice(start);
}

/** New lines, with the spaces around them and blank lines between, become one space. */
export function onOneLine(text: string): string {
  const [first, ...rest] = text.split(/[\r\n]/);
  const last = rest.pop();
  if (last === undefined) return text;
  const between = rest.map((line) => line.trim()).filter((line) => line !== '');
  return [first.trimEnd(), ...between, last.trimStart()].join(' ');
}

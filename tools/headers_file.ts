/**
 * The notation in which public/_headers is written, and static hosts read: rules by path, of which every one that matches
 * applies in turn; `! Name` takes away what an earlier one set.
 */
import type { HeaderRule } from '../src/protocol/headers.ts';

/** Throws at a line that is none of the three, with its number. */
export function parseHeaderRules(text: string): HeaderRule[] {
  const rules: { path: string; remove: string[]; set: [string, string][] }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const indented = /^\s/.test(line);
    const rule = rules.at(-1);
    const [, away] = /^\s+! ([\w-]+)\s*$/.exec(line) ?? [];
    const [, name, value] = /^\s+([\w-]+): (.+)$/.exec(line.trimEnd()) ?? [];
    if (!indented && line.startsWith('/')) rules.push({ path: line.trim(), remove: [], set: [] });
    else if (rule && away !== undefined) rule.remove.push(away);
    else if (rule && name !== undefined && value !== undefined) rule.set.push([name, value]);
    else throw new Error(`_headers, line ${index + 1}: neither a path, a header nor "! Name": ${line}`);
  }
  return rules;
}

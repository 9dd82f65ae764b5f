/**
 * The headers that the page ships with, from public/_headers in the notation that static hosts read: rules by path, of
 * which every one that matches applies in turn; `! Name` takes away what an earlier one set. And the Vite plugin that
 * serves the built page with them: what is tested is what is shipped.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

export interface HeaderRule {
  /** `*` stands for any characters. */
  readonly path: string;
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, value: string])[];
}

export function shippedRules(): HeaderRule[] {
  return parseHeaderRules(readFileSync(new URL('../public/_headers', import.meta.url), 'utf8'));
}

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

/** A name that two rules set has both values, joined by a comma, as hosts send it. */
export function headersFor(path: string, rules: readonly HeaderRule[]): Record<string, string> {
  const headers = new Map<string, [name: string, value: string]>();
  for (const { remove, set } of rules.filter((rule) => matches(path, rule.path))) {
    for (const name of remove) headers.delete(name.toLowerCase());
    for (const [name, value] of set) {
      const before = headers.get(name.toLowerCase())?.[1];
      headers.set(name.toLowerCase(), [name, before === undefined ? value : `${before}, ${value}`]);
    }
  }
  return Object.fromEntries(headers.values());
}

function matches(path: string, pattern: string): boolean {
  const literal = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`).test(path);
}

/** Sends them with `vite preview`. */
export function serveHeaders(rules: readonly HeaderRule[]): Plugin {
  return {
    name: 'headers',
    configurePreviewServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost');
        for (const [name, value] of Object.entries(headersFor(pathname, rules)))
          response.setHeader(name, value);
        next();
      });
    },
  };
}

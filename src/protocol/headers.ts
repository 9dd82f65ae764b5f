/**
 * Which headers the studio's files have: rules by path, of which every one that matches applies in turn. Used where the
 * page is served from, and by the service worker, which adds them where a host sends none. How the rules are written
 * down is tools/headers.ts.
 */
export interface HeaderRule {
  /** From the studio's root, with '/' before it; `*` stands for any characters. */
  readonly path: string;
  /** Names whose earlier values are taken away. */
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, value: string])[];
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

const POLICY = 'content-security-policy';

/**
 * The same answer with the headers that the rules say for its path. Policies for content that the host has of its own are
 * kept beside ours: browsers enforce each of them, so nothing is loosened. Ours for other paths are not kept: some hosts
 * (Netlify) send the values of all rules that match.
 */
export function withHeaders(answer: Response, path: string, rules: readonly HeaderRule[]): Response {
  // What may not be read cannot be built anew, and what has no body may have none.
  if (answer.status === 0 || [204, 205, 304].includes(answer.status)) return answer;
  const headers = new Headers(answer.headers);
  const all = rules.flatMap(({ set }) => set);
  const policies = all.filter(([name]) => name.toLowerCase() === POLICY).map(([, value]) => value);
  const foreign = (headers.get(POLICY) ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && !policies.includes(each));
  for (const [name] of all) headers.delete(name);
  for (const [name, value] of Object.entries(headersFor(path, rules))) headers.set(name, value);
  for (const policy of foreign) headers.append(POLICY, policy);
  const { status, statusText } = answer;
  return new Response(answer.body, { status, statusText, headers });
}

/** What of a policy for content a page can say of itself, in a `<meta>`: all but these. https://www.w3.org/TR/CSP3/#meta-element */
export function metaPolicy(policy: string): string {
  return directives(policy)
    .filter((directive) => !/^(frame-ancestors|sandbox|report-uri)\b/.test(directive))
    .join('; ');
}

/** Whether each of the directives of `wanted` is among those of a header; null: there is none. */
export function holds(header: string | null, wanted: string): boolean {
  const said = new Set((header ?? '').split(',').flatMap(directives));
  return wanted !== '' && directives(wanted).every((directive) => said.has(directive));
}

function directives(policy: string): string[] {
  return policy
    .split(';')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

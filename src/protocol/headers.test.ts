/** What the service worker makes of a host's answer, and what of a policy a page can say of itself. */
import { expect, test } from 'vitest';
import { holds, metaPolicy, withHeaders, type HeaderRule } from './headers';

const RULES: readonly HeaderRule[] = [
  {
    path: '/*',
    remove: [],
    set: [
      ['Content-Security-Policy', "default-src 'self'"],
      ['Connection-Allowlist', '(response-origin)'],
      ['Cross-Origin-Embedder-Policy', 'require-corp'],
    ],
  },
  {
    path: '/assets/open-*.js',
    remove: ['Content-Security-Policy', 'Connection-Allowlist'],
    set: [['Content-Security-Policy', "default-src 'none'; connect-src https:"]],
  },
];
const answer = (headers: Record<string, string> = {}) =>
  new Response('body', { status: 200, headers: { 'content-type': 'text/javascript', ...headers } });

test('a host that sends none: all of ours by path, and what it says of the content stays', async () => {
  const page = withHeaders(answer({ 'cross-origin-embedder-policy': 'unsafe-none' }), '/', RULES);
  expect(Object.fromEntries(page.headers)).toEqual({
    'content-type': 'text/javascript',
    'content-security-policy': "default-src 'self'",
    'connection-allowlist': '(response-origin)',
    'cross-origin-embedder-policy': 'require-corp',
  });
  expect(await page.text()).toBe('body');
  const open = withHeaders(answer(), '/assets/open-a1.js', RULES).headers;
  expect(open.get('content-security-policy')).toBe("default-src 'none'; connect-src https:");
  expect(open.has('connection-allowlist')).toBe(false);
});

test('a policy of the host’s own stays beside ours; ours for another path does not', () => {
  const csp = (path: string, sent: string) =>
    withHeaders(answer({ 'Content-Security-Policy': sent }), path, RULES).headers.get(
      'content-security-policy',
    );
  expect(csp('/', "default-src 'self'")).toBe("default-src 'self'");
  expect(csp('/', 'upgrade-insecure-requests')).toBe("default-src 'self', upgrade-insecure-requests");
  // As Netlify joins both.
  const joined = "default-src 'self', default-src 'none'; connect-src https:";
  expect(csp('/assets/open-a1.js', joined)).toBe("default-src 'none'; connect-src https:");
});

test('what cannot be built anew is given back as it is', () => {
  const error = Response.error();
  expect(withHeaders(error, '/', RULES)).toBe(error);
  const none = new Response(null, { status: 204 });
  expect(withHeaders(none, '/', RULES)).toBe(none);
  expect(withHeaders(new Response('gone', { status: 404 }), '/x', RULES).status).toBe(404);
});

test('a page says all of its policy but who may show it in a frame', () => {
  expect(
    metaPolicy("default-src 'self'; frame-ancestors 'none'; sandbox allow-scripts; frame-src 'none'"),
  ).toBe("default-src 'self'; frame-src 'none'");
});

test('a header holds a policy with each of its directives, in whatever order and beside others', () => {
  const wanted = "default-src 'self'; object-src 'none'";
  expect(holds("object-src 'none' ; x; default-src 'self'", wanted)).toBe(true);
  expect(holds("upgrade-insecure-requests, default-src 'self'; object-src 'none'", wanted)).toBe(true);
  expect(holds("default-src 'self' https:; object-src 'none'", wanted)).toBe(false);
  expect(holds("default-src 'self'", wanted)).toBe(false);
  expect(holds(null, wanted)).toBe(false);
  expect(holds("default-src 'self'", '')).toBe(false);
});

/**
 * Which addresses may become a script, where the browser asks (Trusted Types): files of this origin that were built, and
 * the service worker. Markup and source text may not become anything: the default policy says nothing of them, so the
 * browser refuses. Imported for its effect, first, by the page and by workers that start workers.
 * https://w3c.github.io/trusted-types/dist/spec/
 */

/** Throws a TypeError for any other address; gives it back as it is. */
export function ownScript(address: string, base: string): string {
  const { origin, pathname } = new URL(address, base);
  if (origin === new URL(base).origin && /^\/(sw\.js|assets\/[\w.-]+\.m?js)$/.test(pathname)) return address;
  throw new TypeError(`${address} is no script of the studio.`);
}

interface TrustedTypes {
  createPolicy(name: 'default', rules: { createScriptURL(address: string): string }): unknown;
}

// Not in TypeScript's library, and not in every browser.
(globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('default', {
  createScriptURL: (address) => ownScript(address, location.href),
});
